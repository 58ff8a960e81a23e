// What is computed along whole rows of float32: softmax, normalization, sums
// and extremes. Rows are shared among threads, a row never.
#ifndef SQUINT_KERNELS_ROWS_ROWS_H_
#define SQUINT_KERNELS_ROWS_ROWS_H_

#include <cstdint>

namespace squint {

class ThreadPool;

// y = e^(x - max) / sum over the middle axis of [outer][length][inner], or
// its logarithm. y may be x.
void Softmax(bool logarithm, int64_t outer, int64_t length, int64_t inner,
             const float* x, float* y, ThreadPool& pool);

// y = (x - mean) / sqrt(variance + epsilon) * scale + shift, elementwise scale
// and shift of `length` (shift may be null). y may be x.
void NormalizeRows(int64_t rows, int64_t length, float epsilon,
                   const float* scale, const float* shift, const float* x,
                   float* y, ThreadPool& pool);

enum class ReduceKind : uint8_t { kSum, kMean, kMax, kMin };

// x is [outer][length][inner]; y is [outer][inner]. Extremes keep NaN.
void Reduce(ReduceKind kind, int64_t outer, int64_t length, int64_t inner,
            const float* x, float* y, ThreadPool& pool);

}  // namespace squint

#endif  // SQUINT_KERNELS_ROWS_ROWS_H_
