#include "squint/kernels/copy/mapped_copy.h"

#include <algorithm>
#include <cstring>

#include "squint/base/threads.h"

namespace squint {
namespace {

// A size that the compiler knows, but for kBytes 0.
template <size_t kBytes>
void CopyRow(const MappedCopy& plan, const std::byte* from, std::byte* to) {
  const size_t bytes = kBytes == 0 ? plan.bytes : kBytes;
  for (const int64_t place : plan.last) {
    std::memcpy(to, from + place, bytes);
    to += bytes;
  }
}

using RowFunction = void (*)(const MappedCopy&, const std::byte*, std::byte*);

RowFunction RowFor(size_t bytes) {
  switch (bytes) {
    case 1:
      return CopyRow<1>;
    case 2:
      return CopyRow<2>;
    case 4:
      return CopyRow<4>;
    case 8:
      return CopyRow<8>;
    default:
      return CopyRow<0>;
  }
}

// Where a row of results begins in the input.
int64_t PlaceOf(const MappedCopy& plan, size_t row) {
  int64_t place = 0;
  for (size_t axis = plan.outer.size(); axis > 0; --axis) {
    const std::vector<int64_t>& map = plan.outer[axis - 1];
    place += map[row % map.size()];
    row /= map.size();
  }
  return place;
}

}  // namespace

void CopyMapped(const MappedCopy& plan, const void* from, void* to,
                ThreadPool& pool) {
  constexpr size_t kTaskBytes = 16384;
  const auto* in = static_cast<const std::byte*>(from);
  auto* out = static_cast<std::byte*>(to);
  size_t rows = 1;
  for (const auto& map : plan.outer) rows *= map.size();
  const size_t row_bytes = plan.last.size() * plan.bytes;
  if (row_bytes == 0) return;
  const RowFunction copy = RowFor(plan.bytes);
  pool.ParallelFor(rows, std::max<size_t>(1, kTaskBytes / row_bytes),
                   [&](size_t begin, size_t end) {
                     int64_t before = -1;
                     for (size_t row = begin; row < end; ++row) {
                       const int64_t place = PlaceOf(plan, row);
                       std::byte* target = out + row * row_bytes;
                       if (place == before) {
                         std::memcpy(target, target - row_bytes, row_bytes);
                       } else {
                         copy(plan, in + place, target);
                       }
                       before = place;
                     }
                   });
}

}  // namespace squint
