// Whether a recipe makes sense for a network, told before any long work.
#ifndef SQUINT_QUANTIZE_CHECK_RECIPE_H_
#define SQUINT_QUANTIZE_CHECK_RECIPE_H_

#include "squint/graph/graph.h"
#include "squint/quantize/recipe.h"

namespace squint {

// Error{kInvalidArgument} for types and names that do not exist or do not go
// together, kUnsupported for what cannot be done yet, kInvalidModel for a
// network that computes nothing.
void CheckRecipe(const Graph& graph, const Recipe& recipe);

}  // namespace squint

#endif  // SQUINT_QUANTIZE_CHECK_RECIPE_H_
