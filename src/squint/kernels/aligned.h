// Memory for packed operands.
//
// Large ones are asked to lie in huge pages: a product of one row streams
// through its weights once, and with 4 kB pages an address has to be looked up
// for every 64 lines, where the processor's prefetching stops too (10 to 15%
// of the time of such a product).
#ifndef SQUINT_KERNELS_ALIGNED_H_
#define SQUINT_KERNELS_ALIGNED_H_

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

namespace squint {

// `count` uninitialized numbers, 64-aligned at least. Throws std::bad_alloc.
template <typename T>
std::shared_ptr<T[]> AllocateAligned(int64_t count) {
  constexpr size_t kHugePage = size_t{1} << 21;
  const size_t bytes = static_cast<size_t>(count) * sizeof(T);
  const bool large = bytes >= kHugePage;
  const std::align_val_t alignment{large ? kHugePage : 64};
  auto* data = static_cast<T*>(::operator new(bytes, alignment));
#ifdef MADV_HUGEPAGE
  // A wish: what comes of it does not matter.
  if (large) ::madvise(data, bytes, MADV_HUGEPAGE);
#endif
  return {data, [alignment](T* p) { ::operator delete(p, alignment); }};
}

}  // namespace squint

#endif  // SQUINT_KERNELS_ALIGNED_H_
