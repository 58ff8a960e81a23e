// What is computed along whole rows of float32: softmax, normalization, sums
// and extremes. Rows are shared among threads, a row never.
#ifndef SQUINT_KERNELS_ROWS_ROWS_H_
#define SQUINT_KERNELS_ROWS_ROWS_H_

#include <cstddef>
#include <cstdint>

#include "squint/kernels/qelementwise/qelementwise.h"

namespace squint {

class ThreadPool;

// y = e^(x - max) / sum over the middle axis of [outer][length][inner], or
// its logarithm. y may be x.
void Softmax(bool logarithm, int64_t outer, int64_t length, int64_t inner,
             const float* x, float* y, ThreadPool& pool);

// The softmax of rows as bytes of a grid (QuantizeToBytes), after something is
// added to them.
struct SoftmaxBytesArgs {
  int64_t rows = 0;
  int64_t length = 0;
  const float* x = nullptr;
  const float* added = nullptr;           // null: nothing
  const int64_t* added_offset = nullptr;  // where row r of it begins
  ByteGrid grid;
  void* y = nullptr;
  float* scratch = nullptr;  // RowBytesScratch floats
};
// For a pool of so many threads.
int64_t RowBytesScratch(int64_t rows, int64_t length, int threads);
void SoftmaxToBytes(const SoftmaxBytesArgs& args, ThreadPool& pool);

// y = (x - mean) / sqrt(variance + epsilon) * scale + shift, elementwise scale
// and shift of `length` (shift may be null). y may be x.
void NormalizeRows(int64_t rows, int64_t length, float epsilon,
                   const float* scale, const float* shift, const float* x,
                   float* y, ThreadPool& pool);

// The same of x or a sum, as real numbers and times a row of factors as bytes
// of a grid (QuantizeToBytes).
struct NormalizeBytesArgs {
  int64_t rows = 0;
  int64_t length = 0;
  float epsilon = 0;
  const float* scale = nullptr;
  const float* shift = nullptr;  // null: nothing
  const float* x = nullptr;
  const float* added = nullptr;   // to x, as large; null: nothing
  const float* factor = nullptr;  // of `length`, for the bytes; null: 1
  ByteGrid grid;
  void* y = nullptr;
  float* real = nullptr;     // may be x; null: not wanted
  float* scratch = nullptr;  // RowBytesScratch floats unless real is there
};
void NormalizeToBytes(const NormalizeBytesArgs& args, ThreadPool& pool);

enum class ReduceKind : uint8_t { kSum, kMean, kMax, kMin };

// x is [outer][length][inner]; y is [outer][inner]. Extremes keep NaN.
void Reduce(ReduceKind kind, int64_t outer, int64_t length, int64_t inner,
            const float* x, float* y, ThreadPool& pool);

}  // namespace squint

#endif  // SQUINT_KERNELS_ROWS_ROWS_H_
