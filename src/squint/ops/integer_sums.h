// The integer reading of operators that sum products: exact sums of centred
// integers, then one float32 multiply per output, as ONNX Runtime does it
// (integer-arithmetic 5.3; the engine has the same form).
//
// The sums are held in double: |sum| < 2^53 for every 8- and 16-bit network,
// so they are the same integers that an int32 or int64 accumulator holds.
#ifndef SQUINT_OPS_INTEGER_SUMS_H_
#define SQUINT_OPS_INTEGER_SUMS_H_

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "squint/ops/op.h"

namespace squint {

// q - zero_point as float32, exact for types of up to 16 bits. Per tensor or
// per channel.
Tensor Centered(const Tensor& quantized, const QuantParams& params);

// alpha * sx * sw[c] / sy in float32, in this order; one per weight scale.
// Without y: alpha * sx * sw[c], the step of the sums themselves.
std::vector<float> Multipliers(const QuantParams& x, const QuantParams& w,
                               const QuantParams* y, float alpha = 1.0f);

// The bias in steps of sx * sw[c]: as stored when it is int32 at (about)
// that scale, rounded to it when it is float. Nullopt: another scale, which
// only the float reading can serve. `count` values; 0 where there is none.
std::optional<std::vector<double>> BiasSteps(const RunContext& context,
                                             size_t bias_input, int64_t count,
                                             const QuantParams& x,
                                             const QuantParams& w);

// float(sum) * multiplier[c], clamped, rounded half to even, plus zero
// point; with `y` null the float product. Channels lie along `axis` of dims;
// one multiplier serves all.
Tensor Requantize(std::span<const double> sums, const Dims& dims, int axis,
                  std::span<const float> multipliers, const QuantParams* y);

// Both are quantized with known scales, per tensor or per channel along
// `weight_axis`: what the sums above can be made of.
bool CanSumIntegers(const RunContext& context, size_t x, size_t w,
                    int weight_axis);

// The other reading: dequantize, `reference`, quantize.
void RunDequantized(RunContext& context, void (*reference)(RunContext&));
template <void (*kReference)(RunContext&)>
void DequantizedReference(RunContext& context) {
  RunDequantized(context, kReference);
}

}  // namespace squint

#endif  // SQUINT_OPS_INTEGER_SUMS_H_
