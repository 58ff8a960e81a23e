// squint::Requantize: the same number in another quantization. Made by Absorb
// from `x -> QuantizeLinear -> DequantizeLinear`; what it does is told by the
// QuantParams of its input and output alone (float to integer, integer to
// float, integer to integer). Files have it as Q/DQ nodes.
#include "squint/ops/op.h"

namespace squint {
namespace {

void InferRequantize(InferContext& context) { context.SameAsInput(); }

// On real numbers nothing happens; whoever stores the result rounds it.
void RunRequantizeReference(RunContext& context) {
  context.outputs[0] = context.in(0).Materialize();
}

// Through float32, as a file's Q(DQ(x)) is computed.
void RunRequantizeInteger(RunContext& context) {
  const Tensor real =
      context.input_quant[0]
          ? DequantizeTensor(context.in(0), *context.input_quant[0])
          : context.in(0).Materialize();
  context.outputs[0] = context.output_quant[0]
                           ? QuantizeTensor(real, *context.output_quant[0])
                           : real;
}

QuantSpec RequantizeRule(const QuantizeQuery&) {
  return QuantSpec::Float("its quantization comes from the model's own file");
}

}  // namespace

extern constinit const OpDef kRequantizeOp = {
    .type = "Requantize",
    .domain = "squint",
    .infer = InferRequantize,
    .reference = RunRequantizeReference,
    .integer_reference = RunRequantizeInteger,
    .quantize = RequantizeRule,
};

}  // namespace squint
