// Strided copies: contiguous rows by memcpy, transpositions in square tiles
// (so that both sides' cache lines are used whole), anything else element by
// element.
#include "squint/kernels/copy/copy.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "squint/base/threads.h"
#include "squint/kernels/copy/apart.h"
#include "squint/kernels/copy/byte_tile.h"

namespace squint {
namespace {

constexpr int64_t kTile = 16;
constexpr int64_t kElementsPerTask = 1 << 14;

// The last axis is the inner loop; `across` is the axis whose elements are
// neighbours in `from`, tiled against it, or the last axis itself.
struct Loops {
  explicit Loops(const CopyPlan& plan) : across(plan.axes - 1) {
    if (plan.from_stride[across] == 1) return;
    for (size_t axis = 0; axis + 1 < plan.axes; ++axis) {
      if (plan.from_stride[axis] == 1) across = axis;
    }
  }
  bool tiled(const CopyPlan& plan) const { return across != plan.axes - 1; }
  size_t across;
};

// 16 bytes or more; short ones without a call.
void CopyBytes(const std::byte* from, int64_t count, std::byte* to) {
  constexpr int64_t kChunk = 16;
  constexpr int64_t kShort = 256;
  if (count > kShort) {
    std::memcpy(to, from, static_cast<size_t>(count));
    return;
  }
  for (int64_t i = 0; i + kChunk < count; i += kChunk) {
    std::memcpy(to + i, from + i, kChunk);
  }
  std::memcpy(to + count - kChunk, from + count - kChunk, kChunk);
}

// `rows` rows along the last axis but one, which may be missing if it is 1.
template <typename T>
void CopyRows(const CopyPlan& plan, int64_t rows, const T* from, T* to) {
  const size_t last = plan.axes - 1;
  const int64_t count = plan.size[last];
  const int64_t from_stride = plan.from_stride[last];
  const int64_t to_stride = plan.to_stride[last];
  const auto bytes = count * int64_t{sizeof(T)};
  for (int64_t r = 0; r < rows; ++r) {
    if (r > 0) {
      from += plan.from_stride[last - 1];
      to += plan.to_stride[last - 1];
    }
    if (from_stride != 1 || to_stride != 1) {
      CopyApart(from, from_stride, count, to, to_stride);
    } else if (bytes >= 16) {
      CopyBytes(reinterpret_cast<const std::byte*>(from), bytes,
                reinterpret_cast<std::byte*>(to));
    } else {
      for (int64_t i = 0; i < count; ++i) to[i] = from[i];
    }
  }
}

// `rows` elements along the axis `across`, all of the last axis.
template <typename T>
void CopyTiles(const CopyPlan& plan, size_t across, int64_t rows, const T* from,
               T* to) {
  const size_t last = plan.axes - 1;
  const int64_t count = plan.size[last];
  int64_t done = 0;
  if constexpr (sizeof(T) == 1) {
    // What is much less than a square is faster byte by byte.
    constexpr int64_t kMost = kByteTile * kByteTile / 4 * 3;
    for (; plan.to_stride[last] == 1 && done < count; done += kByteTile) {
      const int64_t some = std::min(kByteTile, count - done);
      if (some * rows < kMost) break;
      TransposeByteTile(from + done * plan.from_stride[last],
                        plan.from_stride[last], some, rows, to + done,
                        plan.to_stride[across]);
    }
  }
  for (int64_t begin = done; begin < count; begin += kTile) {
    const int64_t end = std::min(begin + kTile, count);
    for (int64_t r = 0; r < rows; ++r) {
      CopyApart(from + r + begin * plan.from_stride[last],
                plan.from_stride[last], end - begin,
                to + r * plan.to_stride[across] + begin * plan.to_stride[last],
                plan.to_stride[last]);
    }
  }
}

// Work items are all combinations of the outer axes; a tiled axis counts in
// steps of kTile. Those along the last of them are done without dividing.
template <typename T>
void CopyItems(const CopyPlan& plan, const Loops& loops, size_t begin,
               size_t end, const T* from, T* to) {
  size_t done = 1;
  for (size_t item = begin; item < end; item += done) {
    auto rest = static_cast<int64_t>(item);
    const T* source = from;
    T* target = to;
    int64_t rows = 1;
    for (size_t i = plan.axes - 1; i-- > 0;) {
      const bool tiled = i == loops.across;
      const int64_t count =
          tiled ? (plan.size[i] + kTile - 1) / kTile : plan.size[i];
      const int64_t index = rest % count * (tiled ? kTile : 1);
      rest /= count;
      if (tiled) rows = std::min(kTile, plan.size[i] - index);
      if (!loops.tiled(plan) && i + 2 == plan.axes) {
        rows = std::min(count - index, static_cast<int64_t>(end - item));
      }
      source += index * plan.from_stride[i];
      target += index * plan.to_stride[i];
    }
    if (loops.tiled(plan)) {
      CopyTiles(plan, loops.across, rows, source, target);
    } else {
      CopyRows(plan, rows, source, target);
      done = static_cast<size_t>(rows);
    }
  }
}

// The last two axes are the columns and rows of InterleaveBytes.
bool InterleavesFewRows(const CopyPlan& plan) {
  if (plan.axes < 2) return false;
  const size_t last = plan.axes - 1;
  return std::min(plan.size[last], plan.size[last - 1]) < kByteTile &&
         plan.to_stride[last] == 1 && plan.from_stride[last - 1] == 1 &&
         plan.to_stride[last - 1] == plan.size[last];
}

// Work items are pieces of the matrices' columns; matrices of one piece are
// done along the axis before without dividing.
class InterleavedRows {
 public:
  InterleavedRows(const CopyPlan& plan, const uint8_t* from, uint8_t* to)
      : plan_(plan), outer_(plan.axes - 2), from_(from), to_(to) {
    constexpr int64_t kWhole = 64;  // columns: full vectors, full lines
    const int64_t rows = plan.size[outer_ + 1];
    const int64_t some =
        std::max(kWhole, kElementsPerTask / rows / kWhole * kWhole);
    shape_ = {.rows = rows,
              .columns = std::min(plan.size[outer_], some),
              .row_stride = plan.from_stride[outer_ + 1],
              .from_step = outer_ > 0 ? plan.from_stride[outer_ - 1] : 0,
              .to_step = outer_ > 0 ? plan.to_stride[outer_ - 1] : 0};
    pieces_ = (plan.size[outer_] + shape_.columns - 1) / shape_.columns;
  }

