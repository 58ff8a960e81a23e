// squint::QLinearConvChain: QLinearConvs one behind the other, each of which
// alone reads the one before, in one node that takes them by bands of rows, so
// that what lies between them stays in the cache however large the image. Made
// when a network is lowered to integers (runtime/fuse_chains.h).
//
// Inputs: of link after link, those of com.microsoft::QLinearConv with
// channels_last or, where `adds` is not 0, of squint::QLinearConvAdd; input 0
// of all but the first link is absent. An absent bias keeps its place.
// Attributes, for link after link: `adds` (0: nothing, 1: the convolution is
// the first operand of its sum, 2: the second), `group`, `kernel_shape`,
// `strides` and `dilations` (height and width), `pads` (top, left, bottom,
// right). Images have two spatial axes. The numbers are those of the operators
// one after the other.
#ifndef SQUINT_OPS_CONV_CHAIN_H_
#define SQUINT_OPS_CONV_CHAIN_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "squint/graph/graph.h"

namespace squint {

// One operator of a chain, its inputs being `node.inputs.size()` of the chain's
// from `first` on.
struct ConvLink {
  size_t first = 0;
  Node node;  // QLinearConv or QLinearConvAdd

  bool adds() const { return node.op_type == "QLinearConvAdd"; }
};

// Error{kInvalidModel} where lists of attributes or inputs have other lengths
// than the links ask for.
std::vector<ConvLink> LinksOf(const Node& chain);

// The chain of these nodes, each of which alone reads the one before, without
// name and outputs. They have constant weights and no auto_pad.
Node ChainOf(const Graph& graph, const std::vector<NodeId>& links);

// As MacsOf (ops/macs.h), from the shapes of a chain's inputs.
int64_t MacsOfChain(const Node& chain, const std::vector<Dims>& inputs);

}  // namespace squint

#endif  // SQUINT_OPS_CONV_CHAIN_H_
