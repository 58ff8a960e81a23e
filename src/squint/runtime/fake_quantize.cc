#include "squint/runtime/fake_quantize.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "squint/base/threads.h"

namespace squint {
namespace {

constexpr size_t kGrain = 1 << 14;  // elements a thread takes at once

// Integer steps from the zero point that the type can hold: at most 2^16 for
// 16-bit types, so that rounding by adding 1.5 * 2^23 is exact.
struct Steps {
  float scale;
  float low;
  float high;
};

Steps StepsOf(const ScaleZero& chosen, const QuantRange& range) {
  return {chosen.scale, static_cast<float>(range.qmin - chosen.zero_point),
          static_cast<float>(range.qmax - chosen.zero_point)};
}

// Clamping before rounding gives the same integer, since the bounds are
// integers. NaN becomes the zero point, that is 0; adding 0.0f turns -0 into
// 0, as the way through integers does.
inline float QuantizeOne(float real, const Steps& steps) {
  constexpr float kRound = 12582912.0f;
  float v = real / steps.scale;
  v = v == v ? v : 0.0f;
  v = v < steps.low ? steps.low : v;
  v = v > steps.high ? steps.high : v;
  return ((v + kRound) - kRound + 0.0f) * steps.scale;
}

// Loops over a fixed number of lanes are what gcc -O2 vectorizes.
constexpr size_t kLanes = 16;

void QuantizeRun(const float* in, float* out, size_t count,
                 const Steps& steps) {
  const Steps fixed = steps;  // `out` cannot alias it
  size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    float lanes[kLanes];
    for (size_t k = 0; k < kLanes; ++k) {
      lanes[k] = QuantizeOne(in[i + k], fixed);
    }
    std::memcpy(out + i, lanes, sizeof(lanes));
  }
  for (; i < count; ++i) out[i] = QuantizeOne(in[i], fixed);
}

// Smallest and largest element; NaN is passed over, zero is always inside.
struct Extremes {
  float low = 0.0f;
  float high = 0.0f;
};

Extremes ExtremesOf(const float* in, size_t count) {
  float low[kLanes] = {};
  float high[kLanes] = {};
  size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (size_t k = 0; k < kLanes; ++k) {
      const float v = in[i + k];
      low[k] = v < low[k] ? v : low[k];
      high[k] = v > high[k] ? v : high[k];
    }
  }
  for (; i < count; ++i) {
    low[0] = in[i] < low[0] ? in[i] : low[0];
    high[0] = in[i] > high[0] ? in[i] : high[0];
  }
  return {*std::ranges::min_element(low), *std::ranges::max_element(high)};
}

Steps DynamicSteps(const Extremes& extremes, DType dtype) {
  return StepsOf(DynamicScale(extremes.low, extremes.high, dtype),
                 RangeOf(dtype, false));
}

void QuantizeWhole(const float* in, float* out, size_t count,
                   const Steps& steps, ThreadPool& pool) {
  pool.ParallelFor(count, kGrain, [&](size_t begin, size_t end) {
    QuantizeRun(in + begin, out + begin, end - begin, steps);
  });
}

void QuantizeRows(const float* in, float* out, const Dims& dims, DType dtype,
                  ThreadPool& pool) {
  const auto row = static_cast<size_t>(dims.empty() ? 1 : dims.back());
  if (row == 0) return;
  const size_t rows = static_cast<size_t>(ElementCount(dims)) / row;
  pool.ParallelFor(rows, std::max<size_t>(1, kGrain / row),
                   [&](size_t begin, size_t end) {
                     for (size_t r = begin; r < end; ++r) {
                       const float* from = in + r * row;
                       QuantizeRun(from, out + r * row, row,
                                   DynamicSteps(ExtremesOf(from, row), dtype));
                     }
                   });
}

// Each run of the dimensions behind the channel axis has one scale.
void QuantizeChannels(const float* in, float* out, const Dims& dims,
                      const QuantParams& params, ThreadPool& pool) {
  const auto axis = static_cast<size_t>(params.axis);
  CheckInternal(axis < dims.size(), "FakeQuantize: axis outside the shape");
  const auto channels = static_cast<size_t>(dims[axis]);
  const auto inner =
      static_cast<size_t>(ElementCount(std::span(dims).subspan(axis + 1)));
  const auto runs =
      static_cast<size_t>(ElementCount(std::span(dims).first(axis + 1)));
  if (runs == 0 || inner == 0) return;
  const QuantRange range = RangeOf(params.dtype, false);
  std::vector<Steps> steps;
  for (size_t c = 0; c < channels; ++c) {
    const auto channel = static_cast<int64_t>(c);
    steps.push_back(StepsOf(
        {params.scale_at(channel), params.zero_point_at(channel)}, range));
  }
  pool.ParallelFor(runs, std::max<size_t>(1, kGrain / inner),
                   [&](size_t begin, size_t end) {
                     for (size_t r = begin; r < end; ++r) {
                       QuantizeRun(in + r * inner, out + r * inner, inner,
                                   steps[r % channels]);
                     }
                   });
}

// Storage floats, 32-bit integers and blocks: through the normative code.
void QuantizeByReference(const float* in, float* out, const Dims& dims,
                         const QuantParams& params) {
  const auto count = static_cast<size_t>(ElementCount(dims));
  const Tensor real = Tensor::Of<float>(dims, {in, count});
  const Tensor result = FakeQuantizeTensor(real, params);
  if (count > 0) std::memcpy(out, result.raw(), count * sizeof(float));
}

}  // namespace

ScaleZero DynamicScale(float low, float high, DType dtype) {
  low = std::min(low, 0.0f);
  high = std::max(high, 0.0f);
  const QuantRange range = RangeOf(dtype, false);
  const auto qmin = static_cast<float>(range.qmin);
  const auto qmax = static_cast<float>(range.qmax);
  ScaleZero result;
  result.scale = (high - low) / (qmax - qmin);
  if (!(result.scale > 0.0f) || !std::isfinite(result.scale)) {
    result.scale = 1.0f;
  }
  const float zero = std::nearbyintf(qmin - low / result.scale);
  result.zero_point = static_cast<int32_t>(std::clamp(zero, qmin, qmax));
  return result;
}

void FakeQuantize(const float* in, float* out, const Dims& dims,
                  const QuantParams& params, ThreadPool& pool) {
  const auto count = static_cast<size_t>(ElementCount(dims));
  if (params.kind == QuantKind::kDynamicTensor) {
    const Steps steps = DynamicSteps(ExtremesOf(in, count), params.dtype);
    QuantizeWhole(in, out, count, steps, pool);
  } else if (params.kind == QuantKind::kDynamicRow) {
    QuantizeRows(in, out, dims, params.dtype, pool);
  } else if (params.scale.empty() || params.block > 0 ||
             BitsOf(params.dtype) > 16) {
    QuantizeByReference(in, out, dims, params);
  } else if (params.per_tensor()) {
    const Steps steps = StepsOf({params.scale_at(), params.zero_point_at()},
                                RangeOf(params.dtype, false));
    QuantizeWhole(in, out, count, steps, pool);
  } else {
    QuantizeChannels(in, out, dims, params, pool);
  }
}

}  // namespace squint
