// Means of 8-bit numbers over whole images.
#ifndef SQUINT_KERNELS_POOL_BYTE_MEAN_H_
#define SQUINT_KERNELS_POOL_BYTE_MEAN_H_

#include <cstdint>
#include <optional>

#include "squint/kernels/qelementwise/qelementwise.h"

namespace squint {

class ThreadPool;

// y = (sum of x less their zero points) * (x's scale / (y's scale * pixels)),
// rounded half to even, saturated; without a grid of its own y is float32, the
// sum times (x's scale / pixels). Sums are exact, factors float32.
struct ImageMeans {
  int64_t images;
  int64_t pixels;  // at least 1
  int64_t channels;
  ByteGrid x;
  std::optional<ByteGrid> y;
};

// x: planes of `pixels` bytes, one after the other.
void MeanOfBytes(const ImageMeans& means, const void* x, void* y,
                 ThreadPool& pool);

// x: `channels` bytes of each pixel, one after the other.
void MeanOfBytesLast(const ImageMeans& means, const void* x, void* y,
                     ThreadPool& pool);

}  // namespace squint

#endif  // SQUINT_KERNELS_POOL_BYTE_MEAN_H_
