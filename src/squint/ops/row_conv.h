// Channels-last convolution as a product of rows (kernels/qrows).
#ifndef SQUINT_OPS_ROW_CONV_H_
#define SQUINT_OPS_ROW_CONV_H_

#include <memory>
#include <optional>

#include "squint/kernels/conv/conv.h"
#include "squint/ops/channels_last.h"
#include "squint/ops/qlinear_operands.h"

namespace squint {

// `weight`: [filters, channels / groups, kh, kw]. Null where its numbers less
// their zero points are no int8.
std::unique_ptr<Step> PrepareRowConv(const PrepareContext& context,
                                     const ConvShape& shape,
                                     QLinearProduct product,
                                     const Tensor& weight,
                                     const std::optional<AddedBytes>& added,
                                     PixelStrides strides);

}  // namespace squint

#endif  // SQUINT_OPS_ROW_CONV_H_
