// Operators that map each element by itself. One table of scalar functions
// serves shapes, the float reference and the 256-entry lookup of the integer
// reading (any unary function on 8 bits is a table, exact to half a step).
#include <cmath>

#include "squint/ops/op.h"

namespace squint {
namespace {

using ScalarFunction = double (*)(double x, const Node& node);

void InferUnary(InferContext& context) { context.SameAsInput(); }

void RunUnary(RunContext& context, ScalarFunction function) {
  const Tensor& x = context.in(0);
  Tensor y(DType::kFloat32, x.dims());
  const float* in = x.data<float>();
  float* out = y.mutable_data<float>();
  for (int64_t i = 0; i < x.size(); ++i) {
    out[i] = static_cast<float>(
        function(static_cast<double>(in[i]), context.node));
  }
  context.outputs[0] = std::move(y);
}

// Quantized input and output, both per tensor: dequantize, apply in double,
// quantize. (integer-arithmetic.md 5.4: bit-exact with ONNX Runtime's table.)
void RunUnaryInteger(RunContext& context, ScalarFunction function) {
  const Tensor real = DequantizeTensor(context.in(0), *context.input_quant[0]);
  RunContext inner{context.node, {&real}, {}, {}, {}};
  inner.outputs.resize(1);
  RunUnary(inner, function);
  context.outputs[0] = context.output_quant[0]
                           ? QuantizeTensor(inner.outputs[0],
                                            *context.output_quant[0])
                           : inner.outputs[0];
}

double ReluFunction(double x, const Node&) {
  return std::isnan(x) ? x : std::fmax(x, 0.0);
}
double SigmoidFunction(double x, const Node&) {
  return 1.0 / (1.0 + std::exp(-x));
}

template <ScalarFunction kFunction>
void Reference(RunContext& context) {
  RunUnary(context, kFunction);
}
template <ScalarFunction kFunction>
void IntegerReference(RunContext& context) {
  RunUnaryInteger(context, kFunction);
}

QuantSpec ClampRule(const QuantizeQuery&) {
  QuantSpec spec;
  spec.inputs = {{.role = Role::kActivation}};
  spec.outputs = {{.role = Role::kActivation}};
  spec.clamp = {0.0f, INFINITY};
  return spec;
}

QuantSpec SigmoidRule(const QuantizeQuery&) {
  QuantSpec spec;
  spec.inputs = {{.role = Role::kActivation}};
  spec.outputs = {{.role = Role::kActivation, .unit_range = true}};
  return spec;
}

}  // namespace

extern constinit const OpDef kReluOp = {
    .type = "Relu",
    .since = 6,
    .infer = InferUnary,
    .reference = Reference<ReluFunction>,
    .integer_reference = IntegerReference<ReluFunction>,
    .quantize = ClampRule,
};
extern constinit const OpDef kSigmoidOp = {
    .type = "Sigmoid",
    .since = 6,
    .infer = InferUnary,
    .reference = Reference<SigmoidFunction>,
    .integer_reference = IntegerReference<SigmoidFunction>,
    .quantize = SigmoidRule,
};

}  // namespace squint
