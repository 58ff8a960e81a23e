// A network cut into blocks for methods that tune one block after the other:
// stretches of its order between places where a single value carries all that
// was computed, of a few layers each (BRECQ, arXiv:2102.05426, section 3.2).
#ifndef SQUINT_QUANTIZE_BLOCK_H_
#define SQUINT_QUANTIZE_BLOCK_H_

#include <set>
#include <vector>

#include "squint/graph/graph.h"

namespace squint {

struct TuningBlock {
  std::vector<NodeId> nodes;    // in execution order
  std::vector<NodeId> tuned;    // those of them whose weights can be tuned
  std::vector<ValueId> inputs;  // made outside, not constant
  // Made inside from tuned weights and read outside.
  std::vector<ValueId> outputs;
};

// Blocks of at least one node of `tunable`, in execution order; all of these
// nodes are in one. A block holds at most three, unless values run side by
// side; where more than eight are between two places, or a gradient is
// missing on the way to an output, each is a block of its own.
std::vector<TuningBlock> CutIntoBlocks(const Graph& graph,
                                       const std::set<NodeId>& tunable);

// The part of the graph that computes `to`, starting from the values `from`
// and from the graph's inputs: its inputs are those that are needed, in
// `needed`; its outputs are `to`.
struct GraphPart {
  Graph graph;
  std::vector<ValueId> needed;  // ids in the whole graph
};
GraphPart PartOf(const Graph& whole, const std::set<ValueId>& from,
                 const std::vector<ValueId>& to);

}  // namespace squint

#endif  // SQUINT_QUANTIZE_BLOCK_H_
