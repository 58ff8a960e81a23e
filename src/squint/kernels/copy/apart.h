// Elements that lie apart, one by one.
#ifndef SQUINT_KERNELS_COPY_APART_H_
#define SQUINT_KERNELS_COPY_APART_H_

#include <cstdint>

namespace squint {

// to[i * to_stride] = from[i * from_stride]
template <typename T>
void CopyApart(const T* from, int64_t from_stride, int64_t count, T* to,
               int64_t to_stride) {
  constexpr int64_t kFour = 4;
  int64_t i = 0;
  for (; i + kFour <= count; i += kFour) {
    to[0] = from[0];
    to[to_stride] = from[from_stride];
    to[2 * to_stride] = from[2 * from_stride];
    to[3 * to_stride] = from[3 * from_stride];
    to += kFour * to_stride;
    from += kFour * from_stride;
  }
  for (int64_t j = 0; i + j < count; ++j)
    to[j * to_stride] = from[j * from_stride];
}

}  // namespace squint

#endif  // SQUINT_KERNELS_COPY_APART_H_
