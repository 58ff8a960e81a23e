#include "squint/ops/integer_sums.h"

#include <cmath>
#include <utility>

#include "squint/ops/element_types.h"

namespace squint {
namespace {

// Elements per step of `axis`, and steps before it comes round again.
struct ChannelLayout {
  int64_t inner = 1;
  int64_t channels = 1;
};

ChannelLayout LayoutOf(const Dims& dims, int axis) {
  ChannelLayout layout;
  if (axis < 0) return layout;
  layout.channels = dims[static_cast<size_t>(axis)];
  for (size_t i = static_cast<size_t>(axis) + 1; i < dims.size(); ++i) {
    layout.inner *= dims[i];
  }
  return layout;
}

// ONNX Runtime's own tolerance for "the bias has the scale sx * sw".
bool IsBiasScale(float scale, float expected) {
  return std::fabs(scale - expected) <= 1e-6f + 1e-2f * std::fabs(expected);
}

// Calls f(index, channel) for every element in order.
template <typename F>
void ForEachChannel(const Dims& dims, int axis, F&& f) {
  const ChannelLayout layout = LayoutOf(dims, axis);
  const int64_t count = ElementCount(dims);
  for (int64_t i = 0; i < count;) {
    for (int64_t c = 0; c < layout.channels; ++c) {
      const int64_t end = axis < 0 ? count : i + layout.inner;
      for (; i < end; ++i) f(i, c);
    }
  }
}

template <typename T>
void Center(const Tensor& quantized, const QuantParams& params, float* out) {
  const T* q = quantized.data<T>();
  std::vector<int32_t> zeros;
  for (int64_t c = 0; c < params.scale.size(); ++c) {
    zeros.push_back(params.zero_point_at(c));
  }
  ForEachChannel(quantized.dims(), params.axis, [&](int64_t i, int64_t c) {
    out[i] = static_cast<float>(q[i] - zeros[static_cast<size_t>(c)]);
  });
}

template <typename T>
void RequantizeTo(std::span<const double> sums, int axis,
                  std::span<const float> multipliers, int32_t zero,
                  Tensor& result) {
  const QuantRange range = RangeOf(result.dtype(), false);
  const float low = static_cast<float>(range.qmin - zero);
  const float high = static_cast<float>(range.qmax - zero);
  T* out = result.mutable_data<T>();
  ForEachChannel(result.dims(), axis, [&](int64_t i, int64_t c) {
    const float v = static_cast<float>(sums[static_cast<size_t>(i)]) *
                    multipliers[static_cast<size_t>(c)];
    const float clamped = std::fmin(std::fmax(v, low), high);
    out[i] =
        static_cast<T>(static_cast<int32_t>(std::nearbyintf(clamped)) + zero);
  });
}

void ScaleTo(std::span<const double> sums, int axis,
             std::span<const float> multipliers, Tensor& result) {
  float* out = result.mutable_data<float>();
  ForEachChannel(result.dims(), axis, [&](int64_t i, int64_t c) {
    out[i] = static_cast<float>(sums[static_cast<size_t>(i)]) *
             multipliers[static_cast<size_t>(c)];
  });
}

}  // namespace

Tensor Centered(const Tensor& quantized, const QuantParams& params) {
  Tensor centred(DType::kFloat32, quantized.dims());
  float* out = centred.mutable_data<float>();
  switch (quantized.dtype()) {
    case DType::kUint8:
      Center<uint8_t>(quantized, params, out);
      break;
    case DType::kInt8:
      Center<int8_t>(quantized, params, out);
      break;
    case DType::kUint16:
      Center<uint16_t>(quantized, params, out);
      break;
    case DType::kInt16:
      Center<int16_t>(quantized, params, out);
      break;
    default:
      Fail(ErrorCode::kInternal, "Centered: no integer sums over {}",
           DTypeName(quantized.dtype()));
  }
  return centred;
}

std::vector<float> Multipliers(const QuantParams& x, const QuantParams& w,
                               const QuantParams* y, float alpha) {
  std::vector<float> multipliers;
  for (int64_t c = 0; c < w.scale.size(); ++c) {
    float multiplier = alpha * x.scale_at() * w.scale_at(c);
    if (y != nullptr) multiplier /= y->scale_at();
    multipliers.push_back(multiplier);
  }
  return multipliers;
}

std::optional<std::vector<double>> BiasSteps(const RunContext& context,
                                             size_t bias_input, int64_t count,
                                             const QuantParams& x,
                                             const QuantParams& w) {
  std::vector<double> steps(static_cast<size_t>(count), 0.0);
  if (!context.has(bias_input)) return steps;
  const Tensor& bias = context.in(bias_input);
  const QuantParams* quant = context.input_quant[bias_input];
  if (bias.size() != count) return std::nullopt;
  if (quant != nullptr && bias.dtype() != DType::kInt32) return std::nullopt;
  const bool stored = quant != nullptr;
  const std::vector<int64_t> integers =
      stored ? bias.ToInts() : std::vector<int64_t>();
  const std::vector<float> reals =
      stored ? std::vector<float>() : bias.ToFloats();
  for (int64_t c = 0; c < count; ++c) {
    const size_t i = static_cast<size_t>(c);
    const float scale = x.scale_at() * w.scale_at(w.per_tensor() ? 0 : c);
    if (!stored) {
      steps[i] = std::nearbyint(reals[i] / scale);
      continue;
    }
    const float own = quant->scale_at(quant->per_tensor() ? 0 : c);
    if (!IsBiasScale(own, scale)) return std::nullopt;
    steps[i] = static_cast<double>(integers[i]);
  }
  return steps;
}

Tensor Requantize(std::span<const double> sums, const Dims& dims, int axis,
                  std::span<const float> multipliers, const QuantParams* y) {
  const int channel_axis = multipliers.size() == 1 ? -1 : axis;
  Tensor result(y == nullptr ? DType::kFloat32 : y->dtype, dims);
  const int32_t zero = y == nullptr ? 0 : y->zero_point_at();
  switch (result.dtype()) {
    case DType::kFloat32:
      ScaleTo(sums, channel_axis, multipliers, result);
      break;
    case DType::kUint8:
      RequantizeTo<uint8_t>(sums, channel_axis, multipliers, zero, result);
      break;
    case DType::kInt8:
      RequantizeTo<int8_t>(sums, channel_axis, multipliers, zero, result);
      break;
    case DType::kUint16:
      RequantizeTo<uint16_t>(sums, channel_axis, multipliers, zero, result);
      break;
    case DType::kInt16:
      RequantizeTo<int16_t>(sums, channel_axis, multipliers, zero, result);
      break;
    default:
      Fail(ErrorCode::kInternal, "Requantize: no integer output of {}",
           DTypeName(result.dtype()));
  }
  return result;
}

bool CanSumIntegers(const RunContext& context, size_t x, size_t w,
                    int weight_axis) {
  if (x >= context.input_quant.size() || w >= context.input_quant.size()) {
    return false;
  }
  const QuantParams* qx = context.input_quant[x];
  const QuantParams* qw = context.input_quant[w];
  for (const QuantParams* params : {qx, qw}) {
    if (params == nullptr || params->kind != QuantKind::kStatic ||
        params->scale.empty() || params->block != 0 ||
        !IsInteger(params->dtype) ||
        (BitsOf(params->dtype) != 8 && BitsOf(params->dtype) != 16)) {
      return false;
    }
  }
  const QuantParams* y = context.output_quant[0];
  const bool y_suits =
      y == nullptr ||
      (y->per_tensor() && !y->scale.empty() && IsInteger(y->dtype) &&
       (BitsOf(y->dtype) == 8 || BitsOf(y->dtype) == 16));
  return qx->per_tensor() && y_suits &&
         (qw->per_tensor() || qw->axis == weight_axis);
}

void RunDequantized(RunContext& context, void (*reference)(RunContext&)) {
  std::vector<Tensor> real(context.inputs.size());
  RunContext inner{context.node, context.inputs, {}, {}, {}};
  for (size_t i = 0; i < context.inputs.size(); ++i) {
    if (!context.has(i)) continue;
    const QuantParams* quant = context.input_quant[i];
    real[i] = quant ? DequantizeTensor(context.in(i), *quant)
                    : InComputeType(context.in(i));
    inner.inputs[i] = &real[i];
  }
  inner.outputs.resize(context.outputs.size());
  reference(inner);
  for (size_t i = 0; i < context.outputs.size(); ++i) {
    const QuantParams* quant = context.output_quant[i];
    context.outputs[i] = quant && !inner.outputs[i].empty()
                             ? QuantizeTensor(inner.outputs[i], *quant)
                             : std::move(inner.outputs[i]);
  }
}

}  // namespace squint
