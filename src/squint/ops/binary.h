// Operators on two tensors (some on more) with numpy broadcasting: one loop
// for all functions of two elements.
#ifndef SQUINT_OPS_BINARY_H_
#define SQUINT_OPS_BINARY_H_

#include <optional>
#include <utility>

#include "squint/ops/broadcast.h"
#include "squint/ops/dim_content.h"
#include "squint/ops/element_types.h"
#include "squint/ops/op.h"

namespace squint {

// Output 0 has the type of input 0 and the shape of all inputs broadcast.
// `function` does the same to contents of shape arithmetic; null: it cannot.
void InferBroadcast(InferContext& context, DimFunction function);

template <DimFunction kFunction>
void InferBinary(InferContext& context) {
  InferBroadcast(context, kFunction);
}

// function(a, b) for each pair of elements; both tensors have a's dtype.
template <typename Function>
Tensor Combine(const Tensor& a, const Tensor& b, Function function) {
  Tensor out(a.dtype(), BroadcastDims(a.dims(), b.dims()));
  WithArithmeticType(a.dtype(), [&](auto type) {
    using T = decltype(type);
    const T* x = a.data<T>();
    const T* y = b.data<T>();
    T* z = out.mutable_data<T>();
    ForEachBroadcastRow<2>(
        out.dims(), {&a.dims(), &b.dims()}, [&](const BroadcastRow<2>& row) {
          for (int64_t i = 0; i < row.length; ++i) {
            z[row.out + i] = function(x[row.offset[0] + i * row.stride[0]],
                                      y[row.offset[1] + i * row.stride[1]]);
          }
        });
  });
  return out;
}

// The inputs combined from the left. The result has the first one's type;
// others are brought to it, narrow floats are computed in float32.
template <typename Function>
void RunBinary(RunContext& context) {
  const DType dtype = context.in(0).dtype();
  Tensor result = InComputeType(context.in(0));
  for (size_t i = 1; i < context.inputs.size(); ++i) {
    result = Combine(result, context.in(i).CastTo(result.dtype()), Function{});
  }
  context.outputs[0] = FromComputeType(std::move(result), dtype);
}

}  // namespace squint

#endif  // SQUINT_OPS_BINARY_H_
