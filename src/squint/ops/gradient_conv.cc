// Gradients of Conv, one image and group at a time:
//   by the weights  dW = dY X'     X: the image unfolded, taps x pixels
//   by the input    dX = fold(W' dY)
// Depthwise ones have a kernel of their own.
#include <algorithm>
#include <vector>

#include "squint/base/threads.h"
#include "squint/kernels/depthwise/depthwise_gradient.h"
#include "squint/kernels/gemm/gemm.h"
#include "squint/kernels/rows/rows.h"
#include "squint/ops/conv_node.h"
#include "squint/ops/conv_shape.h"
#include "squint/ops/gradient.h"

namespace squint {
namespace {

struct Geometry {
  int64_t batch;
  int64_t groups;
  int64_t channels;  // per group
  int64_t filters;   // per group
  int64_t taps;
  int64_t in_pixels;
  int64_t out_pixels;
  int64_t stride;  // along the last axis
  std::vector<TapRow> runs;

  int64_t depth() const { return channels * taps; }
  // The unfolded image is the image.
  bool pointwise() const {
    return taps == 1 && runs.size() == 1 && in_pixels == out_pixels;
  }
};

Geometry GeometryOf(const Node& node, const Tensor& x, const Tensor& w,
                    const Tensor& y) {
  const Dims in = SpatialOf(x.dims());
  const Dims out = SpatialOf(y.dims());
  const Window window =
      ResolvePads(ReadConvWindow(node, SpatialOf(w.dims())), in);
  const int64_t groups = ReadGroup(node);
  Geometry g{.batch = x.dim(0),
             .groups = groups,
             .channels = w.dim(1),
             .filters = w.dim(0) / groups,
             .taps = window.taps(),
             .in_pixels = ElementCount(in),
             .out_pixels = ElementCount(out),
             .stride = window.strides.back(),
             .runs = TapRowsOf(window, in, out)};
  // A 1x1 window without stride and padding: its runs are one.
  const bool whole =
      g.taps == 1 && in == out &&
      std::ranges::all_of(window.strides, [](int64_t s) { return s == 1; });
  if (whole) g.runs = {{0, 0, 0, g.out_pixels}};
  return g;
}

// Calls copy(unfolded + ..., image + ..., run) for each run of each channel.
template <typename F>
void ForEachRun(const Geometry& g, ThreadPool& pool, const F& f) {
  pool.ParallelFor(
      static_cast<size_t>(g.channels), 4, [&](size_t begin, size_t end) {
        for (size_t c = begin; c < end; ++c) {
          for (const TapRow& run : g.runs) {
            const auto channel = static_cast<int64_t>(c);
            f((channel * g.taps + run.tap) * g.out_pixels + run.out_start,
              channel * g.in_pixels + run.in_start, run.count);
          }
        }
      });
}

// What the products of one convolution work on, allocated once.
class ImageGradient {
 public:
  ImageGradient(const Geometry& geometry, ThreadPool& pool)
      : g_(geometry), pool_(pool) {
    if (g_.pointwise()) return;
    unfolded_.resize(static_cast<size_t>(g_.depth() * g_.out_pixels));
  }

  // dw += dy x'
  void ByWeight(const float* x, const float* dy, float* dw) {
    part_.resize(static_cast<size_t>(g_.filters * g_.depth()));
    Gemm({.m = g_.filters,
          .n = g_.depth(),
          .k = g_.out_pixels,
          .a = {dy, g_.out_pixels, 1},
          .b = {Unfold(x), 1, g_.out_pixels},
          .c = part_.data(),
          .c_stride = g_.depth()},
         pool_);
    for (size_t i = 0; i < part_.size(); ++i) dw[i] += part_[i];
  }

  void ByInput(const float* w, const float* dy, float* dx) {
    const bool direct = g_.pointwise();
    Gemm({.m = g_.depth(),
          .n = g_.out_pixels,
          .k = g_.filters,
          .a = {w, 1, g_.depth()},
          .b = {dy, g_.out_pixels, 1},
          .c = direct ? dx : unfolded_.data(),
          .c_stride = g_.out_pixels},
         pool_);
    if (direct) return;
    std::fill_n(dx, g_.channels * g_.in_pixels, 0.0f);
    ForEachRun(g_, pool_, [&](int64_t from, int64_t to, int64_t count) {
      const float* column = unfolded_.data() + from;
      float* image = dx + to;
      for (int64_t i = 0; i < count; ++i) image[i * g_.stride] += column[i];
    });
  }

