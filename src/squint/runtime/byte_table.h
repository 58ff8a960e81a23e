// Nodes that map one 8-bit number to another, as tables of 256 results; and
// one 16-bit number, as tables of 65,536.
#ifndef SQUINT_RUNTIME_BYTE_TABLE_H_
#define SQUINT_RUNTIME_BYTE_TABLE_H_

#include "squint/graph/graph.h"

namespace squint {

// All numbers of a type of 8 or 16 bits, in the order of their bits.
Tensor AllNumbers(const QuantParams& quant);

// The input that the node maps element by element, all others being
// constants; -1 where it does not.
int MappedInput(const Graph& graph, const Node& node);

// The integer reading of such a node on AllNumbers: that input and output 0 are
// quantized per tensor to 8 or 16 bits.
Tensor TableOf(const Graph& graph, const Node& node, int mapped);

// A BatchNormalization whose parameters are constants: a function of one number
// for each channel.
bool MapsChannels(const Graph& graph, const Node& node);
// Its tables, [channels, 256], where input 0 is quantized per tensor to 8 bits
// and so is output 0; or that of `after`, a node that maps what the first one
// makes, itself in real numbers (null: none).
Tensor ChannelTables(const Graph& graph, const Node& node, const Node* after);

}  // namespace squint

#endif  // SQUINT_RUNTIME_BYTE_TABLE_H_
