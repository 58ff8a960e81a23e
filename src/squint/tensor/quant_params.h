// What a quantized number means: real = scale * (q - zero_point), and the
// normative rounding of ONNX QuantizeLinear. Every place that turns reals
// into integers calls these functions.
#ifndef SQUINT_TENSOR_QUANT_PARAMS_H_
#define SQUINT_TENSOR_QUANT_PARAMS_H_

#include <cmath>
#include <cstdint>
#include <string>

#include "squint/tensor/tensor.h"

namespace squint {

enum class QuantKind : uint8_t {
  kStatic,         // scale and zero_point are known
  kDynamicTensor,  // computed at run time, one for the tensor
  kDynamicRow,     // computed at run time, one per row of the last axis
};

// The quantization of one value. Granularity by `axis` and `block`:
// per_tensor: axis -1, one scale; per_channel: axis >= 0, dims[axis] scales;
// per_group: axis >= 0 and block > 0: scale has the tensor's rank, its
// dimension `axis` is ceil(dims[axis] / block).
struct QuantParams {
  DType dtype = DType::kUndefined;       // stored integers, or float16 ...
  DType real_dtype = DType::kFloat32;    // what they stand for
  QuantKind kind = QuantKind::kStatic;
  Tensor scale;       // float32, float16 or bfloat16, as stored in the file
  Tensor zero_point;  // of `dtype` and scale's shape; empty: absent, 0
  int axis = -1;
  int64_t block = 0;

  bool per_tensor() const { return axis < 0; }
  // Scale and zero point of channel c (0 for per_tensor); not for blocks.
  float scale_at(int64_t c = 0) const;
  int32_t zero_point_at(int64_t c = 0) const;
};

// Same numbers, type and granularity.
bool operator==(const QuantParams& a, const QuantParams& b);
std::string ToString(const QuantParams& params);

QuantParams PerTensor(DType dtype, float scale, int32_t zero_point);
QuantParams PerChannel(DType dtype, int axis, std::span<const float> scales,
                       std::span<const int32_t> zero_points = {});

// Range of quantized values: symmetric int8 is [-127, 127], symmetric int4
// [-7, 7], otherwise the whole type.
struct QuantRange {
  int32_t qmin = 0;
  int32_t qmax = 0;
};
QuantRange RangeOf(DType dtype, bool symmetric);

// Scale and zero point for reals in [low, high]; the range is widened to
// include zero. Symmetric: zero point 0 (signed) or the middle (unsigned,
// 128 for uint8). A range of zero width, or a scale that would be smaller
// than the smallest normal float, gives scale 1.
struct ScaleZero {
  float scale = 1.0f;
  int32_t zero_point = 0;
};
ScaleZero ChooseScale(double low, double high, DType dtype, bool symmetric);

// Divide, round half to even, add the zero point, saturate. NaN: zero_point.
inline int32_t QuantizeValue(float real, float scale, int32_t zero_point,
                             int32_t qmin, int32_t qmax) {
  if (std::isnan(real)) return zero_point;
  const float q = std::nearbyintf(real / scale) +
                  static_cast<float>(zero_point);
  if (q <= static_cast<float>(qmin)) return qmin;
  if (q >= static_cast<float>(qmax)) return qmax;
  return static_cast<int32_t>(q);
}

inline float DequantizeValue(int32_t q, float scale, int32_t zero_point) {
  return static_cast<float>(q - zero_point) * scale;
}

// Whole tensors, any granularity. Quantize: float in, params.dtype out;
// Dequantize: params.dtype in, float32 out. Dequantize also takes a storage
// float type (float16, bfloat16), where scale is absent.
Tensor QuantizeTensor(const Tensor& real, const QuantParams& params);
Tensor DequantizeTensor(const Tensor& quantized, const QuantParams& params);
// Dequantize(Quantize(real)) without the integers in between.
Tensor FakeQuantizeTensor(const Tensor& real, const QuantParams& params);

}  // namespace squint

#endif  // SQUINT_TENSOR_QUANT_PARAMS_H_
