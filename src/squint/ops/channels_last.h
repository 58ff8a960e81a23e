// Operators on 8-bit integers whose images are [N, spatial ..., C].
#ifndef SQUINT_OPS_CHANNELS_LAST_H_
#define SQUINT_OPS_CHANNELS_LAST_H_

#include <cstddef>
#include <memory>
#include <optional>

#include "squint/kernels/qelementwise/qelementwise.h"
#include "squint/ops/op.h"
#include "squint/ops/qlinear_form.h"

namespace squint {

// Whether PrepareQConvLast has a step for this QLinearConv, whatever the size
// of its image, once its images are channels-last: constant parameters, and
// weights that are int8 when their zero points are taken off.
bool HasChannelsLastKernel(const Graph& graph, const Node& node);

// What is added to a convolution's result (conv_add.h).
struct AddedBytes {
  size_t input = 0;
  ByteGrid added;
  ByteGrid sum;
  bool conv_is_a = true;
};

// Bytes from a pixel to the next one of images that are channels of wider ones;
// 0: as many as the image has channels.
struct PixelStrides {
  int64_t x = 0;
  int64_t y = 0;
};

// The step of a QLinearConv with channels_last, and what is added to it; null
// where it is none of those, or where something is added to a depthwise one or
// that has strides. What is added has none.
std::unique_ptr<Step> PrepareQConvLast(
    const PrepareContext& context, const QLinearForm& form,
    const std::optional<AddedBytes>& added = {},
    const PixelStrides& strides = {});
// QLinearAveragePool, channels last or first.
std::unique_ptr<Step> PrepareQAveragePool(const PrepareContext& context,
                                          const QLinearForm& form);

}  // namespace squint

#endif  // SQUINT_OPS_CHANNELS_LAST_H_
