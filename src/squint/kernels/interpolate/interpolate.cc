#include "squint/kernels/interpolate/interpolate.h"

#include <algorithm>

#include "squint/base/threads.h"
#include "squint/kernels/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "squint/kernels/interpolate/interpolate.cc"
#include <hwy/foreach_target.h>
// After foreach_target.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace squint {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// y[j] = sum of weight[t] * x[index[t] * inner + j].
void SumLines(int64_t taps, const int64_t* index, const float* weight,
              const float* x, int64_t inner, float* y) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t j = 0;
  for (; j + lanes <= inner; j += lanes) {
    auto sum =
        hn::Mul(hn::Set(d, weight[0]), hn::LoadU(d, x + index[0] * inner + j));
    for (int64_t t = 1; t < taps; ++t) {
      sum = hn::MulAdd(hn::Set(d, weight[t]),
                       hn::LoadU(d, x + index[t] * inner + j), sum);
    }
    hn::StoreU(sum, d, y + j);
  }
  for (; j < inner; ++j) {
    float sum = weight[0] * x[index[0] * inner + j];
    for (int64_t t = 1; t < taps; ++t) {
      sum += weight[t] * x[index[t] * inner + j];
    }
    y[j] = sum;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace squint
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace squint {
namespace {

HWY_EXPORT(SumLines);

// Neighbouring numbers of one line.
void SumNumbers(const AxisTaps& axis, const float* x, float* y) {
  const int64_t* index = axis.index.data();
  const float* weight = axis.weight.data();
  const int64_t taps = axis.taps;
  const int64_t out = axis.out();
  for (int64_t i = 0; i < out; ++i, index += taps, weight += taps) {
    float sum = weight[0] * x[index[0]];
    for (int64_t t = 1; t < taps; ++t) sum += weight[t] * x[index[t]];
    y[i] = sum;
  }
}

}  // namespace

void InterpolateAxis(const AxisTaps& axis, int64_t outer, int64_t inner,
                     const float* x, float* y, ThreadPool& pool) {
  constexpr int64_t kTaskFloats = 8192;
  const int64_t out = axis.out();
  const bool single = inner == 1;
  const int64_t lines = single ? outer : outer * out;
  const int64_t floats = single ? out : inner;
  const int64_t grain =
      std::max<int64_t>(1, kTaskFloats / std::max<int64_t>(1, floats));
  pool.ParallelFor(
      static_cast<size_t>(lines), static_cast<size_t>(grain),
      [&](size_t begin, size_t end) {
        for (auto line = static_cast<int64_t>(begin);
             line < static_cast<int64_t>(end); ++line) {
          if (single) {
            SumNumbers(axis, x + line * axis.in, y + line * out);
            continue;
          }
          const int64_t tap = line % out * axis.taps;
          HWY_DYNAMIC_DISPATCH(SumLines)
          (axis.taps, axis.index.data() + tap, axis.weight.data() + tap,
           x + line / out * axis.in * inner, inner, y + line * inner);
        }
      });
}

}  // namespace squint
#endif  // HWY_ONCE
