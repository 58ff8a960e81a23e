// MatMul: numpy.matmul with batches, broadcasting and vectors. The integer
// reading is QLinearMatMul, or MatMulIntegerToFloat where the output is
// float.
#include <utility>

#include "squint/ops/in_float32.h"
#include "squint/ops/integer_sums.h"
#include "squint/ops/matrix_sums.h"
#include "squint/ops/op.h"
#include "squint/ops/prepare.h"

namespace squint {
namespace {

void InferMatMul(InferContext& context) {
  context.SetOutput(0, context.dtype(0),
                    MatMulShape(context.shape(0), context.shape(1)));
}

void RunMatMul(RunContext& context) {
  MatrixSums product = MatMulSums(context.in(0), context.in(1));
  context.outputs[0] = ToFloat32(product.sums, std::move(product.dims));
}

void RunMatMulOfAnyType(RunContext& context) {
  const DType dtype = context.in(0).dtype();
  if (IsInteger(dtype) || dtype == DType::kFloat64) {
    context.outputs[0] = WideMatMul(context.in(0), context.in(1));
  } else {
    RunInFloat32(context, RunMatMul, 1);
  }
}

void RunMatMulInteger(RunContext& context) {
  const int columns = context.in(1).rank() - 1;
  const bool vector = columns == 0;
  if (!CanSumIntegers(context, 0, 1, vector ? -1 : columns)) {
    return RunDequantized(context, RunMatMul);
  }
  const QuantParams& a = *context.input_quant[0];
  const QuantParams& b = *context.input_quant[1];
  const QuantParams* y = context.output_quant[0];
  const MatrixSums product =
      MatMulSums(Centered(context.in(0), a), Centered(context.in(1), b));
  context.outputs[0] = Requantize(product.sums, product.dims,
                                  static_cast<int>(product.dims.size()) - 1,
                                  Multipliers(a, b, y), y);
}

// A constant matrix is a weight with one scale per column; stacks of
// matrices are quantized per tensor, as ONNX Runtime fuses them.
QuantSlot RightSlot(const Tensor* constant) {
  if (constant == nullptr) return {.role = Role::kActivation};
  const int rank = constant->rank();
  return {.role = Role::kWeight,
          .axis = rank == 2 ? 1 : -1,
          .reduce_axis = rank < 2 ? 0 : rank - 2};
}

QuantSpec MatMulRule(const QuantizeQuery& query) {
  if (!IsFloat(query.graph.value(query.node.input(0)).dtype)) {
    return QuantSpec::Float("it multiplies integers already");
  }
  QuantSpec spec;
  spec.inputs = {{.role = Role::kActivation},
                 RightSlot(query.graph.ConstantOf(query.node.input(1)))};
  spec.outputs = {{.role = Role::kActivation, .optional = true}};
  return spec;
}

}  // namespace

extern constinit const OpDef kMatMulOp = {
    .type = "MatMul",
    .since = 9,
    .infer = InferMatMul,
    .reference = RunMatMulOfAnyType,
    .integer_reference = RunMatMulInteger,
    .quantize = MatMulRule,
    .prepare = PrepareMatMul,
    .prepare_stored = PrepareStoredMatMul,
    .fuses_clamp = true,
};

}  // namespace squint
