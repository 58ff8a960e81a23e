// The quantization of an operand whose scale and zero point are inputs of
// its operator (QLinear*, MatMulInteger, ConvInteger ...).
#ifndef SQUINT_OPS_OPERAND_PARAMS_H_
#define SQUINT_OPS_OPERAND_PARAMS_H_

#include <optional>

#include "squint/tensor/quant_params.h"
#include "squint/tensor/tensor.h"

namespace squint {

// `scale` null: 1 everywhere; `zero_point` null: 0. Each is one number, one
// for each index of `axis` (negative: from the end), or a tensor of the
// data's rank that has size 1 along the axis summed over (a row or column
// each). Error{kInvalidModel} for other shapes, kUnsupported for data that
// are no integers.
QuantParams OperandParams(const Tensor& data, const Tensor* scale,
                          const Tensor* zero_point, std::optional<int> axis);

// The inverse: scale (float32) and zero point as inputs of such an operator
// have them, scalars where there is one for all.
struct ParameterTensors {
  Tensor scale;
  Tensor zero_point;
};
ParameterTensors ParameterTensorsOf(const QuantParams& params);

// data - zero_point in float32, exact for 8 bits.
Tensor CenteredOperand(const Tensor& data, const Tensor* zero_point,
                       std::optional<int> axis);

// int32 biases in steps of alpha * sx * sw, channels along `axis`.
QuantParams BiasParams(const QuantParams& x, const QuantParams& w, float alpha,
                       int axis);

// What DynamicQuantizeLinear finds for float32 data, in float32 as its
// definition says: uint8, scale (max - min) / 255 over a range that has 0.
QuantParams DynamicParams(const Tensor& real);
// The same for numbers between `low` and `high`, which have 0 between them.
ScaleZero DynamicScaleZero(float low, float high);

}  // namespace squint

#endif  // SQUINT_OPS_OPERAND_PARAMS_H_
