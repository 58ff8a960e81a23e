// The type and the bits of each layer's weight under a recipe.
#ifndef SQUINT_QUANTIZE_WEIGHT_FORMAT_H_
#define SQUINT_QUANTIZE_WEIGHT_FORMAT_H_

#include <set>

#include "squint/graph/graph.h"
#include "squint/ops/op.h"
#include "squint/quantize/recipe.h"

namespace squint {

// What the recipe, or else its target, gives all layers.
DType CommonWeightType(const Recipe& recipe, const Target& target);
WeightFormat CommonWeightFormat(const Recipe& recipe, const Target& target);
WeightFormat CommonWeightFormat(const Recipe& recipe);

// Layers that read what comes straight from the network's inputs.
std::set<NodeId> FirstLayers(const Graph& graph);

// Layers that read the network's inputs, and those whose results reach its
// outputs, with no other layer between; a table that is looked up counts as a
// layer. Their weights are few and matter most.
std::set<NodeId> EdgeLayers(const Graph& graph);

class WeightFormats {
 public:
  // All must outlive this.
  WeightFormats(const Graph& graph, const Recipe& recipe, const Target& target);

  WeightFormat of(NodeId id) const;

 private:
  const Graph& graph_;
  const Recipe& recipe_;
  WeightFormat common_;
  std::set<NodeId> eight_bits_;  // instead of fewer
};

}  // namespace squint

#endif  // SQUINT_QUANTIZE_WEIGHT_FORMAT_H_
