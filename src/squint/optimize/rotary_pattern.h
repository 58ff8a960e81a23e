// Finds rotary position embeddings that are written out in small operators:
//   x * cos + turned(x) * sin,  turned(x) = (-x2, x1),
// or the two halves (x1 cos - x2 sin, x2 cos + x1 sin) joined, where x1 and
// x2 are the halves of the last axis or every other element of it. It only
// looks. Constants should be folded before (Optimize).
#ifndef SQUINT_OPTIMIZE_ROTARY_PATTERN_H_
#define SQUINT_OPTIMIZE_ROTARY_PATTERN_H_

#include <vector>

#include "squint/graph/graph.h"

namespace squint {

struct RotaryMatch {
  ValueId x = kNoValue;    // what turns: whole heads, or a Slice of them
  ValueId cos = kNoValue;  // as wide as x, or, with `half_tables`, as x1
  ValueId sin = kNoValue;
  bool half_tables = false;
  bool interleaved = false;  // x1, x2: even and odd elements
  ValueId output = kNoValue;
  std::vector<NodeId> nodes;  // what it is made of, in order
};

// In the order of their outputs. Nested graphs are looked at by themselves.
std::vector<RotaryMatch> FindRotaryEmbeddings(const Graph& graph);

}  // namespace squint

#endif  // SQUINT_OPTIMIZE_ROTARY_PATTERN_H_
