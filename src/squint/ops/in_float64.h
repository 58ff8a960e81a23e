// References that compute in float64 and so serve every floating type:
// floating inputs are widened, floating results rounded to the type of
// input 0. Integer and bool inputs (lengths, indices, masks) stay as they are.
#ifndef SQUINT_OPS_IN_FLOAT64_H_
#define SQUINT_OPS_IN_FLOAT64_H_

#include <cstddef>
#include <vector>

#include "squint/ops/op.h"

namespace squint {

// `reference` takes a RunContext&.
template <typename F>
void RunInFloat64(RunContext& context, F&& reference) {
  std::vector<Tensor> wide(context.inputs.size());
  RunContext inner{context.node, context.inputs, {}, {}, {}};
  for (size_t i = 0; i < wide.size(); ++i) {
    if (!context.has(i) || !IsFloat(context.in(i).dtype())) continue;
    wide[i] = context.in(i).CastTo(DType::kFloat64);
    inner.inputs[i] = &wide[i];
  }
  inner.outputs.resize(context.outputs.size());
  reference(inner);
  for (size_t i = 0; i < inner.outputs.size(); ++i) {
    const Tensor& result = inner.outputs[i];
    context.outputs[i] = result.dtype() == DType::kFloat64
                             ? result.CastTo(context.in(0).dtype())
                             : result;
  }
}

template <void (*kReference)(RunContext&)>
void InFloat64(RunContext& context) {
  RunInFloat64(context, kReference);
}

}  // namespace squint

#endif  // SQUINT_OPS_IN_FLOAT64_H_
