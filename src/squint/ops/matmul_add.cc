// squint::MatMulAdd: a float MatMul and up to two Adds behind it in one node.
// Made when a network is lowered to integers, of what stays float. The numbers
// are those of the operators.
#include "squint/ops/matmul_add.h"

#include <utility>

#include "squint/ops/infer.h"
#include "squint/ops/matrix_sums.h"
#include "squint/ops/op.h"
#include "squint/ops/part.h"
#include "squint/ops/prepare.h"

namespace squint {
namespace {

using In = MatMulAddInputs;

void InferMatMulAdd(InferContext& context) {
  CheckInputCount(context.node(), In::kCount);
  context.SetOutput(0, DType::kFloat32,
                    MatMulShape(context.shape(In::kA), context.shape(In::kB)));
}

void RunMatMulAdd(RunContext& context) {
  Tensor y =
      RunPart(PartOf("MatMul"), {&context.in(In::kA), &context.in(In::kB)});
  const Dims dims = y.dims();
  for (const size_t i : {In::kBias, In::kAdded}) {
    if (!context.has(i)) continue;
    y = RunPart(PartOf("Add"), {&y, &context.in(i)});
    if (y.dims() == dims) continue;
    Fail(ErrorCode::kInvalidModel, "what is added makes {} of {}",
         DimsToString(y.dims()), DimsToString(dims));
  }
  context.outputs[0] = std::move(y);
}

QuantSpec MatMulAddRule(const QuantizeQuery&) {
  return QuantSpec::Float("it is made where integers are");
}

}  // namespace

extern constinit const OpDef kMatMulAddOp = {
    .type = "MatMulAdd",
    .domain = "squint",
    .infer = InferMatMulAdd,
    .reference = RunMatMulAdd,
    .quantize = MatMulAddRule,
    .prepare = PrepareMatMulAdd,
    .fuses_clamp = true,
};

}  // namespace squint
