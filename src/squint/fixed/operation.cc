#include "squint/fixed/operation.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "squint/base/error.h"
#include "squint/fixed/state_grids.h"
#include "squint/ops/recurrent_steps.h"

namespace squint {
namespace {

std::optional<Grid> ConstantGrid(const Graph& graph, ValueId scale,
                                 ValueId zero_point) {
  const Tensor* scales = graph.ConstantOf(scale);
  if (scales == nullptr || scales->rank() > 1 || scales->size() == 0) {
    return std::nullopt;
  }
  Grid grid{scales->ToFloats(), {0}};
  for (const float s : grid.scales) {
    if (!(s > 0)) return std::nullopt;
  }
  if (zero_point == kNoValue) return grid;
  const Tensor* zeros = graph.ConstantOf(zero_point);
  if (zeros == nullptr || zeros->rank() > 1 || zeros->size() == 0) {
    return std::nullopt;
  }
  grid.zeros.clear();
  for (const int64_t zero : zeros->ToInts()) {
    grid.zeros.push_back(static_cast<int32_t>(zero));
  }
  return grid;
}

}  // namespace

FixedOperand OperandOf(const Graph& graph, ValueId id) {
  FixedOperand operand;
  if (id == kNoValue) return operand;
  const Value& value = graph.value(id);
  operand.id = id;
  operand.dtype = value.dtype;
  operand.constant = graph.ConstantOf(id);
  if (operand.constant != nullptr) {
    operand.dtype = operand.constant->dtype();
    operand.dims = operand.constant->dims();
    return operand;
  }
  const auto dims = value.shape.values();
  Require(dims.has_value(),
          fmt::format("the shape of '{}' is not known", value.name));
  operand.dims = *dims;
  Require(ElementCount(operand.dims) > 0,
          fmt::format("'{}' has no elements", value.name));
  return operand;
}

namespace {

Node StandardNode(std::string_view op_type, const Attributes& attributes) {
  Node node;
  node.op_type = op_type;
  node.attributes = attributes;
  return node;
}

FixedOperation FromForm(const Graph& graph, const Node& node,
                        const QLinearForm& form) {
  Require(!form.added && !form.flatten_from, "it has parts in float");
  const auto at = [&](std::optional<size_t> i) {
    return i ? node.input(*i) : kNoValue;
  };
  FixedOperation operation;
  operation.node = StandardNode(form.op_type, form.attributes);
  operation.channels_last = form.channels_last;
  operation.alpha = form.alpha;
  for (const QLinearOperand& input : form.inputs) {
    operation.inputs.push_back(OperandOf(graph, node.input(input.data)));
    if (input.scale) {
      operation.inputs.back().grid =
          ConstantGrid(graph, at(input.scale), at(input.zero_point));
    }
  }
  operation.outputs = {OperandOf(graph, node.output())};
  if (form.scale) {
    operation.outputs[0].grid =
        ConstantGrid(graph, at(form.scale), at(form.zero_point));
  }
  return operation;
}

// A constant that is stored as integers says itself what they mean.
FixedOperand ConstantOperand(const Graph& graph, ValueId id) {
  FixedOperand operand = OperandOf(graph, id);
  const auto& quant = graph.value(id).quant;
  if (!quant || quant->kind != QuantKind::kStatic || quant->block != 0) {
    return operand;
  }
  operand.grid = Grid{quant->scale.ToFloats(), {}};
  for (int64_t c = 0; c < quant->scale.size(); ++c) {
    operand.grid->zeros.push_back(quant->zero_point_at(c));
  }
  return operand;
}

// The integers behind a real number that DequantizeLinear makes.
FixedOperand ReadIntegers(const Graph& graph, ValueId id) {
  if (id == kNoValue || !IsFloat(graph.value(id).dtype)) {
    return OperandOf(graph, id);
  }
  if (graph.ConstantOf(id) != nullptr) return ConstantOperand(graph, id);
  const NodeId producer = graph.value(id).producer;
  Require(producer != kNoNode && graph.node(producer).Is("DequantizeLinear"),
          fmt::format("it reads real numbers, '{}'", graph.value(id).name));
  const Node& made = graph.node(producer);
  FixedOperand operand = OperandOf(graph, made.input(0));
  operand.grid = ConstantGrid(graph, made.input(1), made.input(2));
  return operand;
}

std::vector<FixedOperand> ReadOperands(const Graph& graph, const Node& node) {
  std::vector<FixedOperand> operands;
  for (const ValueId input : node.inputs) {
    operands.push_back(ReadIntegers(graph, input));
  }
  return operands;
}

// The integers that QuantizeLinear alone makes of a real result.
FixedOperand MadeIntegers(const Graph& graph, const UseMap& uses, ValueId id,
                          NodeId& rounding) {
  if (id == kNoValue || !IsFloat(graph.value(id).dtype)) {
    return OperandOf(graph, id);
  }
  rounding = uses.SoleReader(id);
  Require(rounding != kNoNode && graph.node(rounding).Is("QuantizeLinear") &&
              !graph.IsOutput(id),
          "its result is real numbers");
  const Node& made = graph.node(rounding);
  FixedOperand operand = OperandOf(graph, made.output());
  operand.grid = ConstantGrid(graph, made.input(1), made.input(2));
  return operand;
}

// The integers behind the gates' part of the input; `bias`: what is added to it
// on the way.
FixedOperand ReadGates(const Graph& graph, ValueId id, FixedOperand& bias) {
  const NodeId producer = graph.value(id).producer;
  if (producer == kNoNode || !graph.node(producer).Is("Add")) {
    return ReadIntegers(graph, id);
  }
  const Node& sum = graph.node(producer);
  const size_t side = graph.ConstantOf(sum.input(1)) != nullptr ? 1 : 0;
  bias = OperandOf(graph, sum.input(side));
  Require(bias.constant != nullptr && bias.dtype == DType::kFloat32,
          "two computed values are added before its gates");
  return ReadIntegers(graph, sum.input(1 - side));
}

// Inputs of LSTMSteps and GRUSteps; initial states that are zeros are absent,
// and the bias of the gates comes last.
std::vector<FixedOperand> ReadSteps(const Graph& graph, const Node& node) {
  const StepInputs& at = InputsOfSteps(node);
  std::vector<FixedOperand> inputs(at.zero_point + 2);
  inputs[0] = ReadGates(graph, node.input(StepInputs::kGates), inputs.back());
  for (size_t i = 1; i < node.inputs.size(); ++i) {
    const bool state = i == at.h || i == at.c;
    if (state && StartsAtZero(graph, node.input(i))) continue;
    inputs[i] = ReadIntegers(graph, node.input(i));
  }
  return inputs;
}

// A constant that is stored as integers as the real numbers it stands for.
ValueId AsStandsFor(Graph& graph, ValueId id) {
  const Tensor* constant = id == kNoValue ? nullptr : graph.ConstantOf(id);
  if (constant == nullptr || !graph.value(id).quant) return id;
  const Tensor real = DequantizeTensor(*constant, *graph.value(id).quant);
  return graph.AddConstant(graph.value(id).name + "_real", real);
}

// By something else than a rounding whose result nobody reads.
bool IsRead(const Graph& graph, const UseMap& uses, ValueId id) {
  if (id == kNoValue) return false;
  return graph.IsOutput(id) ||
         std::ranges::any_of(uses.of(id), [&](const Use& use) {
           const Node& reader = graph.node(use.node);
           return !reader.Is("QuantizeLinear") ||
                  IsRead(graph, uses, reader.output());
         });
}

}  // namespace

FixedOperation ReadRealOperation(Graph& graph, NodeId id) {
  const Node node = graph.node(id);
  Require(!node.has_graphs(), "it has nested graphs");
  if (const auto form = QLinearFormOf(node)) {
    return FromForm(graph, node, *form);
  }
  FixedOperation operation;
  operation.node = StandardNode(node.op_type, node.attributes);
  Require(node.domain.empty(), "there is no float form of this operator");
  for (const ValueId input : node.inputs) {
    operation.inputs.push_back(OperandOf(graph, AsStandsFor(graph, input)));
  }
  for (const ValueId output : node.outputs) {
    operation.outputs.push_back(OperandOf(graph, output));
  }
  return operation;
}

void Require(bool holds, std::string_view reason) {
  if (!holds) Fail(ErrorCode::kUnsupported, "{}", reason);
}

FixedOperation ReadOperation(const Graph& graph, const UseMap& uses,
                             NodeId id) {
  const Node& node = graph.node(id);
  Require(!node.has_graphs(), "it has nested graphs");
  if (const auto form = QLinearFormOf(node)) {
    Require(form->scale.has_value(), "its result is real numbers");
    return FromForm(graph, node, *form);
  }
  FixedOperation operation;
  operation.node = StandardNode(node.op_type, node.attributes);
  const bool steps = IsSteps(node);
  operation.inputs = steps ? ReadSteps(graph, node) : ReadOperands(graph, node);
  for (const ValueId output : node.outputs) {
    const bool wanted = !steps || IsRead(graph, uses, output);
    operation.rounding.push_back(kNoNode);
    operation.outputs.push_back(MadeIntegers(
        graph, uses, wanted ? output : kNoValue, operation.rounding.back()));
  }
  if (node.domain == "com.microsoft" && node.op_type == "NhwcMaxPool") {
    operation.node.op_type = "MaxPool";
    operation.channels_last = true;
  }
  return operation;
}

DType NumberType(const FixedOperation& operation) {
  const bool wide = operation.outputs[0].dtype == DType::kInt16;
  return wide ? DType::kInt16 : DType::kInt8;
}

FixedGrid GridOf(const FixedOperand& operand, DType dtype) {
  Require(operand.dtype == dtype,
          fmt::format("it computes with {} and {}", DTypeName(dtype),
                      DTypeName(operand.dtype)));
  Require(operand.grid && operand.grid->scales.size() == 1 &&
              operand.grid->zeros.size() == 1,
          "an operand has not one known scale");
  return {operand.grid->scales[0], operand.grid->zeros[0]};
}

int32_t Size(int64_t value) {
  Require(value >= std::numeric_limits<int32_t>::min() &&
              value <= std::numeric_limits<int32_t>::max(),
          "a size does not fit 32 bits");
  return static_cast<int32_t>(value);
}

}  // namespace squint
