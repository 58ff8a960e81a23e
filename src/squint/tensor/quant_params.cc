#include "squint/tensor/quant_params.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "squint/tensor/quantize_slice.h"

namespace squint {
namespace {

// Calls f(element index, scale index) for every element in order.
template <typename F>
void ForEachScaled(const Dims& dims, const QuantParams& params, F&& f) {
  const Granularity g(dims, params);
  int64_t index = 0;
  for (int64_t o = 0; o < g.outer; ++o) {
    for (int64_t c = 0; c < g.channels; ++c) {
      for (int64_t i = 0; i < g.inner; ++i) {
        f(index++, g.ScaleIndex(o, c, i));
      }
    }
  }
}

std::vector<int32_t> ZeroPoints(const QuantParams& params, size_t count) {
  std::vector<int32_t> result(count, 0);
  if (params.zero_point.empty()) return result;
  const std::vector<int64_t> values = params.zero_point.ToInts();
  for (size_t i = 0; i < count; ++i) {
    result[i] = static_cast<int32_t>(values[values.size() == 1 ? 0 : i]);
  }
  return result;
}

bool SameTensor(const Tensor& a, const Tensor& b) {
  if (a.empty() || b.empty()) return a.empty() == b.empty();
  return a.dtype() == b.dtype() && a.dims() == b.dims() &&
         std::memcmp(a.raw(), b.raw(), a.bytes()) == 0;
}

Tensor FromInts(DType dtype, Dims dims, std::span<const int32_t> values) {
  Tensor result(dtype, std::move(dims));
  std::byte* out = result.mutable_raw();
  for (size_t i = 0; i < values.size(); ++i) {
    switch (BitsOf(dtype)) {
      case 8:
        out[i] = static_cast<std::byte>(values[i]);
        break;
      case 16:
        reinterpret_cast<uint16_t*>(out)[i] =
            static_cast<uint16_t>(values[i]);
        break;
      case 32:
        reinterpret_cast<int32_t*>(out)[i] = values[i];
        break;
      default:
        WritePacked(out, dtype, static_cast<int64_t>(i), values[i]);
    }
  }
  return result;
}

}  // namespace

float QuantParams::scale_at(int64_t c) const {
  if (scale.dtype() == DType::kFloat32) {
    return scale.data<float>()[scale.size() == 1 ? 0 : c];
  }
  return scale.ToFloats()[static_cast<size_t>(scale.size() == 1 ? 0 : c)];
}

int32_t QuantParams::zero_point_at(int64_t c) const {
  if (zero_point.empty()) return 0;
  const int64_t i = zero_point.size() == 1 ? 0 : c;
  switch (zero_point.dtype()) {
    case DType::kUint8:
      return zero_point.data<uint8_t>()[i];
    case DType::kInt8:
      return zero_point.data<int8_t>()[i];
    default:
      return static_cast<int32_t>(
          zero_point.ToInts()[static_cast<size_t>(i)]);
  }
}

bool operator==(const QuantParams& a, const QuantParams& b) {
  return a.dtype == b.dtype && a.real_dtype == b.real_dtype &&
         a.kind == b.kind && a.axis == b.axis && a.block == b.block &&
         SameTensor(a.scale, b.scale) && SameTensor(a.zero_point, b.zero_point);
}

std::string ToString(const QuantParams& params) {
  std::string text(DTypeName(params.dtype));
  if (params.kind != QuantKind::kStatic) {
    return text + (params.kind == QuantKind::kDynamicTensor ? " dynamic"
                                                            : " dynamic_row");
  }
  if (params.scale.empty()) return text;
  if (!params.per_tensor()) text += fmt::format(" axis={}", params.axis);
  if (params.block > 0) text += fmt::format(" block={}", params.block);
  text += fmt::format(" scale={}", params.scale_at());
  if (params.scale.size() > 1) text += ",...";
  return text + fmt::format(" zero_point={}", params.zero_point_at());
}

QuantParams PerTensor(DType dtype, float scale, int32_t zero_point) {
  QuantParams params;
  params.dtype = dtype;
  params.scale = Tensor::Scalar<float>(scale);
  params.zero_point = FromInts(dtype, {}, std::span(&zero_point, 1));
  return params;
}

QuantParams PerChannel(DType dtype, int axis, std::span<const float> scales,
                       std::span<const int32_t> zero_points) {
  QuantParams params;
  params.dtype = dtype;
  params.axis = axis;
  const auto count = static_cast<int64_t>(scales.size());
  params.scale = Tensor::Of<float>({count}, scales);
  std::vector<int32_t> zeros(zero_points.begin(), zero_points.end());
  zeros.resize(scales.size(), 0);
  params.zero_point = FromInts(dtype, {count}, zeros);
  return params;
}

QuantRange RangeOf(DType dtype, bool symmetric) {
  QuantRange range{static_cast<int32_t>(IntegerMin(dtype)),
                   static_cast<int32_t>(IntegerMax(dtype))};
  if (symmetric && IsSigned(dtype)) range.qmin = -range.qmax;
  return range;
}

ScaleZero ChooseScale(double low, double high, DType dtype, bool symmetric) {
  low = std::min(low, 0.0);
  high = std::max(high, 0.0);
  const QuantRange range = RangeOf(dtype, symmetric);
  ScaleZero result;
  if (symmetric) {
    result.zero_point =
        IsSigned(dtype) ? 0 : (range.qmin + range.qmax + 1) / 2;
    const double magnitude = std::max(-low, high);
    const int32_t steps = range.qmax - result.zero_point;
    result.scale = static_cast<float>(magnitude / steps);
  } else {
    result.scale =
        static_cast<float>((high - low) / (range.qmax - range.qmin));
  }
  if (!(result.scale >= std::numeric_limits<float>::min()) ||
      !std::isfinite(result.scale)) {
    result.scale = 1.0f;
    if (!symmetric) {
      result.zero_point = std::clamp(0, range.qmin, range.qmax);
    }
    return result;
  }
  if (!symmetric) {
    const double exact = range.qmin - low / static_cast<double>(result.scale);
    result.zero_point = static_cast<int32_t>(
        std::clamp(std::nearbyint(exact), static_cast<double>(range.qmin),
                   static_cast<double>(range.qmax)));
  }
  return result;
}

Tensor QuantizeTensor(const Tensor& real, const QuantParams& params) {
  if (params.scale.empty()) return real.CastTo(params.dtype);
  const Tensor floats = real.CastTo(DType::kFloat32);
  Tensor result(params.dtype, real.dims());
  SliceQuantizer(real.dims(), params)
      .Run(0, floats.values<float>(), result.mutable_raw());
  return result;
}

Tensor DequantizeTensor(const Tensor& quantized, const QuantParams& params) {
  if (params.scale.empty()) return quantized.CastTo(DType::kFloat32);
  const Tensor ints = quantized.CastTo(DType::kInt32);
  const int32_t* in = ints.data<int32_t>();
  const std::vector<float> scales = params.scale.ToFloats();
  const std::vector<int32_t> zeros = ZeroPoints(params, scales.size());
  Tensor result(DType::kFloat32, quantized.dims());
  float* out = result.mutable_data<float>();
  ForEachScaled(quantized.dims(), params, [&](int64_t i, int64_t s) {
    out[i] = DequantizeValue(in[i], scales[static_cast<size_t>(s)],
                             zeros[static_cast<size_t>(s)]);
  });
  return result;
}

Tensor FakeQuantizeTensor(const Tensor& real, const QuantParams& params) {
  return DequantizeTensor(QuantizeTensor(real, params), params);
}

}  // namespace squint
