// References that know float32 alone, made to serve float16, bfloat16 and
// float64: inputs are converted, results brought to the type of input 0. Of a
// float64 only what a float32 holds is seen.
#ifndef SQUINT_OPS_IN_FLOAT32_H_
#define SQUINT_OPS_IN_FLOAT32_H_

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "squint/ops/element_types.h"
#include "squint/ops/op.h"

namespace squint {

// `narrowed`: how many outputs have the type of input 0; the others stay
// float32 (LayerNormalization's moments).
inline void RunInFloat32(RunContext& context, void (*reference)(RunContext&),
                         size_t narrowed) {
  const DType dtype = context.in(0).dtype();
  const bool others = std::any_of(
      context.inputs.begin(), context.inputs.end(), [](const Tensor* in) {
        return in != nullptr && IsFloat(in->dtype()) &&
               in->dtype() != DType::kFloat32;
      });
  if (dtype == DType::kFloat32 && !others) return reference(context);
  if (!IsFloat(dtype)) {
    Fail(ErrorCode::kUnsupported, "{} computes in float32, not in {}",
         context.node.op_type, DTypeName(dtype));
  }
  std::vector<Tensor> real(context.inputs.size());
  RunContext inner{context.node, context.inputs, {}, {}, {}};
  for (size_t i = 0; i < real.size(); ++i) {
    if (!context.has(i)) continue;
    const Tensor& in = context.in(i);
    real[i] = IsFloat(in.dtype()) ? in.CastTo(DType::kFloat32) : in;
    inner.inputs[i] = &real[i];
  }
  inner.outputs.resize(context.outputs.size());
  reference(inner);
  for (size_t i = 0; i < inner.outputs.size(); ++i) {
    Tensor& result = inner.outputs[i];
    const bool converts = i < narrowed && result.dtype() == DType::kFloat32;
    context.outputs[i] = converts ? result.CastTo(dtype) : std::move(result);
  }
}

template <void (*kReference)(RunContext&), size_t kNarrowed = size_t{8}>
void InFloat32(RunContext& context) {
  RunInFloat32(context, kReference, kNarrowed);
}

// The same for a reference that also knows other types (MaxPool's integers).
template <void (*kReference)(RunContext&)>
void WideningNarrowFloats(RunContext& context) {
  if (IsNarrowFloat(context.in(0).dtype())) {
    RunInFloat32(context, kReference, context.outputs.size());
  } else {
    kReference(context);
  }
}

}  // namespace squint

#endif  // SQUINT_OPS_IN_FLOAT32_H_
