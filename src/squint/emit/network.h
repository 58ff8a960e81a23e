// What is emitted: fixed-point steps between integer inputs and outputs.
#ifndef SQUINT_EMIT_NETWORK_H_
#define SQUINT_EMIT_NETWORK_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "squint/fixed/program.h"
#include "squint/graph/graph.h"

namespace squint {

// An input or output as the caller of emitted C sees it: the integers behind
// QuantizeLinear, or before DequantizeLinear.
struct Port {
  ValueId value = kNoValue;
  std::string name;  // of the graph's own input or output
  DType dtype = DType::kInt8;
  Dims dims;
  bool has_scale = false;  // false: the network says nothing about it
  float scale = 1;
  int32_t zero = 0;

  int64_t size() const { return ElementCount(dims); }
  int64_t bytes() const { return size() * BitsOf(dtype) / 8; }
};

struct FixedNetwork {
  FixedProgram program;  // its nodes: steps alone
  std::vector<Port> inputs;
  std::vector<Port> outputs;

  const std::vector<FixedNode>& steps() const { return program.nodes; }
  int64_t BytesOf(ValueId id) const;
  bool IsConstant(ValueId id) const {
    return program.graph.value(id).is_constant();
  }
};

// Of what LowerToFixed made. Error{kUnsupported} names every node that cannot
// be written in integers, and why; Error{kInvalidArgument} where a size is not
// known.
FixedNetwork MakeNetwork(const Graph& lowered,
                         const std::vector<Dims>& input_dims);

}  // namespace squint

#endif  // SQUINT_EMIT_NETWORK_H_
