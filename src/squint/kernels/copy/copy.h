// Moving elements from one strided box to another: what Transpose, Slice,
// Split, Concat and Pad come down to. Plain C++: the loops wait for memory.
#ifndef SQUINT_KERNELS_COPY_COPY_H_
#define SQUINT_KERNELS_COPY_COPY_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace squint {

class ThreadPool;

// For all indices i: to[sum i_a * to_stride_a] = from[sum i_a * from_stride_a].
// Axes of one element are dropped and axes merged where both sides walk them
// as one, so that the inner loop is as long as it can be. Strides count
// elements; those of `from` may be negative.
struct CopyPlan {
  static constexpr size_t kMaxAxes = 8;
  CopyPlan(std::span<const int64_t> sizes, std::span<const int64_t> from,
           std::span<const int64_t> to);
  bool valid = true;  // false: more axes than kMaxAxes even when merged
  size_t axes = 0;
  std::array<int64_t, kMaxAxes> size = {};
  std::array<int64_t, kMaxAxes> from_stride = {};
  std::array<int64_t, kMaxAxes> to_stride = {};
};

// element_bytes: 1, 2, 4 or 8. The boxes do not overlap.
void Copy(const CopyPlan& plan, size_t element_bytes, const void* from,
          void* to, ThreadPool& pool);

}  // namespace squint

#endif  // SQUINT_KERNELS_COPY_COPY_H_
