// Arithmetic on two tensors with broadcasting, and its variadic relatives
// (Min, Max, Sum, Mean). One loop serves all; the integer readings of Add,
// Sub and Mul are ONNX Runtime's formulas (integer-arithmetic.md 5.4).
#include "squint/ops/binary.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "squint/ops/op.h"
#include "squint/ops/prepare.h"
#include "squint/ops/quant_rules.h"

namespace squint {

void InferBroadcast(InferContext& context, DimFunction function) {
  Shape shape = context.shape(0);
  const DimTensor* first = context.dim_tensor(0);
  std::optional<DimTensor> content;
  if (first != nullptr) content = *first;
  for (size_t i = 1; i < context.num_inputs(); ++i) {
    const std::optional<Shape> joint = BroadcastShapes(shape, context.shape(i));
    if (!joint) {
      Fail(ErrorCode::kInvalidModel, "shapes {} and {} do not broadcast",
           shape.ToString(), context.shape(i).ToString());
    }
    shape = *joint;
    const DimTensor* next = context.dim_tensor(i);
    content = content && next != nullptr && function != nullptr
                  ? CombineContents(*content, *next, function)
                  : std::nullopt;
  }
  context.SetOutput(0, context.dtype(0), shape);
  if (content && function != nullptr) context.SetDimTensor(0, *content);
}

namespace {

// ---- shape arithmetic

Dim AddDims(const Dim& a, const Dim& b) { return a + b; }
Dim SubDims(const Dim& a, const Dim& b) { return a - b; }
Dim MulDims(const Dim& a, const Dim& b) { return a * b; }
Dim ModDims(const Dim& a, const Dim& b) { return a - FloorDiv(a, b) * b; }
Dim FmodDims(const Dim& a, const Dim& b) { return a - TruncatingDiv(a, b) * b; }
Dim MaxDims(const Dim& a, const Dim& b) {
  if (a.is(0) && IsNonNegative(b)) return b;
  if (b.is(0) && IsNonNegative(a)) return a;
  return Max(a, b);
}

void InferMod(InferContext& context) {
  const bool fmod = context.node().Int("fmod", 0) != 0;
  InferBroadcast(context, fmod ? FmodDims : ModDims);
}

// ---- reference

struct AddFunction {
  template <typename T>
  T operator()(T a, T b) const {
    return WrapAdd(a, b);
  }
};
struct SubFunction {
  template <typename T>
  T operator()(T a, T b) const {
    return WrapSub(a, b);
  }
};
struct MulFunction {
  template <typename T>
  T operator()(T a, T b) const {
    return WrapMul(a, b);
  }
};
struct DivFunction {
  template <typename T>
  T operator()(T a, T b) const {
    if constexpr (std::is_integral_v<T>) {
      if (b == 0) Fail(ErrorCode::kInvalidModel, "integer division by zero");
      // The most negative number divided by -1 wraps to itself.
      if (std::is_signed_v<T> && b == static_cast<T>(-1)) {
        return WrapSub(T{0}, a);
      }
      return static_cast<T>(a / b);
    } else {
      return a / b;
    }
  }
};
// The remainder as C's % and fmod give it: with the sign of the dividend.
struct FmodFunction {
  template <typename T>
  T operator()(T a, T b) const {
    if constexpr (std::is_integral_v<T>) {
      if (b == 0) Fail(ErrorCode::kInvalidModel, "integer division by zero");
      // The most negative number divided by -1 overflows.
      if (std::is_signed_v<T> && b == static_cast<T>(-1)) return 0;
      return static_cast<T>(a % b);
    } else {
      return std::fmod(a, b);
    }
  }
};
// The remainder as Python's % gives it: with the sign of the divisor.
struct ModFunction {
  template <typename T>
  T operator()(T a, T b) const {
    const T rest = FmodFunction{}(a, b);
    const bool other_sign = rest != T{0} && (rest < T{0}) != (b < T{0});
    return other_sign ? WrapAdd(rest, b) : rest;
  }
};
struct PowFunction {
  template <typename T>
  T operator()(T a, T b) const {
    return FromDouble<T>(
        std::pow(static_cast<double>(a), static_cast<double>(b)));
  }
};
// a: the data, b: the slope of its negative side.
struct PReluFunction {
  template <typename T>
  T operator()(T a, T b) const {
    return a < T{0} ? WrapMul(a, b) : a;
  }
};
// NaN wins, whichever side it is on.
struct MinFunction {
  template <typename T>
  T operator()(T a, T b) const {
    return a != a || a < b ? a : b;
  }
};
struct MaxFunction {
  template <typename T>
  T operator()(T a, T b) const {
    return a != a || a > b ? a : b;
  }
};

// The exponent may be of another type, and 0.5 must not become 0.
void RunPow(RunContext& context) {
  const DType dtype = context.in(0).dtype();
  if (!IsInteger(dtype) || IsInteger(context.in(1).dtype())) {
    return RunBinary<PowFunction>(context);
  }
  const Tensor result =
      Combine(context.in(0).CastTo(DType::kFloat64),
              context.in(1).CastTo(DType::kFloat64), PowFunction{});
  context.outputs[0] = result.CastTo(dtype);
}

void RunMod(RunContext& context) {
  if (context.node.Int("fmod", 0) != 0) return RunBinary<FmodFunction>(context);
  RunBinary<ModFunction>(context);
}

void RunMean(RunContext& context) {
  RunBinary<AddFunction>(context);
  const DType dtype = context.outputs[0].dtype();
  const Tensor sum = InComputeType(context.outputs[0]);
  const auto count = static_cast<float>(context.inputs.size());
  const Tensor divisor = Tensor::Scalar<float>(count).CastTo(sum.dtype());
  context.outputs[0] =
      FromComputeType(Combine(sum, divisor, DivFunction{}), dtype);
}

// ---- the integer reading

// Scale and zero point of a value that is quantized per tensor, else null.
struct Affine {
  float scale = 1.0f;
  float zero_point = 0.0f;
};

bool ReadAffine(const QuantParams* quant, Affine* affine) {
  if (quant == nullptr || quant->kind != QuantKind::kStatic ||
      quant->scale.empty() || !quant->per_tensor()) {
    return false;
  }
  *affine = {quant->scale_at(), static_cast<float>(quant->zero_point_at())};
  return true;
}

// Walks both operands' stored integers as floats. kernel(a, b, a_is_scalar)
// returns the result in steps of the output, before rounding saturates it.
template <typename Kernel>
void RunQuantized(RunContext& context, Kernel kernel) {
  const Tensor a = context.in(0).CastTo(DType::kFloat32);
  const Tensor b = context.in(1).CastTo(DType::kFloat32);
  const QuantParams& quant = *context.output_quant[0];
  const QuantRange range = RangeOf(quant.dtype, false);
  Tensor out(DType::kFloat32, BroadcastDims(a.dims(), b.dims()));
  float* z = out.mutable_data<float>();
  ForEachBroadcastRow<2>(
      out.dims(), {&a.dims(), &b.dims()}, [&](const BroadcastRow<2>& row) {
        const float* x = a.data<float>() + row.offset[0];
        const float* y = b.data<float>() + row.offset[1];
        const bool a_scalar = row.stride[0] == 0 && row.stride[1] != 0;
        for (int64_t i = 0; i < row.length; ++i) {
          const float q = std::nearbyintf(
              kernel(x[i * row.stride[0]], y[i * row.stride[1]], a_scalar));
          z[row.out + i] = std::clamp(q, static_cast<float>(range.qmin),
                                      static_cast<float>(range.qmax));
        }
      });
  context.outputs[0] = out.CastTo(quant.dtype);
}

// q = rint(fma(ra, qa, fma(rb, qb, F))), F = zc - (ra za + rb zb). Where a is
// one number it is the one that joins F first, as in ONNX Runtime.
template <int kSign>
void RunQuantizedAdd(RunContext& context) {
  Affine a;
  Affine b;
  Affine c;
  if (!ReadAffine(context.input_quant[0], &a) ||
      !ReadAffine(context.input_quant[1], &b) ||
      !ReadAffine(context.output_quant[0], &c)) {
    return RunDequantized(
        context, kSign > 0 ? RunBinary<AddFunction> : RunBinary<SubFunction>);
  }
  const float ra = a.scale / c.scale;
  const float rb = static_cast<float>(kSign) * (b.scale / c.scale);
  const float fixed = c.zero_point - (ra * a.zero_point + rb * b.zero_point);
  RunQuantized(context, [=](float qa, float qb, bool a_scalar) {
    return a_scalar ? std::fma(rb, qb, std::fma(ra, qa, fixed))
                    : std::fma(ra, qa, std::fma(rb, qb, fixed));
  });
}

void RunQuantizedMul(RunContext& context) {
  Affine a;
  Affine b;
  Affine c;
  if (!ReadAffine(context.input_quant[0], &a) ||
      !ReadAffine(context.input_quant[1], &b) ||
      !ReadAffine(context.output_quant[0], &c)) {
    return RunDequantized(context, RunBinary<MulFunction>);
  }
  const float ratio = a.scale * b.scale / c.scale;
  RunQuantized(context, [=](float qa, float qb, bool) {
    return std::nearbyintf((qa - a.zero_point) * (qb - b.zero_point) * ratio) +
           c.zero_point;
  });
}

// ---- rules

QuantSpec DivRule(const QuantizeQuery& query) {
  if (auto spec = FloatUnlessReal(query)) return *spec;
  if (query.graph.ConstantOf(query.node.input(1)) == nullptr) {
    return QuantSpec::Float(
        "divides by a computed tensor: quotients have no bounded range");
  }
  return ActivationRule(query);
}

QuantSpec ModRule(const QuantizeQuery& query) {
  if (auto spec = FloatUnlessReal(query)) return *spec;
  return QuantSpec::Float(
      "a remainder jumps where one 8-bit step crosses a multiple");
}

QuantSpec PowRule(const QuantizeQuery& query) {
  if (auto spec = FloatUnlessReal(query)) return *spec;
  if (query.graph.ConstantOf(query.node.input(1)) == nullptr) {
    return QuantSpec::Float("the exponent is computed, not constant");
  }
  return ActivationRule(query);
}

}  // namespace

extern constinit const OpDef kAddOp = {
    .type = "Add",
    .since = 7,
    .infer = InferBinary<AddDims>,
    .reference = RunBinary<AddFunction>,
    .integer_reference = RunQuantizedAdd<1>,
    .quantize = AllActivationRule,
    .prepare = PrepareBinary,
    .fuses_clamp = true,
};
extern constinit const OpDef kDivOp = {
    .type = "Div",
    .since = 7,
    .infer = InferBinary<TruncatingDiv>,
    .reference = RunBinary<DivFunction>,
    .integer_reference = DequantizedReference<RunBinary<DivFunction>>,
    .quantize = DivRule,
    .prepare = PrepareBinary,
};
extern constinit const OpDef kMaxOp = {
    .type = "Max",
    .since = 8,
    .infer = InferBinary<MaxDims>,
    .reference = RunBinary<MaxFunction>,
    .integer_reference = DequantizedReference<RunBinary<MaxFunction>>,
    .quantize = AllActivationRule,
    .prepare = PrepareBinary,
};
extern constinit const OpDef kMeanOp = {
    .type = "Mean",
    .since = 8,
    .infer = InferBinary<nullptr>,
    .reference = RunMean,
    .integer_reference = DequantizedReference<RunMean>,
    .quantize = AllActivationRule,
};
extern constinit const OpDef kMinOp = {
    .type = "Min",
    .since = 8,
    .infer = InferBinary<MinDim>,
    .reference = RunBinary<MinFunction>,
    .integer_reference = DequantizedReference<RunBinary<MinFunction>>,
    .quantize = AllActivationRule,
    .prepare = PrepareBinary,
};
extern constinit const OpDef kModOp = {
    .type = "Mod",
    .since = 10,
    .infer = InferMod,
    .reference = RunMod,
    .quantize = ModRule,
};
extern constinit const OpDef kMulOp = {
    .type = "Mul",
    .since = 7,
    .infer = InferBinary<MulDims>,
    .reference = RunBinary<MulFunction>,
    .integer_reference = RunQuantizedMul,
    .quantize = AllActivationRule,
    .prepare = PrepareBinary,
};
extern constinit const OpDef kPReluOp = {
    .type = "PRelu",
    .since = 9,
    .infer = InferBinary<nullptr>,
    .reference = RunBinary<PReluFunction>,
    .integer_reference = DequantizedReference<RunBinary<PReluFunction>>,
    .quantize = ActivationRule,
};
extern constinit const OpDef kPowOp = {
    .type = "Pow",
    .since = 12,
    .infer = InferBinary<nullptr>,
    .reference = RunPow,
    .integer_reference = DequantizedReference<RunPow>,
    .quantize = PowRule,
    .prepare = PrepareBinary,
};
extern constinit const OpDef kSubOp = {
    .type = "Sub",
    .since = 7,
    .infer = InferBinary<SubDims>,
    .reference = RunBinary<SubFunction>,
    .integer_reference = RunQuantizedAdd<-1>,
    .quantize = AllActivationRule,
    .prepare = PrepareBinary,
};
extern constinit const OpDef kSumOp = {
    .type = "Sum",
    .since = 8,
    .infer = InferBinary<AddDims>,
    .reference = RunBinary<AddFunction>,
    .integer_reference = DequantizedReference<RunBinary<AddFunction>>,
    .quantize = AllActivationRule,
    .prepare = PrepareBinary,
};

}  // namespace squint
