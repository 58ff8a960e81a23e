// The lines of a tensor along one of its axes.
#ifndef SQUINT_OPS_LINES_H_
#define SQUINT_OPS_LINES_H_

#include <cstddef>
#include <cstdint>

#include "squint/tensor/tensor.h"

namespace squint {

// Calls f(first element, stride, count) for each line along `axis`, in
// row-major order of the other axes; `count` is at least 1. A scalar is one
// line of one element.
template <typename F>
void ForEachLine(const Dims& dims, int axis, F&& f) {
  if (dims.empty()) return f(int64_t{0}, int64_t{1}, int64_t{1});
  const int64_t count = dims[static_cast<size_t>(axis)];
  const int64_t inner = StridesOf(dims)[static_cast<size_t>(axis)];
  const int64_t lines = count == 0 ? 0 : ElementCount(dims) / count;
  for (int64_t line = 0; line < lines; ++line) {
    f(line / inner * inner * count + line % inner, inner, count);
  }
}

}  // namespace squint

#endif  // SQUINT_OPS_LINES_H_
