// The truth of conv.h and depthwise.h: plain loops in double.
#ifndef SQUINT_KERNELS_CONV_CONV_REF_H_
#define SQUINT_KERNELS_CONV_CONV_REF_H_

#include <cmath>

#include "squint/kernels/conv/conv.h"

namespace squint {

struct ConvSum {
  double value = 0;
  double magnitude = 0;  // sum of absolute products
};

// One output pixel before bias and clamp. x: all channels of one image; w:
// the filter's weights.
inline ConvSum ConvPixel(const ConvShape& s, const float* x, const float* w,
                         int64_t filter, int64_t oy, int64_t ox) {
  const PlaneWindow& v = s.window;
  const int64_t first = filter / s.group_filters() * s.group_channels();
  ConvSum sum;
  for (int64_t c = 0; c < s.group_channels(); ++c) {
    for (int64_t ky = 0; ky < v.kernel_h; ++ky) {
      for (int64_t kx = 0; kx < v.kernel_w; ++kx) {
        const int64_t y = oy * v.stride_h + ky * v.dilation_h - v.pad_top;
        const int64_t z = ox * v.stride_w + kx * v.dilation_w - v.pad_left;
        if (y < 0 || y >= v.in_h || z < 0 || z >= v.in_w) continue;
        const double product =
            static_cast<double>(x[((first + c) * v.in_h + y) * v.in_w + z]) *
            static_cast<double>(w[(c * v.kernel_h + ky) * v.kernel_w + kx]);
        sum.value += product;
        sum.magnitude += std::fabs(product);
      }
    }
  }
  return sum;
}

}  // namespace squint

#endif  // SQUINT_KERNELS_CONV_CONV_REF_H_
