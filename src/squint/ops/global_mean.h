// Means over whole images of 8-bit numbers: the step of
// QLinearGlobalAveragePool and of squint::GlobalAveragePoolToFloat.
//
// GlobalAveragePoolToFloat is made when a network is lowered to integers, of a
// GlobalAveragePool that reads bytes and whose result is not quantized. Inputs:
// x, its scale and zero point, per tensor. The result is float32 [N, C, 1 ...],
//
//     float(sum (q - zero_point)) * (scale / pixels),
//
// the sum exact, the factor in float32: the integer reading of such a
// GlobalAveragePool. With attribute `channels_last` x is [N, spatial ..., C];
// the result is what it is without.
#ifndef SQUINT_OPS_GLOBAL_MEAN_H_
#define SQUINT_OPS_GLOBAL_MEAN_H_

#include <memory>
#include <optional>

#include "squint/kernels/pool/byte_mean.h"
#include "squint/ops/op.h"
#include "squint/ops/qlinear_form.h"

namespace squint {

// Images of these dimensions, which have elements.
ImageMeans ImageMeansOf(const Dims& x, bool channels_last, const ByteGrid& grid,
                        const std::optional<ByteGrid>& y);

// Of a QLinearGlobalAveragePool, in either order of the axes.
std::unique_ptr<Step> PrepareQGlobalMean(const PrepareContext& context,
                                         const QLinearForm& form);

// GlobalAveragePoolToFloat's result, of x in either order of the axes.
Shape RealMeanShape(const Shape& x, bool channels_last);

}  // namespace squint

#endif  // SQUINT_OPS_GLOBAL_MEAN_H_
