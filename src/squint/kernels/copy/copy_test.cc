#include "squint/kernels/copy/copy.h"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

#include "squint/base/threads.h"
#include "squint/kernels/copy/byte_tile.h"
#include "squint/kernels/each_target_test.h"

namespace squint {
namespace {

using Axes = std::vector<int64_t>;

// Copies into a zeroed buffer and compares with single steps.
template <typename T>
void CheckAs(const Axes& size, const Axes& from, const Axes& to,
             int64_t start = 0) {
  std::vector<T> source(20000);
  std::iota(source.begin(), source.end(), T{1});
  std::vector<T> copied(20000), truth(20000);
  int64_t count = 1;
  for (const int64_t n : size) count *= n;
  for (int64_t i = 0; i < count; ++i) {
    int64_t rest = i, a = start, b = 0;
    for (size_t k = size.size(); k-- > 0;) {
      a += rest % size[k] * from[k];
      b += rest % size[k] * to[k];
      rest /= size[k];
    }
    truth[static_cast<size_t>(b)] = source[static_cast<size_t>(a)];
  }
  ThreadPool pool(2);
  const CopyPlan plan(size, from, to);
  ASSERT_TRUE(plan.valid);
  Copy(plan, sizeof(T), source.data() + start, copied.data(), pool);
  EXPECT_EQ(copied, truth);
}

void Check(const Axes& size, const Axes& from, const Axes& to,
           int64_t start = 0) {
  CheckAs<uint8_t>(size, from, to, start);
  CheckAs<uint16_t>(size, from, to, start);
  CheckAs<float>(size, from, to, start);
  CheckAs<int64_t>(size, from, to, start);
}

TEST(Copy, MovesContiguousAndSlicedBoxes) {
  Check({}, {}, {});
  Check({100}, {1}, {1});
  Check({3, 5, 7}, {35, 7, 1}, {35, 7, 1});
  Check({3, 4, 5}, {100, 20, 2}, {20, 5, 1});
  Check({3, 4, 5}, {20, 5, 1}, {100, 20, 2});
  Check({2, 0, 3}, {3, 3, 1}, {3, 3, 1});
  for (const int64_t row : {15, 16, 33, 300}) {
    Check({3, 9, row}, {9 * row + 11, row + 5, 1}, {9 * row, row, 1});
    Check({3, 9, row}, {9 * row, row, 1}, {9 * row + 11, row + 2, 1});
  }
}

TEST(Copy, RunsBackwards) { Check({4, 6}, {6, -1}, {6, 1}, 5); }

TEST(Copy, TransposesAroundTileBorders) {
  for (const int64_t h : {1, 15, 16, 17, 50}) {
    for (const int64_t w : {1, 3, 16, 33}) {
      Check({w, h}, {1, w}, {h, 1});
      Check({3, w, h}, {w * h, 1, w}, {w * h, h, 1});
    }
  }
}

TEST(Copy, PutsFewRowsSideBySide) {
  for (const int64_t rows : {2, 3, 4, 5, 8}) {
    for (const int64_t columns : {1, 7, 31, 64, 1000}) {
      ForEachTarget([&] {
        Check({columns, rows}, {1, columns}, {rows, 1});
        Check({2, columns, rows}, {columns * rows + 40, 1, columns + 3},
              {columns * rows + 5, rows, 1});
      });
    }
  }
  Check({20000 / 3, 3}, {1, 20000 / 3}, {3, 1});
}

TEST(Copy, ShufflesPiecesOfPixels) {
  for (const int64_t groups : {2, 3, 4, 7, 8, 17}) {
    for (const int64_t size : {1, 5, 12, 16, 17}) {
      const int64_t c = groups * size;
      Check({60, size, groups}, {c, 1, size}, {c, groups, 1});
      // Pixels that lie apart, images as an axis of their own.
      Check({2, 25, size, groups}, {26 * c, c, 1, size},
            {25 * c + 9, c, groups, 1});
    }
  }
}

// A task is some 16,000 bytes.
TEST(Copy, SplitsManySmallMatricesAmongThreads) {
  CheckAs<uint8_t>({200, 17, 4}, {68, 1, 17}, {68, 4, 1});
  CheckAs<uint8_t>({6000, 3}, {1, 6001}, {3, 1});
}

TEST(Copy, InterleavesRowsOfAnyLengthAndNothingBeyond) {
  constexpr int64_t kMatrices = 3;
  constexpr uint8_t kGuard = 0xA5;
  for (const int64_t rows : {2, 3, 4, 5, 8, 15, 16, 40}) {
    for (int64_t columns = 1; columns <= 70; ++columns) {
      const FewRows shape = {.rows = rows,
                             .columns = columns,
                             .row_stride = columns,
                             .from_step = rows * columns,
                             .to_step = rows * columns + 2};
      std::vector<uint8_t> from(
          static_cast<size_t>(kMatrices * shape.from_step));
      std::iota(from.begin(), from.end(), uint8_t{5});
      std::vector<uint8_t> truth(static_cast<size_t>(kMatrices * shape.to_step),
                                 kGuard);
      for (int64_t i = 0; i < kMatrices; ++i) {
        for (int64_t k = 0; k < rows * columns; ++k) {
          truth[static_cast<size_t>(i * shape.to_step + k)] =
              from[static_cast<size_t>(i * shape.from_step +
                                       k % rows * columns + k / rows)];
        }
      }
      ForEachTarget([&] {
        std::vector<uint8_t> to(truth.size(), kGuard);
        InterleaveBytes(shape, kMatrices, from.data(), to.data());
        ASSERT_EQ(to, truth) << rows << " x " << columns;
      });
    }
  }
}

TEST(Copy, TransposesMatricesOfBytes) {
  for (const int64_t rows : {1, 15, 16, 17, 50}) {
    for (const int64_t columns : {1, 9, 16, 25, 40}) {
      const int64_t from_stride = columns + rows % 2;
      const int64_t to_stride = rows + 3;
      // Nothing is read or written beyond.
      std::vector<uint8_t> from(
          static_cast<size_t>((rows - 1) * from_stride + columns));
      std::iota(from.begin(), from.end(), uint8_t{5});
      ForEachTarget([&] {
        std::vector<uint8_t> to(
            static_cast<size_t>((columns - 1) * to_stride + rows), 0);
        TransposeByteMatrix(from.data(), from_stride, rows, columns, to.data(),
                            to_stride);
        for (int64_t r = 0; r < rows; ++r) {
          for (int64_t c = 0; c < columns; ++c) {
            ASSERT_EQ(to[static_cast<size_t>(c * to_stride + r)],
                      from[static_cast<size_t>(r * from_stride + c)])
                << rows << " x " << columns << " at " << r << ", " << c;
          }
        }
      });
    }
  }
}

TEST(Copy, PermutesManyAxes) {
  // [2,3,4,5,6] to [4,2,6,3,5].
  Check({4, 2, 6, 3, 5}, {30, 360, 1, 120, 6}, {180, 90, 15, 5, 1});
}

TEST(Copy, SplitsLargeMovesAmongThreads) {
  Check({130, 140}, {1, 130}, {140, 1});
}

TEST(Copy, MergesAxesThatLieBehindEachOther) {
  const Axes size = {3, 5, 7};
  const Axes stride = {35, 7, 1};
  EXPECT_EQ(CopyPlan(size, stride, stride).axes, 1u);
}

}  // namespace
}  // namespace squint
