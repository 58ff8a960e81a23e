// A node of a lowered graph as an operator between integers: a QLinear node by
// what it stands for (ops/qlinear_form.h), a node between DequantizeLinear and
// QuantizeLinear by the integers around those, data movement as it is.
#ifndef SQUINT_FIXED_OPERATION_H_
#define SQUINT_FIXED_OPERATION_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "squint/fixed/factor.h"
#include "squint/fixed/step.h"
#include "squint/graph/graph.h"
#include "squint/ops/qlinear_operands.h"

namespace squint {

struct FixedOperand {
  ValueId id = kNoValue;  // in the lowered graph; kNoValue: absent
  DType dtype = DType::kUndefined;
  Dims dims;
  const Tensor* constant = nullptr;  // its content where it is one
  std::optional<Grid> grid;          // what its integers mean, where told

  bool has() const { return id != kNoValue; }
};

struct FixedOperation {
  Node node;  // the standard operator's type and attributes, without values
  // Of recurrent steps (ops/recurrent_steps.h): without initial states that
  // are zeros, and with the bias of the gates behind the others.
  std::vector<FixedOperand> inputs;
  std::vector<FixedOperand> outputs;
  bool channels_last = false;  // images are [N, spatial ..., C]
  float alpha = 1.0f;          // of Gemm
  // The QuantizeLinear behind each output that belongs to the operation.
  std::vector<NodeId> rounding;

  bool has(size_t i) const { return i < inputs.size() && inputs[i].has(); }
};

// Error{kUnsupported} says why the node computes with no such integers.
FixedOperation ReadOperation(const Graph& graph, const UseMap& uses, NodeId id);

// The same of a node that computes with real numbers, wholly or in its results;
// `graph` gets what stored constants stand for.
FixedOperation ReadRealOperation(Graph& graph, NodeId id);

FixedOperand OperandOf(const Graph& graph, ValueId id);

// Error{kUnsupported} with the reason, unless `holds`.
void Require(bool holds, std::string_view reason);

// The type of the numbers that the operation computes with: int16 where its
// result has it, else int8. Operands of another type are refused by GridOf.
DType NumberType(const FixedOperation& operation);
// Of that type, with one scale and zero point.
struct FixedGrid {
  double scale = 1;
  int32_t zero = 0;
};
FixedGrid GridOf(const FixedOperand& operand, DType dtype = DType::kInt8);
// As int32_t; error beyond.
int32_t Size(int64_t value);

// The step of an operation. Error{kUnsupported}: why there is none.
std::unique_ptr<FixedStep> MakeFixedStep(const FixedOperation& operation);
// Of one that computes with real numbers.
std::unique_ptr<FixedStep> MakeRealStep(const FixedOperation& operation);

}  // namespace squint

#endif  // SQUINT_FIXED_OPERATION_H_
