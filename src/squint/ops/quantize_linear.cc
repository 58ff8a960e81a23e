// QuantizeLinear, DequantizeLinear and DynamicQuantizeLinear as nodes: what
// a file says before Absorb, and what stays where it cannot be absorbed.
#include "squint/ops/op.h"
#include "squint/ops/operand_params.h"
#include "squint/ops/qlinear_prepare.h"

namespace squint {
namespace {

// Scale of one element: per tensor. Rank 1: along `axis`. Rank of the data
// with block_size: one scale per block.
QuantParams ParamsOf(const RunContext& context, const Tensor& x,
                     DType integer) {
  QuantParams params;
  params.dtype = integer;
  params.scale = context.in(1);
  if (context.has(2)) params.zero_point = context.in(2);
  params.block = context.node.Int("block_size", 0);
  if (params.scale.size() == 1 && params.block == 0) return params;
  params.axis = NormalizeAxis(context.node.Int("axis", 1), x.rank());
  Dims expected = {x.dim(params.axis)};
  if (params.block > 0) {
    expected = x.dims();
    int64_t& blocks = expected[static_cast<size_t>(params.axis)];
    blocks = (blocks + params.block - 1) / params.block;
  }
  if (params.scale.dims() != expected) {
    Fail(ErrorCode::kInvalidModel,
         "scale has shape {}, data {} along axis {} need {}",
         DimsToString(params.scale.dims()), DimsToString(x.dims()), params.axis,
         DimsToString(expected));
  }
  if (context.has(2) && params.zero_point.size() != params.scale.size()) {
    Fail(ErrorCode::kInvalidModel, "zero point has shape {}, scale {}",
         DimsToString(params.zero_point.dims()),
         DimsToString(params.scale.dims()));
  }
  return params;
}

DType AttributeType(const Node& node) {
  return static_cast<DType>(node.Int("output_dtype", 0));
}

void RequireInteger(DType dtype) {
  if (!IsInteger(dtype) || BitsOf(dtype) > 32) {
    Fail(ErrorCode::kUnsupported, "quantized type {} is not supported",
         DTypeName(dtype));
  }
}

// What the scale and the zero point are held to, as far as the graph tells.
// Weights may have other scales than positive ones: ONNX Runtime and NNCF
// negate those of symmetric weights where -128 (or -8) is the largest
// magnitude, and blocks of zeros have scale 0.
void CheckScale(const InferContext& context, bool of_weight = false) {
  const Tensor* scale = context.constant(1);
  if (scale == nullptr || !IsFloat(scale->dtype())) return;
  for (const float value : scale->ToFloats()) {
    if (std::isfinite(value) && (value > 0 || of_weight)) continue;
    Fail(ErrorCode::kInvalidModel,
         "scale '{}' has the value {}, expected {} numbers",
         context.graph().value(context.node().input(1)).name, value,
         of_weight ? "finite" : "positive");
  }
}

void CheckGranularity(const InferContext& context) {
  const Shape& x = context.shape(0);
  const Shape& scale = context.shape(1);
  const Dim zeros = context.shape(2).count();
  const Dim scales = scale.count();
  if (zeros.value() && scales.value() && !(zeros == scales)) {
    Fail(ErrorCode::kInvalidModel, "zero point has shape {}, scale {}",
         context.shape(2).ToString(), scale.ToString());
  }
  const bool blocks = context.node().Int("block_size", 0) != 0;
  if (blocks || !scale.has_rank() || scales.is(1)) return;
  if (scale.rank() > 1) {
    Fail(ErrorCode::kInvalidModel,
         "scale has shape {}, expected one dimension where there are no blocks",
         scale.ToString());
  }
  if (scale.rank() == 0 || !x.has_rank()) return;
  const int axis = NormalizeAxis(context.node().Int("axis", 1), x.rank());
  const Dim channels = x.rank() == 0 ? Dim(1) : x[axis];
  if (channels.value() && scale[0].value() && !(channels == scale[0])) {
    Fail(ErrorCode::kInvalidModel, "scale has shape {}, axis {} of {} needs {}",
         scale.ToString(), axis, x.ToString(), channels.ToString());
  }
}

// ---- QuantizeLinear

void InferQuantizeLinear(InferContext& context) {
  CheckScale(context);
  CheckGranularity(context);
  DType to = context.dtype(2);
  if (to == DType::kUndefined) to = AttributeType(context.node());
  if (to == DType::kUndefined) to = DType::kUint8;
  context.SetOutput(0, to, context.shape(0));
}

void RunQuantizeLinear(RunContext& context) {
  const Tensor& x = context.in(0);
  DType to =
      context.has(2) ? context.in(2).dtype() : AttributeType(context.node);
  if (to == DType::kUndefined) to = DType::kUint8;
  RequireInteger(to);
  context.outputs[0] = QuantizeTensor(x, ParamsOf(context, x, to));
}

// ---- DequantizeLinear

void InferDequantizeLinear(InferContext& context) {
  CheckScale(context, context.constant(0) != nullptr);
  CheckGranularity(context);
  const DType stored = context.dtype(0);
  const DType zero = context.dtype(2);
  if (stored != zero && stored != DType::kUndefined &&
      zero != DType::kUndefined) {
    Fail(ErrorCode::kInvalidModel, "zero point is {}, the integers are {}",
         DTypeName(zero), DTypeName(stored));
  }
  DType to = AttributeType(context.node());
  if (to == DType::kUndefined) to = context.dtype(1);
  context.SetOutput(0, to, context.shape(0));
}

void RunDequantizeLinear(RunContext& context) {
  const Tensor& x = context.in(0);
  RequireInteger(x.dtype());
  DType to = AttributeType(context.node);
  if (to == DType::kUndefined) to = context.in(1).dtype();
  context.outputs[0] =
      DequantizeTensor(x, ParamsOf(context, x, x.dtype())).CastTo(to);
}

// ---- DynamicQuantizeLinear

void InferDynamicQuantizeLinear(InferContext& context) {
  context.SetOutput(0, DType::kUint8, context.shape(0));
  context.SetOutput(1, DType::kFloat32, Shape(DimList{}));
  context.SetOutput(2, DType::kUint8, Shape(DimList{}));
}

void RunDynamicQuantizeLinear(RunContext& context) {
  const Tensor& x = context.in(0);
  const QuantParams params = DynamicParams(x);
  context.outputs[0] = QuantizeTensor(x, params);
  if (context.outputs.size() > 1) context.outputs[1] = params.scale;
  if (context.outputs.size() > 2) context.outputs[2] = params.zero_point;
}

QuantSpec ConversionRule(const QuantizeQuery&) {
  return QuantSpec::Float("converts between integers and reals by itself");
}

}  // namespace

extern constinit const OpDef kDequantizeLinearOp = {
    .type = "DequantizeLinear",
    .since = 10,
    .infer = InferDequantizeLinear,
    .reference = RunDequantizeLinear,
    .quantize = ConversionRule,
    .prepare = PrepareDequantizeLinear,
};
extern constinit const OpDef kDynamicQuantizeLinearOp = {
    .type = "DynamicQuantizeLinear",
    .since = 11,
    .infer = InferDynamicQuantizeLinear,
    .reference = RunDynamicQuantizeLinear,
    .quantize = ConversionRule,
    .prepare = PrepareDynamicQuantize,
};
extern constinit const OpDef kQuantizeLinearOp = {
    .type = "QuantizeLinear",
    .since = 10,
    .infer = InferQuantizeLinear,
    .reference = RunQuantizeLinear,
    .quantize = ConversionRule,
    .prepare = PrepareQuantizeLinear,
};

}  // namespace squint
