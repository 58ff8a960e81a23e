// Element by element on 8-bit numbers: to and from reals, sums, products, and
// any function of one number by its table. Formulas: docs/numerics.md.
#ifndef SQUINT_KERNELS_QELEMENTWISE_QELEMENTWISE_H_
#define SQUINT_KERNELS_QELEMENTWISE_QELEMENTWISE_H_

#include <cstdint>

#include "squint/kernels/elementwise/binary.h"
#include "squint/kernels/qgemm/requantization.h"

namespace squint {

class ThreadPool;

// One tensor's quantization: uint8 or int8, per tensor.
struct ByteGrid {
  float scale = 1.0f;
  int32_t zero = 0;
  bool is_signed = false;

  int32_t lowest() const { return is_signed ? -128 : 0; }
  int32_t highest() const { return is_signed ? 127 : 255; }
};

// The results of a product are numbers of this grid: what they are clamped to
// and counted from, not how they are scaled.
inline void SetResultGrid(const ByteGrid& grid, Requantization& r) {
  r.low = static_cast<float>(grid.lowest() - grid.zero);
  r.high = static_cast<float>(grid.highest() - grid.zero);
  r.zero = grid.zero;
  r.is_signed = grid.is_signed;
}

// Real results as steps of this grid.
inline Requantization StepsOf(const ByteGrid& grid) {
  Requantization steps;
  steps.step = grid.scale;
  SetResultGrid(grid, steps);
  return steps;
}

// How two tensors are added in QLinearAdd: `own`, which joins last if
// `own_last`, and `other`; where and how the other one lies is the caller's.
ByteAddition AdditionOf(const ByteGrid& own, const ByteGrid& other,
                        const ByteGrid& sum, bool own_last);

// Smallest and largest number, zero among them; NaN is passed over.
struct RealRange {
  float low = 0.0f;
  float high = 0.0f;
};
RealRange RangeOfReals(const float* in, int64_t count, ThreadPool& pool);

// Divide, round half to even, add the zero point, saturate; NaN: the zero
// point.
void QuantizeToBytes(const float* in, int64_t count, const ByteGrid& grid,
                     void* out, ThreadPool& pool);
void DequantizeBytes(const void* in, int64_t count, const ByteGrid& grid,
                     float* out, ThreadPool& pool);

// out[i] = table[in[i]], bytes taken as unsigned; `out` may be `in`.
void LookUp(const uint8_t* table, const void* in, int64_t count, void* out,
            ThreadPool& pool);

// The same with a table for each of `channels`: in and out are
// [outer][channels][inner], of `in` each index of outer in_stride bytes behind
// the one before; the tables one after the other.
void LookUpChannels(const uint8_t* tables, const void* in, int64_t in_stride,
                    int64_t outer, int64_t channels, int64_t inner, void* out,
                    ThreadPool& pool);

// Sums and products with broadcasting; y may be an operand that is not
// broadcast.
void AddBytes(const BroadcastPlan& plan, const void* a, const ByteGrid& a_grid,
              const void* b, const ByteGrid& b_grid, void* y,
              const ByteGrid& y_grid, ThreadPool& pool);
void MultiplyBytes(const BroadcastPlan& plan, const void* a,
                   const ByteGrid& a_grid, const void* b,
                   const ByteGrid& b_grid, void* y, const ByteGrid& y_grid,
                   ThreadPool& pool);

}  // namespace squint

#endif  // SQUINT_KERNELS_QELEMENTWISE_QELEMENTWISE_H_
