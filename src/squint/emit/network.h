// What is emitted: fixed-point steps between integer inputs and outputs.
#ifndef SQUINT_EMIT_NETWORK_H_
#define SQUINT_EMIT_NETWORK_H_

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "squint/fixed/program.h"
#include "squint/graph/graph.h"

namespace squint {

// An input or output as the caller of emitted C sees it: the integers behind
// QuantizeLinear, or before DequantizeLinear; real numbers where steps compute
// with them.
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
  // Some step computes with real numbers.
  bool has_real_steps() const;
  // Values that depend on one.
  std::set<ValueId> BehindRealSteps() const;
  bool IsConstant(ValueId id) const {
    return program.graph.value(id).is_constant();
  }
};

// Of what LowerToFixed made. Error{kUnsupported} names every node that cannot
// be written in integers (or, with real steps, in C), and why;
// Error{kInvalidArgument} where a size is not known.
FixedNetwork MakeNetwork(const Graph& lowered,
                         const std::vector<Dims>& input_dims,
                         const FixedOptions& options = {});

}  // namespace squint

#endif  // SQUINT_EMIT_NETWORK_H_
