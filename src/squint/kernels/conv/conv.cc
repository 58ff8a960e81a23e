// Convolution as a matrix product whose right panels are made on the fly.
#include "squint/kernels/conv/conv.h"

#include "squint/base/threads.h"
#include "squint/kernels/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "squint/kernels/conv/conv.cc"
#include <hwy/foreach_target.h>
// After foreach_target.
#include <hwy/highway.h>

#include "squint/kernels/conv/stage-inl.h"
#include "squint/kernels/gemm/gemm-inl.h"
#include "squint/kernels/gemm/pairs-inl.h"

HWY_BEFORE_NAMESPACE();
namespace squint {
namespace HWY_NAMESPACE {

template <class Right>
void FillPanels(const Right& right, int64_t k_begin, int64_t k, int64_t pixel,
                int64_t count, float* buffer, Panel* panels) {
  for (int64_t j = 0; j * kNr < count; ++j) {
    float* target = buffer + j * kPanelFloats;
    right.Fill(k_begin, k, pixel + j * kNr,
               std::min<int64_t>(kNr, count - j * kNr), target);
    panels[j] = {target, kNr};
  }
}

// Right panels copied from a staged image.
struct StagedRight {
  const float* image;
  const int64_t* offsets;
  int64_t out_w;
  int64_t columns;  // of the staged plane

  void Get(int64_t k_begin, int64_t k, int64_t pixel, int64_t count,
           float* buffer, Panel* panels) const {
    FillPanels(*this, k_begin, k, pixel, count, buffer, panels);
  }

  // Whole vectors are copied: what a run writes past its end, the next run or
  // the next step of k overwrites.
  void Fill(int64_t k_begin, int64_t k, int64_t pixel, int64_t count,
            float* out) const {
    const FloatTag d;
    PixelRun runs[kNr];
    const int found = FindRuns(pixel, count, out_w, columns, runs);
    for (int64_t p = 0; p < k; ++p, out += kNr) {
      const float* in = image + offsets[k_begin + p];
      for (int i = 0; i < found; ++i) {
        const float* source = in + runs[i].source;
        float* target = out + runs[i].column;
        for (int64_t x = 0; x < runs[i].length; x += kLanes) {
          hn::StoreU(hn::LoadU(d, source + x), d, target + x);
        }
      }
    }
  }
};

// The same as pairs.
struct StagedPairs {
  StagedRight floats;
  int64_t depth;

  void Get(int64_t k_begin, int64_t k, int64_t pixel, int64_t count,
           float* buffer, Panel* panels) const {
    FillPanels(*this, k_begin, k, pixel, count, buffer, panels);
  }

