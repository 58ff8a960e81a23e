#include "squint/ops/operand_params.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "squint/ops/integer_sums.h"
#include "squint/ops/op.h"

namespace squint {
namespace {

// One scale for each row or column: the axis along which it has size 1.
std::optional<int> AxisSummedOver(const Dims& data, const Dims& scale) {
  for (size_t axis = scale.size(); axis-- > 0;) {
    Dims expected = data;
    expected[axis] = 1;
    if (scale == expected) return static_cast<int>(axis);
  }
  return std::nullopt;
}

// Fills axis and block for scales and zero points of these dimensions.
void SetGranularity(const Tensor& data, const Tensor& parameter,
                    std::optional<int> axis, QuantParams& params) {
  if (parameter.size() == 1) return;
  if (parameter.rank() == 1 && axis && data.rank() > 0) {
    params.axis = NormalizeAxis(*axis, data.rank());
    if (parameter.size() == data.dim(params.axis)) return;
  }
  const bool same_rank = parameter.rank() == data.rank() && data.rank() > 1;
  const auto summed =
      same_rank ? AxisSummedOver(data.dims(), parameter.dims()) : std::nullopt;
  if (!axis || !summed) {
    Fail(ErrorCode::kInvalidModel,
         "a scale or zero point of {} does not fit data of {}",
         DimsToString(parameter.dims()), DimsToString(data.dims()));
  }
  params.axis = *summed;
  params.block = std::max<int64_t>(data.dim(*summed), 1);
}

// One number for all where one stands for many.
Tensor Spread(const Tensor& parameter, const Dims& dims) {
  if (parameter.size() != 1 || ElementCount(dims) == 1) {
    return parameter.Reshaped(dims);
  }
  Tensor all(parameter.dtype(), dims);
  const size_t bytes = static_cast<size_t>(BitsOf(parameter.dtype())) / 8;
  for (int64_t i = 0; i < all.size(); ++i) {
    std::copy_n(parameter.raw(), bytes,
                all.mutable_raw() + static_cast<size_t>(i) * bytes);
  }
  return all;
}

}  // namespace

QuantParams OperandParams(const Tensor& data, const Tensor* scale,
                          const Tensor* zero_point, std::optional<int> axis) {
  if (!IsInteger(data.dtype()) || BitsOf(data.dtype()) > 16) {
    Fail(ErrorCode::kUnsupported, "quantized type {} is not supported",
         DTypeName(data.dtype()));
  }
  if (zero_point != nullptr && zero_point->dtype() != data.dtype()) {
    Fail(ErrorCode::kInvalidModel, "the zero point is {}, the data are {}",
         DTypeName(zero_point->dtype()), DTypeName(data.dtype()));
  }
  QuantParams params;
  params.dtype = data.dtype();
  const Tensor one = Tensor::Scalar<float>(1.0f);
  const Tensor& step = scale == nullptr ? one : *scale;
  const bool zeros_are_finer = zero_point != nullptr && step.size() == 1;
  const Tensor& finer = zeros_are_finer ? *zero_point : step;
  SetGranularity(data, finer, axis, params);
  const Dims dims = params.per_tensor() ? Dims{} : finer.dims();
  if (zero_point != nullptr && zero_point->size() != 1 &&
      zero_point->size() != ElementCount(dims)) {
    Fail(ErrorCode::kInvalidModel, "the zero point is {}, the scale {}",
         DimsToString(zero_point->dims()), DimsToString(step.dims()));
  }
  params.scale = Spread(step, dims);
  params.zero_point = zero_point == nullptr ? Tensor(params.dtype, dims)
                                            : Spread(*zero_point, dims);
  return params;
}

ParameterTensors ParameterTensorsOf(const QuantParams& params) {
  ParameterTensors tensors{params.scale.Materialize().CastTo(DType::kFloat32),
                           params.zero_point.empty()
                               ? Tensor(params.dtype, params.scale.dims())
                               : params.zero_point.Materialize()};
  if (!params.per_tensor()) return tensors;
  return {tensors.scale.Reshaped({}), tensors.zero_point.Reshaped({})};
}

Tensor CenteredOperand(const Tensor& data, const Tensor* zero_point,
                       std::optional<int> axis) {
  return DequantizeTensor(data, OperandParams(data, nullptr, zero_point, axis));
}

QuantParams BiasParams(const QuantParams& x, const QuantParams& w, float alpha,
                       int axis) {
  const std::vector<float> scales = Multipliers(x, w, nullptr, alpha);
  QuantParams params = scales.size() == 1
                           ? PerTensor(DType::kInt32, scales[0], 0)
                           : PerChannel(DType::kInt32, axis, scales);
  params.zero_point = Tensor();
  return params;
}

ScaleZero DynamicScaleZero(float low, float high) {
  const float scale = high == low ? 1.0f : (high - low) / 255.0f;
  const float zero =
      std::nearbyintf(std::clamp(0.0f - low / scale, 0.0f, 255.0f));
  // Infinite numbers have a scale of infinity and no zero point.
  return {scale, std::isnan(zero) ? 0 : static_cast<int32_t>(zero)};
}

QuantParams DynamicParams(const Tensor& real) {
  float low = 0.0f;
  float high = 0.0f;
  for (const float value : real.values<float>()) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  const ScaleZero chosen = DynamicScaleZero(low, high);
  return PerTensor(DType::kUint8, chosen.scale, chosen.zero_point);
}

}  // namespace squint
