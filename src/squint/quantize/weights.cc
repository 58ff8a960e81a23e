#include "squint/quantize/weights.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "squint/base/threads.h"
#include "squint/kernels/scale_search/scale_search.h"
#include "squint/tensor/pieces.h"

namespace squint {
namespace {

// Numbers that are read at once: 8 MiB.
constexpr int64_t kChunk = int64_t{1} << 21;

// Elements of one scale: [outer, axis, inner] with the axis cut in blocks.
struct Slices {
  int64_t outer = 1;
  int64_t length = 1;  // along the axis
  int64_t inner = 1;
};

// Axis -1: one slice of everything.
Slices SlicesAlong(const Dims& dims, int axis) {
  Slices slices;
  if (axis < 0) {
    slices.inner = ElementCount(dims);
    return slices;
  }
  for (int i = 0; i < static_cast<int>(dims.size()); ++i) {
    const int64_t dim = dims[static_cast<size_t>(i)];
    (i < axis ? slices.outer : i > axis ? slices.inner : slices.length) *= dim;
  }
  return slices;
}

struct Extent {
  float low = 0;
  float high = 0;
  void Add(float value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
};

template <typename F>
void ForEachChunk(const Tensor& weight, F&& visit) {
  FloatReader reader(weight);
  for (int64_t first = 0; first < weight.size(); first += kChunk) {
    visit(first, reader.Read(first, std::min(kChunk, weight.size() - first)));
  }
}

// Calls visit(channel, value) for all elements, in order.
template <typename F>
void ForEachInChannel(const Tensor& weight, int axis, F&& visit) {
  const Slices s = SlicesAlong(weight.dims(), axis);
  ForEachChunk(weight, [&](int64_t first, std::span<const float> values) {
    int64_t i = first % s.inner;
    int64_t c = first / s.inner % s.length;
    for (const float value : values) {
      visit(static_cast<size_t>(c), value);
      if (++i < s.inner) continue;
      i = 0;
      if (++c == s.length) c = 0;
    }
  });
}

[[noreturn]] void FailNotFinite() {
  Fail(ErrorCode::kInvalidModel,
       "a weight to be quantized holds NaN or infinity");
}

void RequireFinite(std::span<const float> values) {
  if (!std::all_of(values.begin(), values.end(),
                   [](float v) { return std::isfinite(v); })) {
    FailNotFinite();
  }
}

// ---- least squares, for few bits

constexpr auto kLanes = static_cast<int64_t>(kSearchLanes);

// Searches `groups` groups of at most `rows` elements, 16 side by side.
// gather(group, out) puts the elements of one to out[0], out[kLanes], ...
template <typename Gather>
void SearchGroups(int64_t groups, int64_t rows, int32_t qmax,
                  const Gather& gather, float* scales, ThreadPool* pool) {
  const auto search = [&](size_t begin, size_t end) {
    std::vector<float> tile(static_cast<size_t>(rows * kLanes));
    for (auto t = static_cast<int64_t>(begin); t < static_cast<int64_t>(end);
         ++t) {
      const int64_t lanes = std::min(kLanes, groups - t * kLanes);
      std::fill(tile.begin(), tile.end(), 0.0f);
      for (int64_t lane = 0; lane < lanes; ++lane) {
        gather(t * kLanes + lane, tile.data() + lane);
      }
      float found[kSearchLanes];
      SearchScales(tile.data(), static_cast<size_t>(rows), qmax, found);
      std::copy_n(found, lanes, scales + t * kLanes);
    }
  };
  const auto tiles = static_cast<size_t>((groups + kLanes - 1) / kLanes);
  if (pool == nullptr) {
    search(0, tiles);
  } else {
    pool->ParallelFor(tiles, 8, search);
  }
}

// Scales of groups of `group` elements along an axis, chunk by chunk: whole
// slices where several fit into one, else some groups of one slice.
class GroupSearch {
 public:
  GroupSearch(const Tensor& weight, const Slices& slices, int64_t group,
              int32_t qmax, ThreadPool* pool)
      : reader_(weight),
        s_(slices),
        group_(group),
        blocks_((slices.length + group - 1) / group),
        qmax_(qmax),
        pool_(pool) {}

