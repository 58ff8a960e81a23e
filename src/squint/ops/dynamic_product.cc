#include "squint/ops/dynamic_product.h"

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include "squint/ops/operand_params.h"

namespace squint {
namespace {

// Of the weight: where the output channels lie; -1 for a node whose weight
// is no such one.
int ChannelAxis(const Node& node, const Tensor& weight) {
  if (node.Is("MatMul")) return weight.rank() - 1;
  if (node.Is("Conv")) return 0;
  const bool plain = node.Int("transA", 0) == 0 &&
                     node.Float("alpha", 1.0f) == 1.0f &&
                     (!node.has_input(2) || node.Float("beta", 1.0f) == 1.0f);
  return plain ? (node.Int("transB", 0) != 0 ? 0 : 1) : -1;
}

bool HasOneZeroPoint(const QuantParams& params) {
  if (params.zero_point.empty()) return true;
  const std::vector<int64_t> zeros = params.zero_point.ToInts();
  return std::adjacent_find(zeros.begin(), zeros.end(),
                            std::not_equal_to<>()) == zeros.end();
}

// The rows of the last axis as a matrix.
Dims RowsOf(const Tensor& tensor) {
  const int64_t length = tensor.rank() == 0 ? 1 : tensor.dim(tensor.rank() - 1);
  return {length == 0 ? 0 : tensor.size() / length, length};
}

// [M, 1, ...]: along the channels of a convolution's result.
Tensor AlongChannels(const Tensor& bias, int rank) {
  Dims dims(static_cast<size_t>(std::max(rank - 1, 1)), 1);
  dims[0] = bias.size();
  return bias.Reshaped(std::move(dims));
}

}  // namespace

bool IsDynamicProduct(const Graph& graph, const Node& node) {
  if (!node.Is("MatMul") && !node.Is("Gemm") && !node.Is("Conv")) return false;
  const ValueId id = node.input(1);
  if (id == kNoValue || graph.IsInput(id)) return false;
  const Value& weight = graph.value(id);
  if (!weight.is_constant() || !weight.quant) return false;
  const QuantParams& params = *weight.quant;
  if (params.kind != QuantKind::kStatic || params.scale.empty() ||
      BitsOf(params.dtype) != 8 || !IsInteger(params.dtype) ||
      params.block != 0 || params.scale.dtype() != DType::kFloat32 ||
      params.real_dtype != DType::kFloat32 || !HasOneZeroPoint(params)) {
    return false;
  }
  const int axis = ChannelAxis(node, weight.constant);
  return weight.constant.rank() > 1 && axis >= 0 &&
         (params.axis < 0 || params.axis == axis);
}

QuantParams DynamicParams(const Tensor& real, const QuantParams& kind) {
  if (kind.dtype != DType::kUint8) {
    Fail(ErrorCode::kUnsupported, "quantizing to {} at run time",
         DTypeName(kind.dtype));
  }
  if (kind.kind == QuantKind::kDynamicTensor) return DynamicParams(real);
  const Dims rows = RowsOf(real);
  std::vector<float> scales;
  std::vector<int32_t> zeros;
  for (int64_t row = 0; row < rows[0]; ++row) {
    const auto length = static_cast<size_t>(rows[1]);
    const float* first = real.data<float>() + row * rows[1];
    const QuantParams own =
        DynamicParams(Tensor::Of<float>({rows[1]}, {first, length}));
    scales.push_back(own.scale_at());
    zeros.push_back(own.zero_point_at());
  }
  return PerChannel(DType::kUint8, 0, scales, zeros);
}

Tensor DynamicFakeQuantize(const Tensor& real, const QuantParams& kind) {
  const Tensor plain = real.CastTo(DType::kFloat32);
  const QuantParams params = DynamicParams(plain, kind);
  if (params.per_tensor()) return FakeQuantizeTensor(plain, params);
  return FakeQuantizeTensor(plain.Reshaped(RowsOf(plain)), params)
      .Reshaped(plain.dims());
}

void RunDynamicProduct(const OpDef& op, RunContext& context) {
  const Tensor real = context.in(0).CastTo(DType::kFloat32);
  const QuantParams x = DynamicParams(real);
  const Tensor integers = QuantizeTensor(real, x);
  RunContext product{context.node, {&integers, &context.in(1)}, {}, {}, {}};
  product.input_quant = {&x, context.input_quant[1]};
  product.output_quant = {nullptr};
  product.outputs.resize(1);
  op.integer_reference(product);
  if (!context.has(2)) {
    context.outputs[0] = std::move(product.outputs[0]);
    return;
  }
  Node node;
  node.op_type = "Add";
  const Tensor bias = context.node.Is("Conv")
                          ? AlongChannels(context.in(2), context.in(0).rank())
                          : context.in(2);
  RunContext sum{node, {&product.outputs[0], &bias}, {}, {}, {}};
  sum.outputs.resize(1);
  FindOp("Add")->reference(sum);
  context.outputs[0] = std::move(sum.outputs[0]);
}

bool IsBiasOfColumns(const Graph& graph, ValueId id, int64_t columns) {
  const Value& value = graph.value(id);
  return value.is_constant() && !value.quant &&
         value.constant.dtype() == DType::kFloat32 &&
         value.constant.dims() == Dims{columns};
}

}  // namespace squint
