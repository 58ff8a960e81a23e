#include "squint/tensor/quantize_slice.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace squint {
namespace {

constexpr int64_t kBatch = 1024;  // elements between quantizing and packing

// `first` lies on a byte; what is left of the last byte becomes zero.
void Pack(DType dtype, int64_t first, std::span<const int32_t> values,
          std::byte* out) {
  const int bits = BitsOf(dtype);
  out += static_cast<size_t>(first * bits / 8);
  if (bits == 8) {
    for (const int32_t value : values) *out++ = static_cast<std::byte>(value);
  } else if (bits > 8) {
    const auto width = static_cast<size_t>(bits) / 8;
    for (const int32_t value : values) {
      std::memcpy(out, &value, width);  // little-endian, as ONNX files are
      out += width;
    }
  } else {
    const auto per_byte = static_cast<size_t>(8 / bits);
    const uint32_t mask = (1u << bits) - 1;
    for (size_t i = 0; i < values.size(); i += per_byte) {
      uint32_t byte = 0;
      for (size_t k = 0; k < std::min(per_byte, values.size() - i); ++k) {
        byte |= (static_cast<uint32_t>(values[i + k]) & mask) << (k * bits);
      }
      *out++ = static_cast<std::byte>(byte);
    }
  }
}

template <typename To, typename Convert>
void Store(std::span<const float> values, std::byte* out, Convert convert) {
  auto* to = reinterpret_cast<To*>(out);
  for (const float value : values) *to++ = convert(value);
}

// Empty when all are 0, which is what large tensors with many groups have.
std::vector<int32_t> NonZeroPoints(const Tensor& zero_point, int64_t count) {
  const std::byte* bytes = zero_point.raw();
  if (std::all_of(bytes, bytes + zero_point.bytes(),
                  [](std::byte b) { return b == std::byte{0}; })) {
    return {};
  }
  const std::vector<int64_t> values = zero_point.ToInts();
  std::vector<int32_t> zeros(static_cast<size_t>(count));
  for (size_t i = 0; i < zeros.size(); ++i) {
    zeros[i] = static_cast<int32_t>(values[values.size() == 1 ? 0 : i]);
  }
  return zeros;
}

}  // namespace

Granularity::Granularity(const Dims& dims, const QuantParams& params) {
  if (params.per_tensor()) {
    inner = ElementCount(dims);
    return;
  }
  const auto rank = static_cast<int>(dims.size());
  CheckInternal(params.axis < rank, "QuantParams: axis outside the shape");
  for (int i = 0; i < params.axis; ++i) outer *= dims[static_cast<size_t>(i)];
  channels = dims[static_cast<size_t>(params.axis)];
  for (int i = params.axis + 1; i < rank; ++i) {
    inner *= dims[static_cast<size_t>(i)];
  }
  block = params.block;
  if (block > 0) blocks = (channels + block - 1) / block;
  CheckCount(params.scale, dims);
}

// Parameters of a file meet the sizes of a run here.
void Granularity::CheckCount(const Tensor& scale, const Dims& dims) const {
  if (scale.empty()) return;
  const int64_t count = block > 0 ? outer * blocks * inner : channels;
  if (scale.size() == count) return;
  Fail(ErrorCode::kInvalidModel, "{} scales do not fit a tensor of {}",
       scale.size(), DimsToString(dims));
}

SliceQuantizer::SliceQuantizer(const Dims& dims, const QuantParams& params)
    : dtype_(params.dtype), granularity_(dims, params) {
  if (params.scale.empty()) return;
  range_ = RangeOf(params.dtype, false);
  scale_ = params.scale.CastTo(DType::kFloat32);
  if (!params.zero_point.empty()) {
    zeros_ = NonZeroPoints(params.zero_point.Materialize(), scale_.size());
  }
}

SliceQuantizer::Stretch SliceQuantizer::StretchAt(int64_t index) const {
  const Granularity& g = granularity_;
  const int64_t i = index % g.inner;
  const int64_t c = index / g.inner % g.channels;
  const int64_t o = index / g.inner / g.channels;
  const int64_t scale = g.ScaleIndex(o, c, i);
  if (g.inner > 1) return {g.inner - i, scale, g.block > 0 ? 1 : 0};
  if (g.block > 0) {
    return {std::min(g.channels, (c / g.block + 1) * g.block) - c, scale, 0};
  }
  return {g.channels - c, scale, g.channels > 1 ? 1 : 0};
}

void SliceQuantizer::Quantize(const Stretch& stretch, const float* values,
                              int32_t* out) const {
  const float* scales = scale_.data<float>() + stretch.scale;
  const int32_t* zeros =
      zeros_.empty() ? nullptr : zeros_.data() + stretch.scale;
  for (int64_t i = 0; i < stretch.count; ++i) {
    const int64_t at = i * stretch.step;
    out[i] =
        QuantizeValue(values[i], scales[at], zeros == nullptr ? 0 : zeros[at],
                      range_.qmin, range_.qmax);
  }
}

void SliceQuantizer::Run(int64_t first, std::span<const float> values,
                         std::byte* out) const {
  if (dtype_ == DType::kFloat16) {
    return Store<Float16>(values, out, ToFloat16);
  }
  if (dtype_ == DType::kBfloat16) {
    return Store<Bfloat16>(values, out, ToBfloat16);
  }
  const auto count = static_cast<int64_t>(values.size());
  int32_t batch[kBatch];
  for (int64_t at = 0; at < count;) {
    const int64_t end = std::min(count, at + kBatch);
    const int64_t begin = at;
    while (at < end) {
      Stretch stretch = StretchAt(first + at);
      stretch.count = std::min(stretch.count, end - at);
      Quantize(stretch, values.data() + at, batch + (at - begin));
      at += stretch.count;
    }
    Pack(dtype_, begin, std::span(batch, static_cast<size_t>(at - begin)), out);
  }
}

}  // namespace squint