 private:
  const float* Unfold(const float* x) {
    if (g_.pointwise()) return x;
    std::fill(unfolded_.begin(), unfolded_.end(), 0.0f);
    ForEachRun(g_, pool_, [&](int64_t to, int64_t from, int64_t count) {
      float* column = unfolded_.data() + to;
      const float* image = x + from;
      for (int64_t i = 0; i < count; ++i) column[i] = image[i * g_.stride];
    });
    return unfolded_.data();
  }

  const Geometry& g_;
  ThreadPool& pool_;
  std::vector<float> unfolded_;
  std::vector<float> part_;
};

// Sum of each filter's gradient over images and pixels.
Tensor ByBias(const Geometry& g, const Tensor& dy, ThreadPool& pool) {
  const int64_t filters = g.groups * g.filters;
  std::vector<float> planes(static_cast<size_t>(g.batch * filters));
  Reduce(ReduceKind::kSum, g.batch * filters, g.out_pixels, 1, dy.data<float>(),
         planes.data(), pool);
  Tensor result(DType::kFloat32, {filters});
  Reduce(ReduceKind::kSum, 1, g.batch, filters, planes.data(),
         result.mutable_data<float>(), pool);
  return result;
}

// On planes that the kernel can stage.
bool IsDepthwise(const Geometry& g, const GradientContext& context) {
  if (g.channels != 1 || context.in(0).rank() > 4) return false;
  return FitsBand(ConvShapeOf(context.node, context.in(0).dims(),
                              context.in(1).dims(), context.gradient().dims())
                      .window);
}

void DepthwiseImages(const GradientContext& context, float* dx, float* dw) {
  const ConvShape shape =
      ConvShapeOf(context.node, context.in(0).dims(), context.in(1).dims(),
                  context.gradient().dims());
  DepthwiseGradient({.shape = shape,
                     .x = context.in(0).data<float>(),
                     .w = context.in(1).data<float>(),
                     .dy = context.gradient().data<float>(),
                     .dx = dx,
                     .dw = dw},
                    context.pool);
}

void ProductImages(const GradientContext& context, const Geometry& g, float* dx,
                   float* dw) {
  ImageGradient image(g, context.pool);
  for (int64_t i = 0; i < g.batch * g.groups; ++i) {
    const int64_t group = i % g.groups;
    const int64_t in = i * g.channels * g.in_pixels;
    const int64_t weight = group * g.filters * g.depth();
    const float* dy =
        context.gradient().data<float>() + i * g.filters * g.out_pixels;
    if (dw != nullptr) {
      image.ByWeight(context.in(0).data<float>() + in, dy, dw + weight);
    }
    if (dx != nullptr) {
      image.ByInput(context.in(1).data<float>() + weight, dy, dx + in);
    }
  }
}

}  // namespace

void ConvGradient(GradientContext& context) {
  const Geometry g = GeometryOf(context.node, context.in(0), context.in(1),
                                *context.outputs[0]);
  Tensor by_input;
  Tensor by_weight;
  if (context.wants(0)) {
    by_input = Tensor(DType::kFloat32, context.in(0).dims());
  }
  if (context.wants(1)) {
    by_weight = Tensor(DType::kFloat32, context.in(1).dims());
  }
  float* dx = context.wants(0) ? by_input.mutable_data<float>() : nullptr;
  float* dw = context.wants(1) ? by_weight.mutable_data<float>() : nullptr;
  if (IsDepthwise(g, context)) {
    DepthwiseImages(context, dx, dw);
  } else {
    ProductImages(context, g, dx, dw);
  }
  if (context.wants(0)) context.input_gradients[0] = std::move(by_input);
  if (context.wants(1)) context.input_gradients[1] = std::move(by_weight);
  if (context.wants(2)) {
    context.input_gradients[2] = ByBias(g, context.gradient(), context.pool);
  }
}

}  // namespace squint
