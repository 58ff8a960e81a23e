// Trigonometric and hyperbolic functions and their inverses. Which of them
// 8 bits can serve is decided by slope: one step of the input must not become
// many of the output.
#include <cmath>

#include "squint/ops/op.h"
#include "squint/ops/quant_rules.h"
#include "squint/ops/unary.h"

namespace squint {
namespace {

double AcosFunction(double x, const UnaryParameters&) { return std::acos(x); }
double AcoshFunction(double x, const UnaryParameters&) { return std::acosh(x); }
double AsinFunction(double x, const UnaryParameters&) { return std::asin(x); }
double AsinhFunction(double x, const UnaryParameters&) { return std::asinh(x); }
double AtanFunction(double x, const UnaryParameters&) { return std::atan(x); }
double AtanhFunction(double x, const UnaryParameters&) { return std::atanh(x); }
double CosFunction(double x, const UnaryParameters&) { return std::cos(x); }
double CoshFunction(double x, const UnaryParameters&) { return std::cosh(x); }
double SinFunction(double x, const UnaryParameters&) { return std::sin(x); }
double SinhFunction(double x, const UnaryParameters&) { return std::sinh(x); }
double TanFunction(double x, const UnaryParameters&) { return std::tan(x); }

QuantSpec PeriodicRule(const QuantizeQuery& query) {
  if (auto spec = FloatUnlessReal(query)) return *spec;
  return QuantSpec::Float(
      "is periodic: where its argument spans many periods, one 8-bit step "
      "may skip a whole one");
}

QuantSpec PoleRule(const QuantizeQuery& query) {
  if (auto spec = FloatUnlessReal(query)) return *spec;
  return QuantSpec::Float(
      "grows without bound near its poles, 8-bit steps would lose it");
}

QuantSpec SteepRule(const QuantizeQuery& query) {
  if (auto spec = FloatUnlessReal(query)) return *spec;
  return QuantSpec::Float(
      "is vertical at the ends of its domain, where 8-bit steps are coarsest");
}

}  // namespace

extern constinit const OpDef kAcosOp = {
    .type = "Acos",
    .since = 7,
    .infer = InferUnary,
    .reference = RunUnary<AcosFunction>,
    .quantize = SteepRule,
};
extern constinit const OpDef kAcoshOp = {
    .type = "Acosh",
    .since = 9,
    .infer = InferUnary,
    .reference = RunUnary<AcoshFunction>,
    .quantize = SteepRule,
};
extern constinit const OpDef kAsinOp = {
    .type = "Asin",
    .since = 7,
    .infer = InferUnary,
    .reference = RunUnary<AsinFunction>,
    .quantize = SteepRule,
};
extern constinit const OpDef kAsinhOp = {
    .type = "Asinh",
    .since = 9,
    .infer = InferUnary,
    .reference = RunUnary<AsinhFunction>,
    .integer_reference = RunUnaryInteger<AsinhFunction>,
    .quantize = ActivationRule,
};
extern constinit const OpDef kAtanOp = {
    .type = "Atan",
    .since = 7,
    .infer = InferUnary,
    .reference = RunUnary<AtanFunction>,
    .integer_reference = RunUnaryInteger<AtanFunction>,
    .quantize = ActivationRule,
};
extern constinit const OpDef kAtanhOp = {
    .type = "Atanh",
    .since = 9,
    .infer = InferUnary,
    .reference = RunUnary<AtanhFunction>,
    .quantize = PoleRule,
};
extern constinit const OpDef kCosOp = {
    .type = "Cos",
    .since = 7,
    .infer = InferUnary,
    .reference = RunUnary<CosFunction>,
    .quantize = PeriodicRule,
};
extern constinit const OpDef kCoshOp = {
    .type = "Cosh",
    .since = 9,
    .infer = InferUnary,
    .reference = RunUnary<CoshFunction>,
    .integer_reference = RunUnaryInteger<CoshFunction>,
    .quantize = ActivationRule,
};
extern constinit const OpDef kSinOp = {
    .type = "Sin",
    .since = 7,
    .infer = InferUnary,
    .reference = RunUnary<SinFunction>,
    .quantize = PeriodicRule,
};
extern constinit const OpDef kSinhOp = {
    .type = "Sinh",
    .since = 9,
    .infer = InferUnary,
    .reference = RunUnary<SinhFunction>,
    .integer_reference = RunUnaryInteger<SinhFunction>,
    .quantize = ActivationRule,
};
extern constinit const OpDef kTanOp = {
    .type = "Tan",
    .since = 7,
    .infer = InferUnary,
    .reference = RunUnary<TanFunction>,
    .quantize = PoleRule,
};

}  // namespace squint
