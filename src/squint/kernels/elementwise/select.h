// What is chosen by truth values, and passes over float32 numbers that tuning a
// network makes besides its layers. All of these work in place, too; the same
// numbers for any thread count.
#ifndef SQUINT_KERNELS_ELEMENTWISE_SELECT_H_
#define SQUINT_KERNELS_ELEMENTWISE_SELECT_H_

#include <cstdint>

namespace squint {

class ThreadPool;

// out[i] = bit i ? a[i] : min(max(b[i], low), high); bit i is bit i % 64 of
// bits[i / 64].
void SelectByBits(int64_t count, const uint64_t* bits, const float* a,
                  const float* b, float low, float high, float* out,
                  ThreadPool& pool);

// out[i] = low <= x[i] <= high ? g[i] : 0
void SelectInside(int64_t count, const float* x, float low, float high,
                  const float* g, float* out, ThreadPool& pool);

// out[i] = factor * (a[i] - b[i])
void ScaledDifference(int64_t count, float factor, const float* a,
                      const float* b, float* out, ThreadPool& pool);

// A row of numbers of 32 bits: out[i] = choice[i] != 0 ? a[i] : b[i]. Each of
// the three has step 1, or 0 where it is one number.
struct ChoiceOfRow {
  int64_t length = 0;
  const uint8_t* choice = nullptr;
  int64_t choice_step = 1;
  const uint32_t* a = nullptr;
  int64_t a_step = 1;
  const uint32_t* b = nullptr;
  int64_t b_step = 1;
  uint32_t* out = nullptr;
};
void ChooseRow(const ChoiceOfRow& row);

}  // namespace squint

#endif  // SQUINT_KERNELS_ELEMENTWISE_SELECT_H_