  void Run(ThreadPool& pool) const {
    int64_t items = pieces_;
    for (size_t i = 0; i < outer_; ++i) items *= plan_.size[i];
    const int64_t grain =
        std::max<int64_t>(1, kElementsPerTask / (shape_.columns * shape_.rows));
    pool.ParallelFor(static_cast<size_t>(items), static_cast<size_t>(grain),
                     [&](size_t begin, size_t end) {
                       auto item = static_cast<int64_t>(begin);
                       while (item < static_cast<int64_t>(end)) {
                         item += Some(item, static_cast<int64_t>(end));
                       }
                     });
  }

 private:
  // How many items were done.
  int64_t Some(int64_t item, int64_t end) const {
    int64_t rest = item / pieces_;
    const int64_t column = item % pieces_ * shape_.columns;
    const uint8_t* source = from_ + column;
    uint8_t* target = to_ + column * shape_.rows;
    int64_t matrices = 1;
    for (size_t i = outer_; i-- > 0;) {
      const int64_t index = rest % plan_.size[i];
      rest /= plan_.size[i];
      source += index * plan_.from_stride[i];
      target += index * plan_.to_stride[i];
      if (i + 1 == outer_ && pieces_ == 1) {
        matrices = std::min(plan_.size[i] - index, end - item);
      }
    }
    FewRows shape = shape_;
    shape.columns = std::min(shape_.columns, plan_.size[outer_] - column);
    InterleaveBytes(shape, matrices, source, target);
    return matrices;
  }

  const CopyPlan& plan_;
  size_t outer_;  // axes before the columns
  const uint8_t* from_;
  uint8_t* to_;
  FewRows shape_;   // of a whole piece
  int64_t pieces_;  // of a matrix
};

template <typename T>
void CopyOf(const CopyPlan& plan, const void* from, void* to,
            ThreadPool& pool) {
  const Loops loops(plan);
  int64_t items = 1;
  for (size_t i = 0; i + 1 < plan.axes; ++i) {
    items *=
        i == loops.across ? (plan.size[i] + kTile - 1) / kTile : plan.size[i];
  }
  const int64_t per_item =
      plan.size[plan.axes - 1] * (loops.tiled(plan) ? kTile : 1);
  const int64_t grain = std::max<int64_t>(1, kElementsPerTask / per_item);
  pool.ParallelFor(static_cast<size_t>(items), static_cast<size_t>(grain),
                   [&](size_t begin, size_t end) {
                     CopyItems(plan, loops, begin, end,
                               static_cast<const T*>(from),
                               static_cast<T*>(to));
                   });
}

}  // namespace

CopyPlan::CopyPlan(std::span<const int64_t> sizes,
                   std::span<const int64_t> from, std::span<const int64_t> to) {
  for (size_t i = sizes.size(); i-- > 0;) {
    if (sizes[i] == 1) continue;
    const size_t last = axes - 1;
    if (axes > 0 && from[i] == from_stride[last] * size[last] &&
        to[i] == to_stride[last] * size[last]) {
      size[last] *= sizes[i];
      continue;
    }
    if (axes == kMaxAxes) {
      valid = false;
      return;
    }
    size[axes] = sizes[i];
    from_stride[axes] = from[i];
    to_stride[axes] = to[i];
    ++axes;
  }
  if (axes == 0) {
    size[0] = from_stride[0] = to_stride[0] = 1;
    axes = 1;
  }
  const auto end = static_cast<std::ptrdiff_t>(axes);
  std::reverse(size.begin(), size.begin() + end);
  std::reverse(from_stride.begin(), from_stride.begin() + end);
  std::reverse(to_stride.begin(), to_stride.begin() + end);
}

void Copy(const CopyPlan& plan, size_t element_bytes, const void* from,
          void* to, ThreadPool& pool) {
  for (size_t i = 0; i < plan.axes; ++i) {
    if (plan.size[i] == 0) return;
  }
  switch (element_bytes) {
    case 1:
      if (InterleavesFewRows(plan)) {
        return InterleavedRows(plan, static_cast<const uint8_t*>(from),
                               static_cast<uint8_t*>(to))
            .Run(pool);
      }
      return CopyOf<uint8_t>(plan, from, to, pool);
    case 2:
      return CopyOf<uint16_t>(plan, from, to, pool);
    case 4:
      return CopyOf<uint32_t>(plan, from, to, pool);
    default:
      return CopyOf<uint64_t>(plan, from, to, pool);
  }
}

}  // namespace squint
