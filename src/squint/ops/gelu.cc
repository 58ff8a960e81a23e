// Activations that multiply x by a smooth gate: Gelu (x * Phi(x), exact or
// by tanh) and squint::SiLU (x * sigmoid(x)), which files have as Sigmoid
// and Mul.
#include <cmath>

#include "squint/ops/in_float32.h"
#include "squint/ops/integer_sums.h"
#include "squint/ops/op.h"
#include "squint/ops/prepare.h"

namespace squint {
namespace {

double Gelu(double x) { return 0.5 * x * (1.0 + std::erf(x * M_SQRT1_2)); }

double GeluByTanh(double x) {
  const double inner = std::sqrt(M_2_PI) * (x + 0.044715 * x * x * x);
  return 0.5 * x * (1.0 + std::tanh(inner));
}

double Silu(double x) { return x / (1.0 + std::exp(-x)); }

void Map(RunContext& context, double (*function)(double)) {
  const Tensor& x = context.in(0);
  Tensor y(DType::kFloat32, x.dims());
  const float* in = x.data<float>();
  float* out = y.mutable_data<float>();
  for (int64_t i = 0; i < x.size(); ++i) {
    out[i] = static_cast<float>(function(in[i]));
  }
  context.outputs[0] = std::move(y);
}

void RunGelu(RunContext& context) {
  const std::string approximate = context.node.String("approximate", "none");
  if (approximate != "none" && approximate != "tanh") {
    Fail(ErrorCode::kInvalidModel, "approximate is '{}', expected none or tanh",
         approximate);
  }
  Map(context, approximate == "tanh" ? GeluByTanh : Gelu);
}

void RunSilu(RunContext& context) { Map(context, Silu); }

void InferGate(InferContext& context) { context.SameAsInput(); }

QuantSpec GateRule(const QuantizeQuery&) {
  QuantSpec spec;
  spec.inputs = {{.role = Role::kActivation}};
  spec.outputs = {{.role = Role::kActivation}};
  return spec;
}

}  // namespace

extern constinit const OpDef kGeluOp = {
    .type = "Gelu",
    .since = 20,
    .infer = InferGate,
    .reference = InFloat32<RunGelu>,
    .integer_reference = DequantizedReference<RunGelu>,
    .quantize = GateRule,
    .prepare = PrepareUnary,
};
extern constinit const OpDef kSiLUOp = {
    .type = "SiLU",
    .domain = "squint",
    .infer = InferGate,
    .reference = InFloat32<RunSilu>,
    .integer_reference = DequantizedReference<RunSilu>,
    .quantize = GateRule,
    .prepare = PrepareUnary,
};

}  // namespace squint
