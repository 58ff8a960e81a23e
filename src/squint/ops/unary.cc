// Mathematical functions of one element, and the loop that unary.h declares.
#include "squint/ops/unary.h"

#include <cmath>

#include "squint/ops/element_types.h"
#include "squint/ops/op.h"
#include "squint/ops/prepare.h"
#include "squint/ops/quant_rules.h"

namespace squint {

UnaryParameters AlphaParameter(const Node& node, float fallback) {
  return {static_cast<double>(node.Float("alpha", fallback)), 0.0};
}

void InferUnary(InferContext& context) { context.SameAsInput(); }

void MapElements(RunContext& context, ScalarFunction function,
                 const UnaryParameters& parameters) {
  const DType dtype = context.in(0).dtype();
  const Tensor x = InComputeType(context.in(0));
  Tensor y(x.dtype(), x.dims());
  WithArithmeticType(x.dtype(), [&](auto type) {
    using T = decltype(type);
    const T* in = x.data<T>();
    T* out = y.mutable_data<T>();
    for (int64_t i = 0; i < x.size(); ++i) {
      out[i] = FromDouble<T>(function(static_cast<double>(in[i]), parameters));
    }
  });
  context.outputs[0] = FromComputeType(std::move(y), dtype);
}

namespace {

double AbsFunction(double x, const UnaryParameters&) { return std::fabs(x); }
double CeilFunction(double x, const UnaryParameters&) { return std::ceil(x); }
double ErfFunction(double x, const UnaryParameters&) { return std::erf(x); }
double ExpFunction(double x, const UnaryParameters&) { return std::exp(x); }
double FloorFunction(double x, const UnaryParameters&) { return std::floor(x); }
double LogFunction(double x, const UnaryParameters&) { return std::log(x); }
double NegFunction(double x, const UnaryParameters&) { return -x; }
double ReciprocalFunction(double x, const UnaryParameters&) { return 1.0 / x; }
double RoundFunction(double x, const UnaryParameters&) {
  return std::nearbyint(x);
}
double SignFunction(double x, const UnaryParameters&) {
  return std::isnan(x) ? x : static_cast<double>((x > 0) - (x < 0));
}
double SqrtFunction(double x, const UnaryParameters&) { return std::sqrt(x); }

QuantSpec UnboundedRule(const QuantizeQuery& query) {
  if (auto spec = FloatUnlessReal(query)) return *spec;
  return QuantSpec::Float(
      "grows without bound near zero, 8-bit steps would lose it");
}

QuantSpec SqrtRule(const QuantizeQuery& query) {
  if (auto spec = FloatUnlessReal(query)) return *spec;
  return QuantSpec::Float(
      "is steepest near zero, where 8-bit steps are coarsest");
}

}  // namespace

extern constinit const OpDef kAbsOp = {
    .type = "Abs",
    .since = 6,
    .infer = InferUnary,
    .reference = RunUnary<AbsFunction>,
    .integer_reference = RunUnaryInteger<AbsFunction>,
    .quantize = ActivationRule,
    .prepare = PrepareUnary,
};
extern constinit const OpDef kCeilOp = {
    .type = "Ceil",
    .since = 6,
    .infer = InferUnary,
    .reference = RunUnary<CeilFunction>,
    .integer_reference = RunUnaryInteger<CeilFunction>,
    .quantize = ActivationRule,
    .prepare = PrepareUnary,
};
extern constinit const OpDef kErfOp = {
    .type = "Erf",
    .since = 9,
    .infer = InferUnary,
    .reference = RunUnary<ErfFunction>,
    .integer_reference = RunUnaryInteger<ErfFunction>,
    .quantize = ActivationRule,
    .prepare = PrepareUnary,
};
extern constinit const OpDef kExpOp = {
    .type = "Exp",
    .since = 6,
    .infer = InferUnary,
    .reference = RunUnary<ExpFunction>,
    .integer_reference = RunUnaryInteger<ExpFunction>,
    .quantize = ActivationRule,
    .prepare = PrepareUnary,
};
extern constinit const OpDef kFloorOp = {
    .type = "Floor",
    .since = 6,
    .infer = InferUnary,
    .reference = RunUnary<FloorFunction>,
    .integer_reference = RunUnaryInteger<FloorFunction>,
    .quantize = ActivationRule,
    .prepare = PrepareUnary,
};
extern constinit const OpDef kLogOp = {
    .type = "Log",
    .since = 6,
    .infer = InferUnary,
    .reference = RunUnary<LogFunction>,
    .quantize = UnboundedRule,
    .prepare = PrepareUnary,
};
extern constinit const OpDef kNegOp = {
    .type = "Neg",
    .since = 6,
    .infer = InferUnary,
    .reference = RunUnary<NegFunction>,
    .integer_reference = RunUnaryInteger<NegFunction>,
    .quantize = ActivationRule,
    .prepare = PrepareUnary,
};
extern constinit const OpDef kReciprocalOp = {
    .type = "Reciprocal",
    .since = 6,
    .infer = InferUnary,
    .reference = RunUnary<ReciprocalFunction>,
    .quantize = UnboundedRule,
    .prepare = PrepareUnary,
};
extern constinit const OpDef kRoundOp = {
    .type = "Round",
    .since = 11,
    .infer = InferUnary,
    .reference = RunUnary<RoundFunction>,
    .integer_reference = RunUnaryInteger<RoundFunction>,
    .quantize = ActivationRule,
    .prepare = PrepareUnary,
};
extern constinit const OpDef kSignOp = {
    .type = "Sign",
    .since = 9,
    .infer = InferUnary,
    .reference = RunUnary<SignFunction>,
    .integer_reference = RunUnaryInteger<SignFunction>,
    .quantize = ActivationRule,
};
extern constinit const OpDef kSqrtOp = {
    .type = "Sqrt",
    .since = 6,
    .infer = InferUnary,
    .reference = RunUnary<SqrtFunction>,
    .quantize = SqrtRule,
    .prepare = PrepareUnary,
};

}  // namespace squint
