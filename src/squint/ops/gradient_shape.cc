// Gradients of operators that move elements or take their mean.
#include <algorithm>
#include <numeric>

#include "squint/ops/broadcast.h"
#include "squint/ops/gradient.h"
#include "squint/ops/layout.h"
#include "squint/ops/op.h"

namespace squint {
namespace {

// Slice [first, first + length) of `from` along `axis`.
Tensor SliceOf(const Tensor& from, size_t axis, int64_t first, int64_t length) {
  AxisMaps maps = IdentityMaps(from.dims());
  const auto begin = maps[axis].begin() + first;
  maps[axis] = std::vector<int64_t>(begin, begin + length);
  return CopyByMaps(from, maps);
}

}  // namespace

void ReshapeGradient(GradientContext& context) {
  if (!context.wants(0)) return;
  context.input_gradients[0] =
      context.gradient().Reshaped(context.in(0).dims());
}

void TransposeGradient(GradientContext& context) {
  if (!context.wants(0)) return;
  const auto rank = static_cast<size_t>(context.in(0).rank());
  std::vector<int64_t> perm = context.node.Ints("perm");
  if (perm.empty()) {
    perm.resize(rank);
    std::iota(perm.rbegin(), perm.rend(), 0);
  }
  std::vector<int64_t> inverse(rank);
  for (size_t i = 0; i < rank; ++i) {
    inverse[static_cast<size_t>(perm[i])] = static_cast<int64_t>(i);
  }
  context.input_gradients[0] = TransposeTensor(context.gradient(), inverse);
}

void ConcatGradient(GradientContext& context) {
  const int rank = context.gradient().rank();
  const auto axis =
      static_cast<size_t>(NormalizeAxis(context.node.Int("axis", 0), rank));
  int64_t first = 0;
  for (size_t i = 0; i < context.inputs.size(); ++i) {
    const Dims& dims = context.in(i).dims();
    if (context.wants(i)) {
      context.input_gradients[i] =
          SliceOf(context.gradient(), axis, first, dims[axis]);
    }
    first += dims[axis];
  }
}

// Every element has an equal share in the mean that it went into. Which axes
// were reduced shows in the sizes: kept axes have the same.
void MeanGradient(GradientContext& context) {
  if (!context.wants(0)) return;
  const Tensor& x = context.in(0);
  Dims kept = x.dims();
  std::vector<int64_t> axes =
      context.has(1) ? context.in(1).ToInts() : std::vector<int64_t>{};
  if (context.node.op_type == "GlobalAveragePool") {
    std::fill(kept.begin() + 2, kept.end(), 1);
  } else if (axes.empty() && context.node.Int("noop_with_empty_axes", 0) == 0) {
    std::fill(kept.begin(), kept.end(), 1);
  }
  for (const int64_t axis : axes) {
    kept[static_cast<size_t>(NormalizeAxis(axis, x.rank()))] = 1;
  }
  Tensor result(DType::kFloat32, x.dims());
  const float share = static_cast<float>(ElementCount(kept)) /
                      static_cast<float>(std::max<int64_t>(1, x.size()));
  const float* dy = context.gradient().data<float>();
  float* dx = result.mutable_data<float>();
  ForEachBroadcastRow<1>(x.dims(), {&kept}, [&](const BroadcastRow<1>& row) {
    for (int64_t i = 0; i < row.length; ++i) {
      dx[row.out + i] = dy[row.offset[0] + i * row.stride[0]] * share;
    }
  });
  context.input_gradients[0] = std::move(result);
}

}  // namespace squint
