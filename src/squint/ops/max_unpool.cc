// MaxUnpool: puts each value back where a MaxPool found it; the rest is zero.
#include <cstring>
#include <vector>

#include "squint/ops/conv_node.h"
#include "squint/ops/integer_sums.h"
#include "squint/ops/layout.h"
#include "squint/ops/op.h"
#include "squint/ops/quant_rules.h"
#include "squint/ops/window.h"

namespace squint {
namespace {

constexpr size_t kX = 0, kIndices = 1, kOutputShape = 2;

// What the pool had seen: the inverse of its window. Indices count in it.
DimList PooledFrom(const Node& node, const DimList& x) {
  Dims kernel = node.Ints("kernel_shape");
  if (kernel.empty() || kernel.size() + 2 != x.size()) {
    Fail(ErrorCode::kInvalidModel, "kernel_shape {} does not suit input {}",
         DimsToString(kernel), Shape(x).ToString());
  }
  const Window window = ReadWindow(node, std::move(kernel));
  DimList dims = {x[0], x[1]};
  for (size_t axis = 0; axis < window.rank(); ++axis) {
    const int64_t pads = window.pads_begin[axis] + window.pads_end[axis];
    dims.push_back((x[axis + 2] - Dim(1)) * Dim(window.strides[axis]) +
                   Dim(window.kernel[axis] - pads));
  }
  return dims;
}

void InferMaxUnpool(InferContext& context) {
  const Shape& x = context.shape(kX);
  context.SetOutput(0, context.dtype(kX), Shape());
  DimList inferred;
  if (x.has_rank()) inferred = PooledFrom(context.node(), x.dims());
  if (context.has_input(kOutputShape)) {
    const DimTensor* given = context.dim_tensor(kOutputShape);
    if (given != nullptr) {
      context.SetOutput(0, context.dtype(kX), Shape(given->elements));
    }
  } else if (x.has_rank()) {
    context.SetOutput(0, context.dtype(kX), Shape(std::move(inferred)));
  }
}

// A larger output_shape adds zeros at the ends.
Dims OutputDims(const RunContext& context, const Dims& inferred) {
  if (!context.has(kOutputShape)) return inferred;
  const Dims given = context.in(kOutputShape).ToInts();
  bool fits = given.size() == inferred.size();
  for (size_t i = 0; fits && i < given.size(); ++i) {
    fits = i < 2 ? given[i] == inferred[i] : given[i] >= inferred[i];
  }
  if (!fits) {
    Fail(ErrorCode::kInvalidModel,
         "output_shape {} does not hold the {} that "
         "the window implies",
         DimsToString(given), DimsToString(inferred));
  }
  return given;
}

Tensor Padded(const Tensor& y, const Dims& dims) {
  AxisMaps maps = IdentityMaps(y.dims());
  for (size_t i = 0; i < maps.size(); ++i) {
    maps[i].resize(static_cast<size_t>(dims[i]), kFill);
  }
  return CopyByMaps(y, maps);
}

void RunMaxUnpool(RunContext& context) {
  const Tensor& x = context.in(kX);
  const Tensor& indices = context.in(kIndices);
  if (indices.dims() != x.dims()) {
    Fail(ErrorCode::kInvalidModel, "X is {}, its indices {}",
         DimsToString(x.dims()), DimsToString(indices.dims()));
  }
  const Dims inferred =
      *Shape(
           PooledFrom(context.node, DimList(x.dims().begin(), x.dims().end())))
           .values();
  const Dims dims = OutputDims(context, inferred);
  Tensor y(x.dtype(), inferred);
  const size_t element = BytesOf(x.dtype(), 1);
  const std::vector<int64_t> at = indices.ToInts();
  for (size_t i = 0; i < at.size(); ++i) {
    if (at[i] < 0 || at[i] >= y.size()) {
      Fail(ErrorCode::kInvalidModel, "index {} is outside {}", at[i],
           DimsToString(inferred));
    }
    std::memcpy(y.mutable_raw() + static_cast<size_t>(at[i]) * element,
                x.raw() + i * element, element);
  }
  context.outputs[0] = dims == inferred ? y : Padded(y, dims);
}

}  // namespace

extern constinit const OpDef kMaxUnpoolOp = {
    .type = "MaxUnpool",
    .since = 11,
    .infer = InferMaxUnpool,
    .reference = RunMaxUnpool,
    .integer_reference = DequantizedReference<RunMaxUnpool>,
    .quantize = ActivationRule,
};

}  // namespace squint
