// Finds attention that is written out in small operators, the way exporters
// do it:
//   softmax(scale * q k^T [soft cap] [masks]) v
// with the scale on q, on k or on the product, the masks added or chosen by
// Where, Casts around the softmax and guards against NaN behind it. It only
// looks: the graph stays as it is, so that what is quantized and written
// does not depend on it. Constants should be folded before (Optimize).
#ifndef SQUINT_OPTIMIZE_ATTENTION_PATTERN_H_
#define SQUINT_OPTIMIZE_ATTENTION_PATTERN_H_

#include <vector>

#include "squint/graph/graph.h"
#include "squint/optimize/attention_mask.h"

namespace squint {

struct AttentionMatch {
  ValueId q = kNoValue;  // [..., rows, size]
  ValueId k = kNoValue;  // [..., keys, size]; [..., size, keys] if transposed
  bool k_transposed = false;
  ValueId v = kNoValue;  // [..., keys, value size]
  double scale = 1.0;
  double softcap = 0.0;  // scores become cap * tanh(score / cap); 0: none
  std::vector<AttentionMask> masks;
  ValueId output = kNoValue;
  // What it is made of, in order; nobody else reads what is between.
  std::vector<NodeId> nodes;

  bool causal() const;  // one of the masks is
};

// In the order of their softmax. Nested graphs are looked at by themselves.
std::vector<AttentionMatch> FindAttention(const Graph& graph);

}  // namespace squint

#endif  // SQUINT_OPTIMIZE_ATTENTION_PATTERN_H_
