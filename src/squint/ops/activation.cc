// Activation functions of one element.
#include <cmath>
#include <limits>

#include "squint/ops/op.h"
#include "squint/ops/prepare.h"
#include "squint/ops/quant_rules.h"
#include "squint/ops/unary.h"

namespace squint {
namespace {

UnaryParameters AlphaOr1(const Node& node) {
  return AlphaParameter(node, 1.0f);
}
UnaryParameters LeakyReluParameters(const Node& node) {
  return AlphaParameter(node, 0.01f);
}
UnaryParameters HardSigmoidParameters(const Node& node) {
  return {static_cast<double>(node.Float("alpha", 0.2f)),
          static_cast<double>(node.Float("beta", 0.5f))};
}
// Its `gamma` as beta; the defaults are those that ONNX gives.
UnaryParameters SeluParameters(const Node& node) {
  return {static_cast<double>(node.Float("alpha", 1.67326319217681884765625f)),
          static_cast<double>(node.Float("gamma", 1.05070102214813232421875f))};
}
// Its `lambd` as alpha, its `bias` as beta.
UnaryParameters ShrinkParameters(const Node& node) {
  return {static_cast<double>(node.Float("lambd", 0.5f)),
          static_cast<double>(node.Float("bias", 0.0f))};
}

double ReluFunction(double x, const UnaryParameters&) {
  return std::isnan(x) ? x : std::fmax(x, 0.0);
}
double LeakyReluFunction(double x, const UnaryParameters& p) {
  return x < 0 ? p.alpha * x : x;
}
double EluFunction(double x, const UnaryParameters& p) {
  return x < 0 ? p.alpha * std::expm1(x) : x;
}
// max(0, x) + min(0, alpha (e^(x / alpha) - 1))
double CeluFunction(double x, const UnaryParameters& p) {
  return x >= 0 ? x : p.alpha * std::expm1(x / p.alpha);
}
double SeluFunction(double x, const UnaryParameters& p) {
  return p.beta * (x > 0 ? x : p.alpha * std::expm1(x));
}
double ThresholdedReluFunction(double x, const UnaryParameters& p) {
  return x > p.alpha ? x : 0.0;
}
double ShrinkFunction(double x, const UnaryParameters& p) {
  if (x < -p.alpha) return x + p.beta;
  return x > p.alpha ? x - p.beta : 0.0;
}
double SigmoidFunction(double x, const UnaryParameters&) {
  return 1.0 / (1.0 + std::exp(-x));
}
double HardSigmoidFunction(double x, const UnaryParameters& p) {
  return std::isnan(x) ? x
                       : std::fmin(std::fmax(p.alpha * x + p.beta, 0.0), 1.0);
}
double HardSwishFunction(double x, const UnaryParameters&) {
  return x * HardSigmoidFunction(x, {1.0 / 6.0, 0.5});
}
double SoftplusFunction(double x, const UnaryParameters&) {
  // log(1 + e^x) without overflow: the larger of x and 0, plus a rest.
  return std::fmax(x, 0.0) + std::log1p(std::exp(-std::fabs(x)));
}
double MishFunction(double x, const UnaryParameters& p) {
  return x * std::tanh(SoftplusFunction(x, p));
}
double SoftsignFunction(double x, const UnaryParameters&) {
  return x / (1.0 + std::fabs(x));
}
double SwishFunction(double x, const UnaryParameters& p) {
  return x / (1.0 + std::exp(-p.alpha * x));
}
double TanhFunction(double x, const UnaryParameters&) { return std::tanh(x); }

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

}  // namespace

extern constinit const OpDef kCeluOp = {
    .type = "Celu",
    .since = 12,
    .infer = InferUnary,
    .reference = RunUnary<CeluFunction, AlphaOr1>,
    .integer_reference = RunUnaryInteger<CeluFunction, AlphaOr1>,
    .quantize = ActivationRule,
};
extern constinit const OpDef kEluOp = {
    .type = "Elu",
    .since = 6,
    .infer = InferUnary,
    .reference = RunUnary<EluFunction, AlphaOr1>,
    .integer_reference = RunUnaryInteger<EluFunction, AlphaOr1>,
    .quantize = ActivationRule,
    .prepare = PrepareUnary,
};
extern constinit const OpDef kHardSigmoidOp = {
    .type = "HardSigmoid",
    .since = 6,
    .infer = InferUnary,
    .reference = RunUnary<HardSigmoidFunction, HardSigmoidParameters>,
    .integer_reference =
        RunUnaryInteger<HardSigmoidFunction, HardSigmoidParameters>,
    .quantize = ActivationRule,
    .prepare = PrepareUnary,
};
extern constinit const OpDef kHardSwishOp = {
    .type = "HardSwish",
    .since = 14,
    .infer = InferUnary,
    .reference = RunUnary<HardSwishFunction>,
    .integer_reference = RunUnaryInteger<HardSwishFunction>,
    .quantize = ActivationRule,
    .prepare = PrepareUnary,
};
extern constinit const OpDef kLeakyReluOp = {
    .type = "LeakyRelu",
    .since = 6,
    .infer = InferUnary,
    .reference = RunUnary<LeakyReluFunction, LeakyReluParameters>,
    .integer_reference =
        RunUnaryInteger<LeakyReluFunction, LeakyReluParameters>,
    .quantize = ActivationRule,
    .prepare = PrepareUnary,
};
extern constinit const OpDef kMishOp = {
    .type = "Mish",
    .since = 18,
    .infer = InferUnary,
    .reference = RunUnary<MishFunction>,
    .integer_reference = RunUnaryInteger<MishFunction>,
    .quantize = ActivationRule,
};
extern constinit const OpDef kReluOp = {
    .type = "Relu",
    .since = 6,
    .infer = InferUnary,
    .reference = RunUnary<ReluFunction>,
    .integer_reference = RunUnaryInteger<ReluFunction>,
    .quantize = ReluRule,
    .prepare = PrepareUnary,
};
extern constinit const OpDef kSeluOp = {
    .type = "Selu",
    .since = 6,
    .infer = InferUnary,
    .reference = RunUnary<SeluFunction, SeluParameters>,
    .integer_reference = RunUnaryInteger<SeluFunction, SeluParameters>,
    .quantize = ActivationRule,
};
extern constinit const OpDef kShrinkOp = {
    .type = "Shrink",
    .since = 9,
    .infer = InferUnary,
    .reference = RunUnary<ShrinkFunction, ShrinkParameters>,
    .integer_reference = RunUnaryInteger<ShrinkFunction, ShrinkParameters>,
    .quantize = ActivationRule,
};
extern constinit const OpDef kSigmoidOp = {
    .type = "Sigmoid",
    .since = 6,
    .infer = InferUnary,
    .reference = RunUnary<SigmoidFunction>,
    .integer_reference = RunUnaryInteger<SigmoidFunction>,
    .quantize = SigmoidRule,
    .prepare = PrepareUnary,
};
extern constinit const OpDef kSoftplusOp = {
    .type = "Softplus",
    .since = 1,
    .infer = InferUnary,
    .reference = RunUnary<SoftplusFunction>,
    .integer_reference = RunUnaryInteger<SoftplusFunction>,
    .quantize = ActivationRule,
    .prepare = PrepareUnary,
};
extern constinit const OpDef kSoftsignOp = {
    .type = "Softsign",
    .since = 1,
    .infer = InferUnary,
    .reference = RunUnary<SoftsignFunction>,
    .integer_reference = RunUnaryInteger<SoftsignFunction>,
    .quantize = ActivationRule,
};
extern constinit const OpDef kSwishOp = {
    .type = "Swish",
    .since = 24,
    .infer = InferUnary,
    .reference = RunUnary<SwishFunction, AlphaOr1>,
    .integer_reference = RunUnaryInteger<SwishFunction, AlphaOr1>,
    .quantize = ActivationRule,
    .prepare = PrepareUnary,
};
extern constinit const OpDef kTanhOp = {
    .type = "Tanh",
    .since = 6,
    .infer = InferUnary,
    .reference = RunUnary<TanhFunction>,
    .integer_reference = RunUnaryInteger<TanhFunction>,
    .quantize = ActivationRule,
    .prepare = PrepareUnary,
};
extern constinit const OpDef kThresholdedReluOp = {
    .type = "ThresholdedRelu",
    .since = 10,
    .infer = InferUnary,
    .reference = RunUnary<ThresholdedReluFunction, AlphaOr1>,
    .integer_reference = RunUnaryInteger<ThresholdedReluFunction, AlphaOr1>,
    .quantize = ActivationRule,
};

}  // namespace squint
