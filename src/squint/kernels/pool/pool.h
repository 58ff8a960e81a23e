// Maxima and averages over sliding windows of NCHW planes, float32, on the
// staged bands of conv/window.h.
#ifndef SQUINT_KERNELS_POOL_POOL_H_
#define SQUINT_KERNELS_POOL_POOL_H_

#include <cstdint>

#include "squint/kernels/conv/window.h"

namespace squint {

class ThreadPool;

// y = max over the taps inside the image.
void MaxPool(const PlaneWindow& window, int64_t planes, const float* x,
             float* y, ThreadPool& pool);

// y = sum over the taps inside the image / (rows[oy] * columns[ox]): how many
// taps count in each direction, at least 1. `columns` has kStagingSlack more
// elements than the output has columns.
void AveragePool(const PlaneWindow& window, int64_t planes, const float* rows,
                 const float* columns, const float* x, float* y,
                 ThreadPool& pool);

}  // namespace squint

#endif  // SQUINT_KERNELS_POOL_POOL_H_
