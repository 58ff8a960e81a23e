// Memory for packed operands.
#ifndef SQUINT_KERNELS_ALIGNED_H_
#define SQUINT_KERNELS_ALIGNED_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

namespace squint {

// `count` uninitialized numbers, 64-aligned. Throws std::bad_alloc.
template <typename T>
std::shared_ptr<T[]> AllocateAligned(int64_t count) {
  constexpr std::align_val_t kAlignment{64};
  const size_t bytes = static_cast<size_t>(count) * sizeof(T);
  auto* data = static_cast<T*>(::operator new(bytes, kAlignment));
  return {data, [](T* p) { ::operator delete(p, kAlignment); }};
}

}  // namespace squint

#endif  // SQUINT_KERNELS_ALIGNED_H_