  void Fill(int64_t k_begin, int64_t k, int64_t pixel, int64_t count,
            float* out) const {
    const FloatTag d;
    PixelRun runs[kNr];
    const int found =
        FindRuns(pixel, count, floats.out_w, floats.columns, runs);
    for (int64_t p = 2 * k_begin; p < 2 * (k_begin + k); p += 2, out += kNr) {
      const float* first = floats.image + floats.offsets[p];
      const bool has_second = p + 1 < depth;
      const float* second =
          has_second ? floats.image + floats.offsets[p + 1] : first;
      for (int i = 0; i < found; ++i) {
        float* target = out + runs[i].column;
        for (int64_t x = 0; x < runs[i].length; x += kLanes) {
          const int64_t at = runs[i].source + x;
          const auto other =
              has_second ? hn::LoadU(d, second + at) : hn::Zero(d);
          hn::StoreU(PairOf(hn::LoadU(d, first + at), other), d, target + x);
        }
      }
    }
  }
};

void ComputeConv(const ConvArgs& args, int64_t group, const Rectangle& area,
                 const float* image, float* output) {
  const ConvShape& s = args.plan.shape;
  const int64_t pixels = s.window.out_pixels();
  const int64_t depth = s.depth();
  const float* weights =
      args.weights.data.get() + group * args.weights.matrix_floats;
  const float* bias =
      args.bias ? args.bias + group * s.group_filters() : nullptr;
  const auto compute = [&](const auto& left, const auto& right,
                           int64_t steps) HWY_ATTR {
    ComputeRectangle(left, right, steps, area,
                     output + group * s.group_filters() * pixels, pixels,
                     {bias, 1, 0, args.low, args.high});
  };
  const bool pairs = args.weights.products == Products::kBf16;
  const PairRows pair_rows{weights, PairsOf(depth)};
  const PackedLeft rows{weights, depth};
  if (args.plan.staging) {
    const StagedRight right{
        image + group * s.group_channels() * args.plan.staged.floats(),
        args.plan.offsets.data(), s.window.out_w, args.plan.staged.columns};
    pairs ? compute(pair_rows, StagedPairs{right, depth}, PairsOf(depth))
          : compute(rows, right, depth);
  } else {
    const MatrixView view{image + group * s.group_channels() * pixels, pixels};
    pairs ? compute(pair_rows, PairedColumns{view, depth}, PairsOf(depth))
          : compute(rows, ViewRight{view, s.group_filters() <= 2 * kMr}, depth);
  }
}

void StageImage(const ConvPlan& plan, const float* input, float* staged,
                ThreadPool& pool) {
  const PlaneWindow& w = plan.shape.window;
  const int64_t floats = plan.staged.floats();
  // Pieces of at least 16 kB.
  const int64_t grain =
      std::max<int64_t>(1, 4096 / std::max<int64_t>(1, floats));
  pool.ParallelFor(static_cast<size_t>(plan.shape.channels),
                   static_cast<size_t>(grain), [&](size_t begin, size_t end) {
                     for (auto c = static_cast<int64_t>(begin);
                          c < static_cast<int64_t>(end); ++c) {
                       StagePlane(w, plan.staged, input + c * w.in_pixels(),
                                  0.0f, staged + c * floats);
                     }
                   });
}

void RunConv(const ConvArgs& args, ThreadPool& pool) {
  const ConvShape& s = args.plan.shape;
  const int64_t m = s.group_filters();
  const int64_t n = s.window.out_pixels();
  const int64_t in_floats = s.channels * s.window.in_pixels();
  // Images that go through the pool together; staging has room for one.
  const int64_t together = args.plan.staging ? 1 : s.batch;
  const TaskGrid grid(m, n, s.groups * together, pool.threads(),
                      int64_t{1} << 40);
  const int64_t tasks = grid.tasks();
  for (int64_t first = 0; first < s.batch; first += together) {
    const float* images = args.input + first * in_floats;
    if (args.plan.staging) {
      StageImage(args.plan, images, args.scratch, pool);
      images = args.scratch;
    }
    pool.ParallelFor(
        static_cast<size_t>(together * s.groups * tasks), 1,
        [&](size_t begin, size_t end) {
          for (auto i = static_cast<int64_t>(begin);
               i < static_cast<int64_t>(end); ++i) {
            const int64_t image = i / (s.groups * tasks);
            ComputeConv(args, i / tasks % s.groups, grid.Area(i % tasks, m, n),
                        images + image * in_floats,
                        args.output + (first + image) * s.filters * n);
          }
        });
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace squint
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace squint {
namespace {
HWY_EXPORT(RunConv);
}  // namespace

ConvPlan::ConvPlan(const ConvShape& conv)
    : shape(conv), staged(conv.window), staging(!conv.window.pointwise()) {
  if (!staging) return;
  const PlaneWindow& w = shape.window;
  offsets.reserve(static_cast<size_t>(shape.depth()));
  for (int64_t c = 0; c < shape.group_channels(); ++c) {
    for (int64_t ky = 0; ky < w.kernel_h; ++ky) {
      for (int64_t kx = 0; kx < w.kernel_w; ++kx) {
        offsets.push_back(c * staged.floats() + staged.TapOffset(w, ky, kx));
      }
    }
  }
  scratch_bytes =
      static_cast<size_t>(shape.channels * staged.floats() + kStagingSlack) *
      sizeof(float);
}

namespace {
PackedMatrix PackFor(const ConvShape& shape, const float* weights,
                     Products products) {
  const int64_t depth = shape.depth();
  return PackLeft(shape.group_filters(), depth, {weights, depth, 1},
                  shape.groups, shape.group_filters() * depth, products);
}
}  // namespace

PackedMatrix PackConvWeights(const ConvShape& shape, const float* weights) {
  return PackFor(shape, weights, Products::kFloat32);
}
PackedMatrix PackConvBf16(const ConvShape& shape, const float* weights) {
  return PackFor(shape, weights, Products::kBf16);
}

void Conv(const ConvArgs& args, ThreadPool& pool) {
  HWY_DYNAMIC_DISPATCH(RunConv)(args, pool);
}

}  // namespace squint
#endif  // HWY_ONCE
