// For what joins nodes of a graph: which values nobody would miss.
#ifndef SQUINT_RUNTIME_VANISHING_H_
#define SQUINT_RUNTIME_VANISHING_H_

#include "squint/graph/graph.h"

namespace squint {

// Built once per pass, as UseMap.
class VanishingValues {
 public:
  explicit VanishingValues(const Graph& graph) : graph_(graph), uses_(graph) {}

  // The node that alone reads a value which is not simulated and neither an
  // output nor seen by nested graphs; kNoNode where there is none.
  NodeId ReaderOf(ValueId id) const;
  // The node whose result such a value is.
  NodeId MakerOf(ValueId id) const;

 private:
  const Graph& graph_;
  UseMap uses_;
};

// Float32 and not simulated.
bool IsPlainFloat(const Graph& graph, ValueId id);

// The constant vector by which a Mul scales the columns of x, its operand;
// kNoValue where the node does something else.
ValueId ColumnFactor(const Graph& graph, const Node& node, ValueId x);

// Constants of one number each: a float32 scale and the zero point of 8 bits.
bool IsByteGrid(const Graph& graph, ValueId scale, ValueId zero);

}  // namespace squint

#endif  // SQUINT_RUNTIME_VANISHING_H_
