// Channels-last convolution as a product of rows (kernels/qrows).
#ifndef SQUINT_OPS_ROW_CONV_H_
#define SQUINT_OPS_ROW_CONV_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "squint/kernels/conv/conv.h"
#include "squint/ops/channels_last.h"
#include "squint/ops/qlinear_operands.h"

namespace squint {

// `weights`: int8, [filters][channels / groups][kh][kw].
std::unique_ptr<Step> PrepareRowConv(const PrepareContext& context,
                                     const ConvShape& shape,
                                     QLinearProduct product,
                                     const std::vector<int8_t>& weights,
                                     const std::optional<AddedBytes>& added);

}  // namespace squint

#endif  // SQUINT_OPS_ROW_CONV_H_