  void Run(float* scales) {
    const int64_t whole = std::max<int64_t>(s_.length * s_.inner, 1);
    const int64_t slices_at_once = std::max<int64_t>(kChunk / whole, 1);
    const int64_t blocks_at_once =
        slices_at_once > 1 ? blocks_
                           : std::max<int64_t>(kChunk / (group_ * s_.inner), 1);
    for (int64_t o = 0; o < s_.outer; o += slices_at_once) {
      const int64_t count = std::min(slices_at_once, s_.outer - o);
      for (int64_t b = 0; b < blocks_; b += blocks_at_once) {
        Search(o, count, b, std::min(blocks_, b + blocks_at_once), scales);
      }
    }
  }

 private:
  // Blocks [begin, end) of slices [o, o + count): one stretch of memory,
  // because there is one slice or all blocks of each.
  void Search(int64_t o, int64_t count, int64_t begin, int64_t end,
              float* scales) {
    const int64_t rows = std::min(s_.length, end * group_) - begin * group_;
    const auto values = reader_.Read(
        (o * s_.length + begin * group_) * s_.inner, count * rows * s_.inner);
    RequireFinite(values);
    const int64_t per_slice = (end - begin) * s_.inner;
    const auto gather = [&](int64_t g, float* out) {
      const int64_t first = g % per_slice / s_.inner * group_;
      const float* from = values.data() + g % s_.inner +
                          (g / per_slice * rows + first) * s_.inner;
      const int64_t here = std::min(group_, rows - first);
      for (int64_t row = 0; row < here; ++row) {
        out[row * kLanes] = from[row * s_.inner];
      }
    };
    SearchGroups(count * per_slice, group_, qmax_, gather,
                 scales + (o * blocks_ + begin) * s_.inner, pool_);
  }

