// Gradients of pools over sliding windows.
#include <vector>

#include "squint/ops/conv_node.h"
#include "squint/ops/gradient.h"

namespace squint {
namespace {

// Calls f(plane's first input element, its first output element, runs,
// stride) for each plane.
template <typename F>
void ForEachPlane(const GradientContext& context, const F& f) {
  const Dims in = SpatialOf(context.in(0).dims());
  const Dims out = SpatialOf(context.gradient().dims());
  const Window window = ResolvePads(
      ReadWindow(context.node, context.node.Ints("kernel_shape")), in, true);
  const std::vector<TapRow> rows = TapRowsOf(window, in, out);
  const int64_t in_pixels = ElementCount(in);
  const int64_t out_pixels = ElementCount(out);
  const int64_t planes = context.in(0).dim(0) * context.in(0).dim(1);
  for (int64_t p = 0; p < planes; ++p) {
    f(p * in_pixels, p * out_pixels, rows, window);
  }
}

}  // namespace

// The first tap that holds the maximum takes the whole gradient.
void MaxPoolGradient(GradientContext& context) {
  if (!context.wants(0)) return;
  Tensor result(DType::kFloat32, context.in(0).dims());
  const float* x = context.in(0).data<float>();
  const float* y = context.outputs[0]->data<float>();
  const float* dy = context.gradient().data<float>();
  float* dx = result.mutable_data<float>();
  std::vector<bool> taken(static_cast<size_t>(context.gradient().size()));
  ForEachPlane(context, [&](int64_t in, int64_t out, const auto& rows,
                            const Window& window) {
    for (const TapRow& row : rows) {
      for (int64_t i = 0; i < row.count; ++i) {
        const int64_t from = in + row.in_start + i * window.strides.back();
        const int64_t to = out + row.out_start + i;
        if (taken[static_cast<size_t>(to)] || x[from] != y[to]) continue;
        taken[static_cast<size_t>(to)] = true;
        dx[from] += dy[to];
      }
    }
  });
  context.input_gradients[0] = std::move(result);
}

void AveragePoolGradient(GradientContext& context) {
  if (!context.wants(0)) return;
  Tensor result(DType::kFloat32, context.in(0).dims());
  const float* dy = context.gradient().data<float>();
  float* dx = result.mutable_data<float>();
  const bool padding_counts = context.node.Int("count_include_pad", 0) != 0;
  std::vector<float> taps(
      static_cast<size_t>(ElementCount(SpatialOf(context.gradient().dims()))));
  ForEachPlane(context, [&](int64_t in, int64_t out, const auto& rows,
                            const Window& window) {
    std::fill(taps.begin(), taps.end(),
              padding_counts ? static_cast<float>(window.taps()) : 0.0f);
    for (const TapRow& row : rows) {
      for (int64_t i = 0; i < row.count && !padding_counts; ++i) {
        ++taps[static_cast<size_t>(row.out_start + i)];
      }
    }
    for (const TapRow& row : rows) {
      for (int64_t i = 0; i < row.count; ++i) {
        const int64_t o = row.out_start + i;
        dx[in + row.in_start + i * window.strides.back()] +=
            dy[out + o] / taps[static_cast<size_t>(o)];
      }
    }
  });
  context.input_gradients[0] = std::move(result);
}

}  // namespace squint
