// How much arithmetic a node is: its multiply-accumulates, which is what a
// processor's peak is stated in.
#ifndef SQUINT_OPS_MACS_H_
#define SQUINT_OPS_MACS_H_

#include <cstdint>
#include <vector>

#include "squint/graph/graph.h"

namespace squint {

// Products that are summed, of any arithmetic, in one run of the node on these
// shapes (empty where absent); padding counts as input. 0 for operators that
// compute no such sums, and for nested graphs, whose nodes count by themselves.
int64_t MacsOf(const Node& node, const std::vector<Dims>& inputs,
               const std::vector<Dims>& outputs);

}  // namespace squint

#endif  // SQUINT_OPS_MACS_H_
