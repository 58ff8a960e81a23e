#include "squint/fixed/steps/window.h"

#include "squint/ops/conv_shape.h"
#include "squint/ops/window.h"

namespace squint {

ImageDims ImageDimsOf(const FixedOperand& operand, bool channels_last) {
  const Dims& dims = operand.dims;
  Require(dims.size() == 3 || dims.size() == 4,
          "its images have not one or two spatial axes");
  const int rank = static_cast<int>(dims.size());
  ImageDims image;
  image.first = channels_last ? Permuted(dims, ChannelsFirst(rank)) : dims;
  image.images = image.first[0] * (channels_last ? 1 : image.first[1]);
  image.channels = channels_last ? image.first[1] : 1;
  return image;
}

squint_window WindowOf(const FixedOperation& operation, const Dims& kernel,
                       bool is_pool) {
  const bool last = operation.channels_last;
  const ImageDims x = ImageDimsOf(operation.inputs[0], last);
  const ImageDims y = ImageDimsOf(operation.outputs[0], last);
  const int32_t zero =
      IsFloat(operation.inputs[0].dtype)
          ? 0
          : GridOf(operation.inputs[0], NumberType(operation)).zero;
  const Window window =
      ResolvePads(ReadWindow(operation.node, kernel),
                  Dims(x.first.begin() + 2, x.first.end()), is_pool);
  const PlaneWindow plane = PlaneWindowOf(window, x.first, y.first);
  return {.images = Size(x.images),
          .in_h = Size(plane.in_h),
          .in_w = Size(plane.in_w),
          .channels = Size(x.channels),
          .out_h = Size(plane.out_h),
          .out_w = Size(plane.out_w),
          .taps_h = Size(plane.kernel_h),
          .taps_w = Size(plane.kernel_w),
          .stride_h = Size(plane.stride_h),
          .stride_w = Size(plane.stride_w),
          .step_h = Size(plane.dilation_h),
          .step_w = Size(plane.dilation_w),
          .pad_top = Size(plane.pad_top),
          .pad_left = Size(plane.pad_left),
          .zero = zero};
}

}  // namespace squint
