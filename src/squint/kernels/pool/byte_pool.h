// Maxima over sliding windows of planes of 8-bit numbers.
#ifndef SQUINT_KERNELS_POOL_BYTE_POOL_H_
#define SQUINT_KERNELS_POOL_BYTE_POOL_H_

#include <cstdint>

#include "squint/kernels/conv/window.h"

namespace squint {

class ThreadPool;

// y = max over the taps inside the image; where there is none, the lowest
// number of the type. x and y: uint8 or int8.
void MaxPoolBytes(const PlaneWindow& window, int64_t planes, bool is_signed,
                  const void* x, void* y, ThreadPool& pool);

// The same with channels last: `images` of in_h x in_w pixels.
void MaxPoolBytesLast(const PlaneWindow& window, int64_t images,
                      int64_t channels, bool is_signed, const void* x, void* y,
                      ThreadPool& pool);

}  // namespace squint

#endif  // SQUINT_KERNELS_POOL_BYTE_POOL_H_
