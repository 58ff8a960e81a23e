// Operators on stored integers whose scales and zero points are inputs:
// QLinearConv, QLinearMatMul and ONNX Runtime's relatives. Each stands for a
// standard operator (qlinear_form.h) and borrows its two readings: float
// between dequantized inputs, quantized again; or the formula on integers.
#include <algorithm>
#include <map>
#include <utility>

#include "squint/ops/infer.h"
#include "squint/ops/integer_sums.h"
#include "squint/ops/layout.h"
#include "squint/ops/op.h"
#include "squint/ops/operand_params.h"
#include "squint/ops/qlinear_form.h"
#include "squint/ops/qlinear_prepare.h"
#include "squint/ops/quant_rules.h"

namespace squint {
namespace {

QLinearForm FormOf(const Node& node) {
  auto form = QLinearFormOf(node);
  CheckInternal(form.has_value(), "a QLinear row without a form");
  return *std::move(form);
}

const OpDef& StandardOp(const QLinearForm& form) {
  const OpDef* op = FindOp(form.op_type);
  CheckInternal(op != nullptr, "a QLinear form of an unknown operator");
  return *op;
}

// ---- inference

// The standard operator on real values of the operands' shapes.
Graph StandardGraph(const InferContext& context, const QLinearForm& form) {
  Graph graph;
  Node node;
  node.op_type = form.op_type;
  node.name = context.node().name;
  node.attributes = form.attributes;
  for (const QLinearOperand& operand : form.inputs) {
    Shape shape = context.shape(operand.data);
    const bool first = node.inputs.empty();
    if (first && form.channels_last && shape.has_rank()) {
      shape = Permuted(shape, ChannelsFirst(shape.rank()));
    }
    const bool stored = operand.scale || operand.bias;
    node.inputs.push_back(graph.AddInput(
        "x", stored ? DType::kFloat32 : context.dtype(operand.data), shape));
  }
  node.outputs = {graph.AddValue("y")};
  graph.AddNode(std::move(node));
  return graph;
}

DType ResultType(const InferContext& context, const QLinearForm& form) {
  if (!form.scale) return DType::kFloat32;
  return context.dtype(form.zero_point ? *form.zero_point
                                       : form.inputs[0].data);
}

void CheckZeroPoints(const InferContext& context, const QLinearForm& form) {
  for (const QLinearOperand& operand : form.inputs) {
    if (!operand.zero_point || !context.has_input(*operand.zero_point))
      continue;
    const DType data = context.dtype(operand.data);
    const DType zero = context.dtype(*operand.zero_point);
    if (data == zero || data == DType::kUndefined ||
        zero == DType::kUndefined) {
      continue;
    }
    Fail(ErrorCode::kInvalidModel, "input {} is {}, its zero point is {}",
         operand.data, DTypeName(data), DTypeName(zero));
  }
}

void InferQLinear(InferContext& context) {
  const QLinearForm form = FormOf(context.node());
  CheckZeroPoints(context, form);
  const Graph graph = StandardGraph(context, form);
  const std::map<ValueId, DimTensor> contents;
  InferContext standard(graph, graph.node(graph.order()[0]), contents);
  InferChecked(StandardOp(form), standard);
  Shape shape = standard.results()[0].shape;
  if (form.channels_last && shape.has_rank()) {
    shape = Permuted(shape, ChannelsLast(shape.rank()));
  }
  context.SetOutput(0, ResultType(context, form), std::move(shape));
}

// ---- reference

const Tensor& Required(const RunContext& context, size_t i) {
  if (!context.has(i)) {
    Fail(ErrorCode::kInvalidModel, "input {} is missing", i);
  }
  return context.in(i);
}

const Tensor* At(const RunContext& context, const std::optional<size_t>& i) {
  return i ? &context.in(*i) : nullptr;
}

// Inputs and quantization of the standard operator's run.
struct Operands {
  std::vector<Tensor> data;
  std::vector<std::optional<QuantParams>> quant;
  std::optional<QuantParams> result;
};

QuantParams ParamsOf(const RunContext& context, const QLinearForm& form,
                     const QLinearOperand& operand, const Operands& before) {
  const Tensor& data = Required(context, operand.data);
  if (operand.bias) {
    const int axis = std::max(data.rank() - 1, 0);
    const QuantParams params =
        BiasParams(*before.quant[0], *before.quant[1], form.alpha, axis);
    if (!params.per_tensor() &&
        (data.rank() == 0 || data.dim(axis) != params.scale.size())) {
      Fail(ErrorCode::kUnsupported, "a bias of {} for {} output channels",
           DimsToString(data.dims()), params.scale.size());
    }
    return params;
  }
  return OperandParams(data, &Required(context, *operand.scale),
                       At(context, operand.zero_point), operand.axis);
}

QuantParams ResultParams(const RunContext& context, const QLinearForm& form) {
  const Tensor* zero = At(context, form.zero_point);
  const DType dtype =
      zero ? zero->dtype() : context.in(form.inputs[0].data).dtype();
  return OperandParams(Tensor(dtype, {}), &context.in(*form.scale), zero, {});
}

// Dimensions as Softmax before opset 13 saw them: a matrix.
Dims Flattened(const Dims& dims, int64_t from) {
  const auto rank = static_cast<int>(dims.size());
  const int axis = rank == 0 ? 0 : NormalizeAxis(from, rank);
  const auto middle = dims.begin() + axis;
  return {ElementCount(Dims(dims.begin(), middle)),
          ElementCount(Dims(middle, dims.end()))};
}

Operands OperandsOf(const RunContext& context, const QLinearForm& form) {
  Operands operands;
  for (const QLinearOperand& operand : form.inputs) {
    Tensor data = Required(context, operand.data);
    std::optional<QuantParams> quant;
    if (operand.scale || operand.bias) {
      quant = ParamsOf(context, form, operand, operands);
    }
    if (operands.data.empty() && form.channels_last) {
      data = TransposeTensor(data, ChannelsFirst(data.rank()));
    }
    if (form.flatten_from) {
      data = data.Reshaped(Flattened(data.dims(), *form.flatten_from));
    }
    operands.data.push_back(std::move(data));
    operands.quant.push_back(std::move(quant));
  }
  if (form.scale) operands.result = ResultParams(context, form);
  return operands;
}

Tensor AddBias(const Tensor& product, const Tensor& bias) {
  Node node;
  node.op_type = "Add";
  RunContext context{node, {&product, &bias}, {}, {}, {}};
  context.outputs.resize(1);
  FindOp("Add")->reference(context);
  return std::move(context.outputs[0]);
}

Tensor RunStandard(const QLinearForm& form, const Operands& operands,
                   bool on_integers) {
  Node node;
  node.op_type = form.op_type;
  node.attributes = form.attributes;
  node.outputs = {0};
  RunContext context{node, {}, {}, {}, {}};
  for (size_t i = 0; i < operands.data.size(); ++i) {
    const auto& quant = operands.quant[i];
    context.inputs.push_back(&operands.data[i]);
    context.input_quant.push_back(quant ? &*quant : nullptr);
  }
  context.output_quant = {operands.result ? &*operands.result : nullptr};
  context.outputs.resize(1);
  const OpDef& op = StandardOp(form);
  if (on_integers) {
    op.integer_reference(context);
  } else {
    RunDequantized(context, op.reference);
  }
  return std::move(context.outputs[0]);
}

template <bool kOnIntegers>
void RunQLinear(RunContext& context) {
  const QLinearForm form = FormOf(context.node);
  if (form.inputs.empty()) {
    Fail(ErrorCode::kInvalidModel, "there is no input to compute with");
  }
  Tensor result = RunStandard(form, OperandsOf(context, form), kOnIntegers);
  if (form.added) result = AddBias(result, context.in(*form.added));
  if (form.flatten_from) {
    result = result.Reshaped(context.in(form.inputs[0].data).dims());
  }
  if (form.channels_last) {
    result = TransposeTensor(result, ChannelsLast(result.rank()));
  }
  context.outputs[0] = std::move(result);
}

// ---- DynamicQuantizeMatMul

// A, B, b_scale, b_zero_point, bias: A becomes uint8 by its own range.
void InferDynamicQuantizeMatMul(InferContext& context) {
  const auto& matmul = *FindOp("MatMul");
  matmul.infer(context);
}

void RunDynamicQuantizeMatMul(RunContext& context) {
  QLinearForm form;
  form.op_type = "MatMul";
  const Tensor& b = Required(context, 1);
  const Tensor* zero = context.has(3) ? &context.in(3) : nullptr;
  Operands operands;
  operands.quant = {DynamicParams(context.in(0)),
                    OperandParams(b, &Required(context, 2), zero, -1)};
  operands.data = {QuantizeTensor(context.in(0), *operands.quant[0]), b};
  Tensor result = RunStandard(form, operands, true);
  context.outputs[0] =
      context.has(4) ? AddBias(result, context.in(4)) : std::move(result);
}

constexpr OpDef QLinearRow(std::string_view type, std::string_view domain,
                           int since) {
  OpDef row;
  row.type = type;
  row.domain = domain;
  row.since = since;
  row.infer = InferQLinear;
  row.reference = RunQLinear<false>;
  row.integer_reference = RunQLinear<true>;
  row.quantize = StoredIntegersRule;
  return row;
}

// With integer kernels.
constexpr OpDef Prepared(OpDef row) {
  row.prepare = PrepareQLinear;
  return row;
}

constexpr OpDef MicrosoftRow(std::string_view type) {
  return QLinearRow(type, "com.microsoft", 1);
}

}  // namespace

extern constinit const OpDef kDynamicQuantizeMatMulOp = {
    .type = "DynamicQuantizeMatMul",
    .domain = "com.microsoft",
    .infer = InferDynamicQuantizeMatMul,
    .reference = RunDynamicQuantizeMatMul,
    .quantize = StoredIntegersRule,
};
extern constinit const OpDef kMatMulIntegerToFloatOp =
    Prepared(MicrosoftRow("MatMulIntegerToFloat"));
extern constinit const OpDef kQGemmOp = Prepared(MicrosoftRow("QGemm"));
extern constinit const OpDef kQLinearAddOp =
    Prepared(MicrosoftRow("QLinearAdd"));
extern constinit const OpDef kQLinearAveragePoolOp =
    Prepared(MicrosoftRow("QLinearAveragePool"));
extern constinit const OpDef kQLinearConcatOp = MicrosoftRow("QLinearConcat");
extern constinit const OpDef kQLinearConvOp =
    Prepared(QLinearRow("QLinearConv", "", 10));
extern constinit const OpDef kQLinearConvOfRuntimeOp =
    Prepared(MicrosoftRow("QLinearConv"));
extern constinit const OpDef kQLinearGlobalAveragePoolOp =
    Prepared(MicrosoftRow("QLinearGlobalAveragePool"));
extern constinit const OpDef kQLinearLeakyReluOp =
    MicrosoftRow("QLinearLeakyRelu");
extern constinit const OpDef kQLinearMatMulOp =
    Prepared(QLinearRow("QLinearMatMul", "", 10));
extern constinit const OpDef kQLinearMulOp =
    Prepared(MicrosoftRow("QLinearMul"));
extern constinit const OpDef kQLinearSigmoidOp = MicrosoftRow("QLinearSigmoid");
extern constinit const OpDef kQLinearSoftmaxOp = MicrosoftRow("QLinearSoftmax");
extern constinit const OpDef kQLinearWhereOp = MicrosoftRow("QLinearWhere");

}  // namespace squint
