#include "squint/ops/conv_shape.h"

namespace squint {

PlaneWindow PlaneWindowOf(const Window& window, const Dims& x, const Dims& y) {
  PlaneWindow plane;
  const size_t last = window.rank() - 1;
  plane.in_w = x.back();
  plane.out_w = y.back();
  plane.kernel_w = window.kernel[last];
  plane.stride_w = window.strides[last];
  plane.dilation_w = window.dilations[last];
  plane.pad_left = window.pads_begin[last];
  if (last == 0) return plane;
  plane.in_h = x[2];
  plane.out_h = y[2];
  plane.kernel_h = window.kernel[0];
  plane.stride_h = window.strides[0];
  plane.dilation_h = window.dilations[0];
  plane.pad_top = window.pads_begin[0];
  return plane;
}

ConvShape ConvShapeOf(const Node& node, const Dims& x, const Dims& w,
                      const Dims& y) {
  const Window window =
      ResolvePads(ReadWindow(node, Dims(w.begin() + 2, w.end())),
                  Dims(x.begin() + 2, x.end()));
  ConvShape shape;
  shape.batch = x[0];
  shape.channels = x[1];
  shape.filters = w[0];
  shape.groups = node.Int("group", 1);
  shape.window = PlaneWindowOf(window, x, y);
  return shape;
}

std::vector<float> TapCounts(const Window& window, size_t axis, int64_t input,
                             int64_t output, bool include_pads) {
  const int64_t first = include_pads ? -window.pads_begin[axis] : 0;
  const int64_t end = include_pads ? input + window.pads_end[axis] : input;
  std::vector<float> counts;
  for (int64_t o = 0; o < output; ++o) {
    int64_t count = 0;
    for (int64_t t = 0; t < window.kernel[axis]; ++t) {
      const int64_t at = o * window.strides[axis] + t * window.dilations[axis] -
                         window.pads_begin[axis];
      count += at >= first && at < end;
    }
    counts.push_back(static_cast<float>(std::max<int64_t>(count, 1)));
  }
  return counts;
}

}  // namespace squint
