// Operators that map each element by itself: one loop for all scalar
// functions. Each is a row of a family's file (unary, activation,
// trigonometry) that names its function here in a template.
#ifndef SQUINT_OPS_UNARY_H_
#define SQUINT_OPS_UNARY_H_

#include "squint/ops/integer_sums.h"
#include "squint/ops/op.h"

namespace squint {

// Attributes of a scalar function, read once per run.
struct UnaryParameters {
  double alpha = 0;
  double beta = 0;
};
using ScalarFunction = double (*)(double x, const UnaryParameters& parameters);
using ParameterReader = UnaryParameters (*)(const Node& node);

inline UnaryParameters NoParameters(const Node&) { return {}; }
// Attribute `alpha` with the given default.
UnaryParameters AlphaParameter(const Node& node, float fallback);

void InferUnary(InferContext& context);

// Every element of input 0, of any numeric type, by `function` in double: for
// float32 the result is then correct to the last bit but for rare ties, for
// integers exact up to 2^53; what an integer type cannot hold wraps around.
void MapElements(RunContext& context, ScalarFunction function,
                 const UnaryParameters& parameters);

template <ScalarFunction kFunction, ParameterReader kReader = NoParameters>
void RunUnary(RunContext& context) {
  MapElements(context, kFunction, kReader(context.node));
}
// Dequantize, apply, quantize: bit-exact with ONNX Runtime's tables.
template <ScalarFunction kFunction, ParameterReader kReader = NoParameters>
void RunUnaryInteger(RunContext& context) {
  RunDequantized(context, RunUnary<kFunction, kReader>);
}

}  // namespace squint

#endif  // SQUINT_OPS_UNARY_H_
