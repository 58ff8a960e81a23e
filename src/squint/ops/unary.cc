// Operators that map each element by itself. One table of scalar functions
// serves shapes, the float reference and the 256-entry lookup of the integer
// reading (any unary function on 8 bits is a table, exact to half a step).
#include <cmath>
#include <limits>

#include "squint/ops/element_types.h"
#include "squint/ops/op.h"
#include "squint/ops/prepare.h"
#include "squint/ops/quant_rules.h"

namespace squint {
namespace {

void InferUnary(InferContext& context) { context.SameAsInput(); }

// Attributes of the functions below, read once per run.
struct Parameters {
  double alpha = 0;
  double beta = 0;
};
using ScalarFunction = double (*)(double x, const Parameters& parameters);

using ParameterReader = Parameters (*)(const Node& node);

Parameters NoParameters(const Node&) { return {}; }
Parameters EluParameters(const Node& node) {
  return {static_cast<double>(node.Float("alpha", 1.0f)), 0.0};
}
Parameters LeakyReluParameters(const Node& node) {
  return {static_cast<double>(node.Float("alpha", 0.01f)), 0.0};
}
Parameters HardSigmoidParameters(const Node& node) {
  return {static_cast<double>(node.Float("alpha", 0.2f)),
          static_cast<double>(node.Float("beta", 0.5f))};
}

// In double: for float32 the result is then correct to the last bit but for
// rare ties, for integers (Abs, Neg, Relu ...) exact up to 2^53.
void RunUnary(RunContext& context, ScalarFunction function,
              const Parameters& parameters) {
  const DType dtype = context.in(0).dtype();
  const Tensor x = InComputeType(context.in(0));
  Tensor y(x.dtype(), x.dims());
  WithArithmeticType(x.dtype(), [&](auto type) {
    using T = decltype(type);
    const T* in = x.data<T>();
    T* out = y.mutable_data<T>();
    for (int64_t i = 0; i < x.size(); ++i) {
      out[i] = static_cast<T>(function(static_cast<double>(in[i]), parameters));
    }
  });
  context.outputs[0] = FromComputeType(std::move(y), dtype);
}

double ReluFunction(double x, const Parameters&) {
  return std::isnan(x) ? x : std::fmax(x, 0.0);
}
double SigmoidFunction(double x, const Parameters&) {
  return 1.0 / (1.0 + std::exp(-x));
}
double TanhFunction(double x, const Parameters&) { return std::tanh(x); }
double ErfFunction(double x, const Parameters&) { return std::erf(x); }
double ExpFunction(double x, const Parameters&) { return std::exp(x); }
double LogFunction(double x, const Parameters&) { return std::log(x); }
double SqrtFunction(double x, const Parameters&) { return std::sqrt(x); }
double AbsFunction(double x, const Parameters&) { return std::fabs(x); }
double NegFunction(double x, const Parameters&) { return -x; }
double FloorFunction(double x, const Parameters&) { return std::floor(x); }
double CeilFunction(double x, const Parameters&) { return std::ceil(x); }
double RoundFunction(double x, const Parameters&) { return std::nearbyint(x); }
double ReciprocalFunction(double x, const Parameters&) { return 1.0 / x; }
double SoftplusFunction(double x, const Parameters&) {
  // log(1 + e^x) without overflow: the larger of x and 0, plus a rest.
  return std::fmax(x, 0.0) + std::log1p(std::exp(-std::fabs(x)));
}
double MishFunction(double x, const Parameters& p) {
  return x * std::tanh(SoftplusFunction(x, p));
}
double LeakyReluFunction(double x, const Parameters& p) {
  return x < 0 ? p.alpha * x : x;
}
double EluFunction(double x, const Parameters& p) {
  return x < 0 ? p.alpha * std::expm1(x) : x;
}
double HardSigmoidFunction(double x, const Parameters& p) {
  return std::isnan(x) ? x
                       : std::fmin(std::fmax(p.alpha * x + p.beta, 0.0), 1.0);
}
double HardSwishFunction(double x, const Parameters&) {
  return x * HardSigmoidFunction(x, {1.0 / 6.0, 0.5});
}

template <ScalarFunction kFunction, ParameterReader kReader = NoParameters>
void Reference(RunContext& context) {
  RunUnary(context, kFunction, kReader(context.node));
}
// Dequantize, apply, quantize: bit-exact with ONNX Runtime's tables.
template <ScalarFunction kFunction, ParameterReader kReader = NoParameters>
void IntegerReference(RunContext& context) {
  RunDequantized(context, Reference<kFunction, kReader>);
}

QuantSpec ReluRule(const QuantizeQuery& query) {
  QuantSpec spec = ActivationRule(query);
  if (spec.reason.empty()) {
    spec.clamp = {0.0f, std::numeric_limits<float>::infinity()};
  }
  return spec;
}

QuantSpec SigmoidRule(const QuantizeQuery& query) {
  QuantSpec spec = ActivationRule(query);
  if (spec.reason.empty()) spec.outputs[0].unit_range = true;
  return spec;
}

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
    .reference = Reference<AbsFunction>,
    .integer_reference = IntegerReference<AbsFunction>,
    .quantize = ActivationRule,
    .prepare = PrepareUnary,
};
extern constinit const OpDef kCeilOp = {
    .type = "Ceil",
    .since = 6,
    .infer = InferUnary,
    .reference = Reference<CeilFunction>,
    .integer_reference = IntegerReference<CeilFunction>,
    .quantize = ActivationRule,
    .prepare = PrepareUnary,
};
extern constinit const OpDef kEluOp = {
    .type = "Elu",
    .since = 6,
    .infer = InferUnary,
    .reference = Reference<EluFunction, EluParameters>,
    .integer_reference = IntegerReference<EluFunction, EluParameters>,
    .quantize = ActivationRule,
    .prepare = PrepareUnary,
};
extern constinit const OpDef kErfOp = {
    .type = "Erf",
    .since = 9,
    .infer = InferUnary,
    .reference = Reference<ErfFunction>,
    .integer_reference = IntegerReference<ErfFunction>,
    .quantize = ActivationRule,
    .prepare = PrepareUnary,
};
extern constinit const OpDef kExpOp = {
    .type = "Exp",
    .since = 6,
    .infer = InferUnary,
    .reference = Reference<ExpFunction>,
    .integer_reference = IntegerReference<ExpFunction>,
    .quantize = ActivationRule,
    .prepare = PrepareUnary,
};
extern constinit const OpDef kFloorOp = {
    .type = "Floor",
    .since = 6,
    .infer = InferUnary,
    .reference = Reference<FloorFunction>,
    .integer_reference = IntegerReference<FloorFunction>,
    .quantize = ActivationRule,
    .prepare = PrepareUnary,
};
extern constinit const OpDef kHardSigmoidOp = {
    .type = "HardSigmoid",
    .since = 6,
    .infer = InferUnary,
    .reference = Reference<HardSigmoidFunction, HardSigmoidParameters>,
    .integer_reference =
        IntegerReference<HardSigmoidFunction, HardSigmoidParameters>,
    .quantize = ActivationRule,
    .prepare = PrepareUnary,
};
extern constinit const OpDef kHardSwishOp = {
    .type = "HardSwish",
    .since = 14,
    .infer = InferUnary,
    .reference = Reference<HardSwishFunction>,
    .integer_reference = IntegerReference<HardSwishFunction>,
    .quantize = ActivationRule,
    .prepare = PrepareUnary,
};
extern constinit const OpDef kLeakyReluOp = {
    .type = "LeakyRelu",
    .since = 6,
    .infer = InferUnary,
    .reference = Reference<LeakyReluFunction, LeakyReluParameters>,
    .integer_reference =
        IntegerReference<LeakyReluFunction, LeakyReluParameters>,
    .quantize = ActivationRule,
    .prepare = PrepareUnary,
};
extern constinit const OpDef kLogOp = {
    .type = "Log",
    .since = 6,
    .infer = InferUnary,
    .reference = Reference<LogFunction>,
    .quantize = UnboundedRule,
    .prepare = PrepareUnary,
};
extern constinit const OpDef kNegOp = {
    .type = "Neg",
    .since = 6,
    .infer = InferUnary,
    .reference = Reference<NegFunction>,
    .integer_reference = IntegerReference<NegFunction>,
    .quantize = ActivationRule,
    .prepare = PrepareUnary,
};
extern constinit const OpDef kReciprocalOp = {
    .type = "Reciprocal",
    .since = 6,
    .infer = InferUnary,
    .reference = Reference<ReciprocalFunction>,
    .quantize = UnboundedRule,
    .prepare = PrepareUnary,
};
extern constinit const OpDef kReluOp = {
    .type = "Relu",
    .since = 6,
    .infer = InferUnary,
    .reference = Reference<ReluFunction>,
    .integer_reference = IntegerReference<ReluFunction>,
    .quantize = ReluRule,
    .prepare = PrepareUnary,
};
extern constinit const OpDef kRoundOp = {
    .type = "Round",
    .since = 11,
    .infer = InferUnary,
    .reference = Reference<RoundFunction>,
    .integer_reference = IntegerReference<RoundFunction>,
    .quantize = ActivationRule,
    .prepare = PrepareUnary,
};
extern constinit const OpDef kSigmoidOp = {
    .type = "Sigmoid",
    .since = 6,
    .infer = InferUnary,
    .reference = Reference<SigmoidFunction>,
    .integer_reference = IntegerReference<SigmoidFunction>,
    .quantize = SigmoidRule,
    .prepare = PrepareUnary,
};
extern constinit const OpDef kMishOp = {
    .type = "Mish",
    .since = 18,
    .infer = InferUnary,
    .reference = Reference<MishFunction>,
    .integer_reference = IntegerReference<MishFunction>,
    .quantize = ActivationRule,
};
extern constinit const OpDef kSoftplusOp = {
    .type = "Softplus",
    .since = 1,
    .infer = InferUnary,
    .reference = Reference<SoftplusFunction>,
    .integer_reference = IntegerReference<SoftplusFunction>,
    .quantize = ActivationRule,
    .prepare = PrepareUnary,
};
extern constinit const OpDef kSqrtOp = {
    .type = "Sqrt",
    .since = 6,
    .infer = InferUnary,
    .reference = Reference<SqrtFunction>,
    .quantize = SqrtRule,
    .prepare = PrepareUnary,
};
extern constinit const OpDef kTanhOp = {
    .type = "Tanh",
    .since = 6,
    .infer = InferUnary,
    .reference = Reference<TanhFunction>,
    .integer_reference = IntegerReference<TanhFunction>,
    .quantize = ActivationRule,
    .prepare = PrepareUnary,
};

}  // namespace squint
