#include "squint/quantize/weights.h"

#include <algorithm>
#include <cmath>

namespace squint {
namespace {

// Elements of one scale: [outer, axis, inner] with the axis cut in blocks.
struct Slices {
  int64_t outer = 1;
  int64_t length = 1;  // along the axis
  int64_t inner = 1;
};

Slices SlicesAlong(const Dims& dims, int axis) {
  Slices slices;
  for (int i = 0; i < static_cast<int>(dims.size()); ++i) {
    const int64_t dim = dims[static_cast<size_t>(i)];
    (i < axis ? slices.outer : i > axis ? slices.inner : slices.length) *= dim;
  }
  return slices;
}

struct Extent {
  float low = 0;
  float high = 0;
  float magnitude() const { return std::max(-low, high); }
  void Add(float value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
};

void RequireFinite(std::span<const float> values) {
  const bool finite = std::all_of(values.begin(), values.end(),
                                  [](float v) { return std::isfinite(v); });
  if (!finite) {
    Fail(ErrorCode::kInvalidModel,
         "a weight to be quantized holds NaN or infinity");
  }
}

// Scale of least squared error for symmetric low-bit values, searched from
// the largest magnitude down: clipping a few large values can pay.
float BestScale(std::span<const float> values, int32_t qmax) {
  float magnitude = 0;
  for (const float v : values) magnitude = std::max(magnitude, std::fabs(v));
  if (magnitude == 0) return 1.0f;
  constexpr int kSteps = 60;
  constexpr float kSmallest = 0.4f;
  double best_error = INFINITY;
  float best = 0;
  for (int step = 0; step <= kSteps; ++step) {
    const float ratio =
        1.0f - (1.0f - kSmallest) * static_cast<float>(step) / kSteps;
    const float scale = magnitude * ratio / static_cast<float>(qmax);
    double error = 0;
    for (const float v : values) {
      const int32_t q = QuantizeValue(v, scale, 0, -qmax, qmax);
      const double d = static_cast<double>(v) - static_cast<double>(scale) * q;
      error += d * d;
    }
    if (error < best_error) {
      best_error = error;
      best = scale;
    }
  }
  return best >= std::numeric_limits<float>::min() ? best : 1.0f;
}

ScaleZero ChannelScale(const std::vector<float>& values,
                       const WeightOptions& options) {
  const bool symmetric = IsSigned(options.dtype);
  if (symmetric && BitsOf(options.dtype) < 8) {
    return {BestScale(values, RangeOf(options.dtype, true).qmax), 0};
  }
  Extent extent;
  for (const float v : values) extent.Add(v);
  return ChooseScale(static_cast<double>(extent.low),
                     static_cast<double>(extent.high), options.dtype,
                     symmetric);
}

QuantParams GroupParams(const Tensor& weight, const WeightOptions& options) {
  const float* w = weight.data<float>();
  const Slices s = SlicesAlong(weight.dims(), options.reduce_axis);
  const int64_t blocks = (s.length + options.group - 1) / options.group;
  Dims scale_dims = weight.dims();
  scale_dims[static_cast<size_t>(options.reduce_axis)] = blocks;
  QuantParams params;
  params.dtype = options.dtype;
  params.axis = options.reduce_axis;
  params.block = options.group;
  params.scale = Tensor(DType::kFloat32, scale_dims);
  params.zero_point = Tensor(options.dtype, scale_dims);
  float* scales = params.scale.mutable_data<float>();
  std::vector<float> block;
  for (int64_t o = 0; o < s.outer; ++o) {
    for (int64_t b = 0; b < blocks; ++b) {
      const int64_t end = std::min(s.length, (b + 1) * options.group);
      for (int64_t i = 0; i < s.inner; ++i) {
        block.clear();
        for (int64_t k = b * options.group; k < end; ++k) {
          block.push_back(w[(o * s.length + k) * s.inner + i]);
        }
        const int64_t at = (o * blocks + b) * s.inner + i;
        const ScaleZero chosen = ChannelScale(block, options);
        scales[at] = chosen.scale;
        WritePacked(params.zero_point.mutable_raw(), options.dtype, at,
                    chosen.zero_point);
      }
    }
  }
  return params;
}

// Values of each channel in turn (all of them when axis < 0).
std::vector<std::vector<float>> Channels(const Tensor& weight, int axis) {
  const auto all = weight.values<float>();
  if (axis < 0) return {{all.begin(), all.end()}};
  const Slices s = SlicesAlong(weight.dims(), axis);
  std::vector<std::vector<float>> channels(static_cast<size_t>(s.length));
  for (int64_t o = 0; o < s.outer; ++o) {
    for (int64_t c = 0; c < s.length; ++c) {
      const float* begin = all.data() + (o * s.length + c) * s.inner;
      auto& channel = channels[static_cast<size_t>(c)];
      channel.insert(channel.end(), begin, begin + s.inner);
    }
  }
  return channels;
}

}  // namespace

QuantParams ChooseWeightParams(const Tensor& weight,
                               const WeightOptions& options) {
  RequireFinite(weight.values<float>());
  if (IsFloat(options.dtype)) {
    constexpr float kFloat16Overflow = 65520.0f;
    const auto values = weight.values<float>();
    if (options.dtype == DType::kFloat16 &&
        std::any_of(values.begin(), values.end(),
                    [](float v) { return std::fabs(v) >= kFloat16Overflow; })) {
      Fail(ErrorCode::kUnsupported,
           "holds numbers beyond float16; use bfloat16");
    }
    QuantParams storage;
    storage.dtype = options.dtype;
    return storage;
  }
  if (options.group > 0) return GroupParams(weight, options);
  const int axis = options.per_channel ? options.axis : -1;
  std::vector<float> scales;
  std::vector<int32_t> zeros;
  for (const auto& channel : Channels(weight, axis)) {
    const ScaleZero chosen = ChannelScale(channel, options);
    scales.push_back(chosen.scale);
    zeros.push_back(chosen.zero_point);
  }
  QuantParams params = axis < 0
                           ? PerTensor(options.dtype, scales[0], zeros[0])
                           : PerChannel(options.dtype, axis, scales, zeros);
  if (options.saturation_safe) NarrowSaturatingChannels(weight, params);
  return params;
}

void NarrowSaturatingChannels(const Tensor& weight, QuantParams& params) {
  if (params.dtype != DType::kInt8) return;
  constexpr int kLimit = 128;  // 255 * 128 = 32640 fits int16
  std::vector<float> scales = params.scale.ToFloats();
  const auto channels = Channels(weight, params.axis);
  for (size_t c = 0; c < channels.size(); ++c) {
    // The two largest of each sign are the worst pair of any order.
    int high[2] = {0, 0};
    int low[2] = {0, 0};
    for (const float v : channels[c]) {
      const int32_t q = QuantizeValue(v, scales[c], 0, -127, 127);
      if (q > high[1]) high[1] = q;
      if (high[1] > high[0]) std::swap(high[0], high[1]);
      if (-q > low[1]) low[1] = -q;
      if (low[1] > low[0]) std::swap(low[0], low[1]);
    }
    if (high[0] + high[1] > kLimit || low[0] + low[1] > kLimit) {
      scales[c] *= 2.0f;
    }
  }
  params.scale = Tensor::Of<float>(params.scale.dims(), scales);
}

BiasParams ChooseBiasParams(const Tensor& bias, float input_scale,
                            const QuantParams& weight) {
  constexpr double kMaxSteps = 1 << 30;
  const auto values = bias.values<float>();
  RequireFinite(values);
  const std::vector<float> weight_scales = weight.scale.ToFloats();
  BiasParams result;
  result.grow.assign(weight_scales.size(), 1.0f);
  std::vector<float> scales(weight_scales.size());
  for (size_t c = 0; c < values.size(); ++c) {
    const size_t s = weight_scales.size() == 1 ? 0 : c;
    const double step = static_cast<double>(input_scale) *
                        static_cast<double>(weight_scales[s]);
    const double needed =
        std::fabs(static_cast<double>(values[c])) / (step * kMaxSteps);
    if (needed > static_cast<double>(result.grow[s])) {
      result.grow[s] = static_cast<float>(needed * 1.0001);
      result.must_grow = true;
    }
  }
  for (size_t s = 0; s < scales.size(); ++s) {
    scales[s] = input_scale * weight_scales[s];
  }
  result.params = scales.size() == 1 ? PerTensor(DType::kInt32, scales[0], 0)
                                     : PerChannel(DType::kInt32, 0, scales);
  return result;
}

}  // namespace squint