  FloatReader reader_;
  Slices s_;
  int64_t group_;
  int64_t blocks_;
  int32_t qmax_;
  ThreadPool* pool_;
};

// Scale and zero point of what each group spans.
void SpanGroups(const Tensor& weight, const Slices& s, int64_t group,
                QuantParams& params) {
  const int64_t blocks = (s.length + group - 1) / group;
  std::vector<Extent> extents(static_cast<size_t>(s.outer * blocks * s.inner));
  ForEachChunk(weight, [&](int64_t first, std::span<const float> values) {
    RequireFinite(values);
    for (size_t i = 0; i < values.size(); ++i) {
      const int64_t at = first + static_cast<int64_t>(i);
      const int64_t slice = at / s.inner / s.length;
      const int64_t block = at / s.inner % s.length / group;
      extents[static_cast<size_t>((slice * blocks + block) * s.inner +
                                  at % s.inner)]
          .Add(values[i]);
    }
  });
  float* scales = params.scale.mutable_data<float>();
  for (size_t g = 0; g < extents.size(); ++g) {
    const ScaleZero chosen = ChooseScale(static_cast<double>(extents[g].low),
                                         static_cast<double>(extents[g].high),
                                         params.dtype, IsSigned(params.dtype));
    scales[g] = chosen.scale;
    WritePacked(params.zero_point.mutable_raw(), params.dtype,
                static_cast<int64_t>(g), chosen.zero_point);
  }
}

bool IsSearched(const WeightOptions& options) {
  const int bits = options.bits > 0 ? options.bits : BitsOf(options.dtype);
  return IsSigned(options.dtype) && (bits < 8 || options.search);
}

// As float16 has them, where that holds them all as normal numbers: kernels
// keep scales in two bytes where nothing is lost, a tenth of what 4 bits in
// groups of 32 take. The integers are chosen for the scales as they are then,
// so that their last bits cost nothing.
Tensor RoundedToHalf(Tensor scales) {
  constexpr float kSmallest = 1.0f / 16384;
  constexpr float kLargest = 65504.0f;
  const auto values = scales.values<float>();
  const bool fit = std::ranges::all_of(
      values, [](float s) { return s >= kSmallest && s <= kLargest; });
  return fit ? scales.CastTo(DType::kFloat16).CastTo(DType::kFloat32)
             : std::move(scales);
}

QuantParams GroupParams(const Tensor& weight, const WeightOptions& options,
                        ThreadPool* pool) {
  const Slices s = SlicesAlong(weight.dims(), options.reduce_axis);
  Dims scale_dims = weight.dims();
  scale_dims[static_cast<size_t>(options.reduce_axis)] =
      (s.length + options.group - 1) / options.group;
  QuantParams params;
  params.dtype = options.dtype;
  params.axis = options.reduce_axis;
  params.block = options.group;
  params.scale = Tensor(DType::kFloat32, scale_dims);
  params.zero_point = Tensor(options.dtype, scale_dims);
  if (IsSearched(options)) {
    GroupSearch(weight, s, options.group, LargestWeight(options), pool)
        .Run(params.scale.mutable_data<float>());
    params.scale = RoundedToHalf(std::move(params.scale));
  } else {
    SpanGroups(weight, s, options.group, params);
  }
  return params;
}

// ---- one scale a channel

std::vector<ScaleZero> SearchedChannels(const Tensor& weight, int axis,
                                        int32_t qmax, ThreadPool* pool) {
  const Tensor held = weight.Materialize();
  RequireFinite(held.values<float>());
  const Slices s = SlicesAlong(weight.dims(), axis);
  std::vector<float> scales(static_cast<size_t>(s.length));
  const auto gather = [&](int64_t channel, float* out) {
    for (int64_t o = 0; o < s.outer; ++o) {
      const float* from =
          held.data<float>() + (o * s.length + channel) * s.inner;
      for (int64_t i = 0; i < s.inner; ++i, out += kLanes) *out = from[i];
    }
  };
  SearchGroups(s.length, s.outer * s.inner, qmax, gather, scales.data(), pool);
  std::vector<ScaleZero> chosen;
  chosen.reserve(scales.size());
  for (const float scale : scales) chosen.push_back({scale, 0});
  return chosen;
}

std::vector<ScaleZero> SpannedChannels(const Tensor& weight, int axis,
                                       DType dtype) {
  const Slices s = SlicesAlong(weight.dims(), axis);
  std::vector<Extent> extents(static_cast<size_t>(s.length));
  bool finite = true;
  ForEachInChannel(weight, axis, [&](size_t channel, float value) {
    extents[channel].Add(value);
    finite = finite && std::isfinite(value);
  });
  if (!finite) FailNotFinite();
  std::vector<ScaleZero> chosen;
  chosen.reserve(extents.size());
  for (const Extent& extent : extents) {
    chosen.push_back(ChooseScale(static_cast<double>(extent.low),
                                 static_cast<double>(extent.high), dtype,
                                 IsSigned(dtype)));
  }
  return chosen;
}

QuantParams ChannelParams(const Tensor& weight, const WeightOptions& options,
                          ThreadPool* pool) {
  const int axis = options.per_channel ? options.axis : -1;
  std::vector<float> scales;
  std::vector<int32_t> zeros;
  for (const ScaleZero& chosen :
       IsSearched(options)
           ? SearchedChannels(weight, axis, LargestWeight(options), pool)
           : SpannedChannels(weight, axis, options.dtype)) {
    scales.push_back(chosen.scale);
    zeros.push_back(chosen.zero_point);
  }
  return axis < 0 ? PerTensor(options.dtype, scales[0], zeros[0])
                  : PerChannel(options.dtype, axis, scales, zeros);
}

QuantParams StorageParams(const Tensor& weight, DType dtype) {
  const float overflow = dtype == DType::kFloat16
                             ? 65520.0f
                             : std::numeric_limits<float>::infinity();
  ForEachChunk(weight, [&](int64_t, std::span<const float> values) {
    RequireFinite(values);
    if (std::any_of(values.begin(), values.end(),
                    [&](float v) { return std::fabs(v) >= overflow; })) {
      Fail(ErrorCode::kUnsupported,
           "holds numbers beyond float16; use bfloat16");
    }
  });
  QuantParams storage;
  storage.dtype = dtype;
  return storage;
}

}  // namespace

int32_t LargestWeight(const WeightOptions& options) {
  return options.bits > 0 ? (1 << (options.bits - 1)) - 1
                          : RangeOf(options.dtype, true).qmax;
}

QuantParams ChooseWeightParams(const Tensor& weight,
                               const WeightOptions& options, ThreadPool* pool) {
  if (IsFloat(options.dtype)) return StorageParams(weight, options.dtype);
  if (options.group > 0) return GroupParams(weight, options, pool);
  QuantParams params = ChannelParams(weight, options, pool);
  if (options.saturation_safe) {
    NarrowSaturatingChannels(weight, options.reduce_axis, params);
  }
  return params;
}

Tensor QuantizeWeight(const Tensor& weight, const QuantParams& params) {
  return weight.bytes() >= kLazyBytes
             ? QuantizeLazily(weight, params)
             : QuantizeTensor(weight.Materialize(), params);
}

Tensor LimitIntegers(Tensor integers, int32_t largest) {
  Tensor limited = integers.Materialize().Clone();
  for (int64_t i = 0; i < limited.size(); ++i) {
    int8_t& q = limited.mutable_data<int8_t>()[i];
    q = static_cast<int8_t>(std::clamp<int32_t>(q, -largest, largest));
  }
  return limited;
}

namespace {

// Sums of two weights of one sign that may be multiplied side by side: the
// largest of each output channel, in real numbers.
class PairSums {
 public:
  // Kernels lie two neighbouring input channels side by side; where their
  // number is odd, or unknown, any two weights of a channel may meet.
  PairSums(const Tensor& weight, int axis, int inputs, size_t channels)
      : worst_(channels), any_(channels) {
    const bool is_known =
        (axis == 0 && inputs == 1) || (axis == 1 && inputs == 0);
    if (!is_known || weight.rank() < 2 || weight.dim(inputs) % 2 != 0) return;
    for (int i = inputs + 1; i < weight.rank(); ++i) step_ *= weight.dim(i);
    held_.resize(static_cast<size_t>(step_));
  }

