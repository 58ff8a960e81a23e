// Maxima and means over sliding windows of 8-bit numbers.
#ifndef SQUINT_KERNELS_POOL_BYTE_POOL_H_
#define SQUINT_KERNELS_POOL_BYTE_POOL_H_

#include <cstdint>

#include "squint/kernels/conv/window.h"
#include "squint/kernels/qelementwise/qelementwise.h"

namespace squint {

class ThreadPool;

// y = max over the taps inside the image; where there is none, the lowest
// number of the type. x and y: uint8 or int8.
void MaxPoolBytes(const PlaneWindow& window, int64_t planes, bool is_signed,
                  const void* x, void* y, ThreadPool& pool);

// The same with channels last: `images` of in_h x in_w pixels, those of x
// x_stride bytes apart.
void MaxPoolBytesLast(const PlaneWindow& window, int64_t images,
                      int64_t channels, bool is_signed, const void* x,
                      int64_t x_stride, void* y, ThreadPool& pool);

// Means of windows: the divisor of one is rows[oy] * columns[ox].
struct ByteMeans {
  PlaneWindow window;  // no negative pads; at most kMeanTaps taps
  const float* rows;
  const float* columns;
  ByteGrid x;
  ByteGrid y;
};
constexpr int64_t kMeanTaps = 257;  // whose sum uint16 holds

// y = (sum of x over the taps inside the image, less their zero points) *
// (x's scale / (y's scale * divisor)), rounded half to even, saturated.
// Channels last.
void AveragePoolBytesLast(const ByteMeans& means, int64_t images,
                          int64_t channels, const void* x, void* y,
                          ThreadPool& pool);

}  // namespace squint

#endif  // SQUINT_KERNELS_POOL_BYTE_POOL_H_
