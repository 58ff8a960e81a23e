// Rounding with feedback (weight_rounding.cc) for methods that change what it
// may rely on.
#ifndef SQUINT_QUANTIZE_WEIGHT_ROUNDING_H_
#define SQUINT_QUANTIZE_WEIGHT_ROUNDING_H_

#include "squint/graph/graph.h"
#include "squint/quantize/method.h"

namespace squint {

// Whether the recipe rounds weights so.
bool RoundsWithFeedback(const Recipe& recipe);

// Rounds the weights of all layers from their float ones, at scales around
// those that they have. `mean_is_restored`: biases make up for what moves the
// mean of a layer's results, so that only what is around it counts. Returns
// how many layers there were; 0 without samples.
int RoundWithFeedback(const MethodContext& context, bool mean_is_restored,
                      Graph& quantized);

}  // namespace squint

#endif  // SQUINT_QUANTIZE_WEIGHT_ROUNDING_H_