  // Weights in the order of memory.
  void Add(size_t channel, float value) {
    if (held_.empty()) return any_[channel].Add(value);
    const auto at = static_cast<size_t>(count_ % step_);
    const bool second = count_++ / step_ % 2 == 1;
    if (second && (held_[at] > 0) == (value > 0)) {
      const float sum = std::fabs(held_[at]) + std::fabs(value);
      worst_[channel] = std::max(worst_[channel], sum);
    }
    held_[at] = value;
  }

  float Worst(size_t channel) const {
    return held_.empty() ? any_[channel].Worst() : worst_[channel];
  }

 private:
  // The two largest of each sign.
  struct Largest {
    std::array<float, 2> high{};
    std::array<float, 2> low{};
    void Add(float value) {
      Put(value, high);
      Put(-value, low);
    }
    static void Put(float value, std::array<float, 2>& most) {
      if (value > most[1]) most[1] = value;
      if (most[1] > most[0]) std::swap(most[0], most[1]);
    }
    float Worst() const {
      return std::max(high[1] > 0 ? high[0] + high[1] : 0.0f,
                      low[1] > 0 ? low[0] + low[1] : 0.0f);
    }
  };

  int64_t step_ = 1;
  int64_t count_ = 0;
  std::vector<float> held_;  // empty: any two may meet
  std::vector<float> worst_;
  std::vector<Largest> any_;
};

}  // namespace

void NarrowSaturatingChannels(const Tensor& weight, int reduce_axis,
                              QuantParams& params) {
  if (params.dtype != DType::kInt8) return;
  // 255 * 128 = 32640 fits int16; each of two weights may be rounded up.
  constexpr float kLimit = 127.0f;
  std::vector<float> scales = params.scale.ToFloats();
  PairSums sums(weight, params.axis, reduce_axis, scales.size());
  ForEachInChannel(weight, params.axis, [&](size_t channel, float value) {
    sums.Add(channel, value);
  });
  for (size_t c = 0; c < scales.size(); ++c) {
    scales[c] = std::max(scales[c], sums.Worst(c) / kLimit);
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
