#include "squint/kernels/qelementwise/byte_lines.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "squint/base/threads.h"
#include "squint/kernels/each_target_test.h"

namespace squint {
namespace {

// y = round(slope x + intercept) within [low, high] for bytes of these types.
struct Table {
  bool x_is_signed = false;
  bool y_is_signed = false;
  double slope = 1;
  double intercept = 0;
  int low = 0;
  int high = 255;

  void AddTo(std::vector<uint8_t>& tables) const {
    for (int b = 0; b < 256; ++b) {
      const int x = x_is_signed && b > 127 ? b - 256 : b;
      const double y =
          std::clamp<double>(std::nearbyint(slope * x + intercept), low, high);
      tables.push_back(static_cast<uint8_t>(static_cast<int>(y)));
    }
  }
};

std::vector<uint8_t> TablesOf(const std::vector<Table>& list) {
  std::vector<uint8_t> tables;
  for (const Table& table : list) table.AddTo(tables);
  return tables;
}

// [outer][channels][inner], in place, not, and of a wider tensor.
void CheckApplied(const ByteLines& lines, const std::vector<uint8_t>& tables,
                  int64_t outer, int64_t inner) {
  const int64_t count = outer * lines.channels * inner;
  std::vector<uint8_t> x;
  for (int64_t i = 0; i < count; ++i) x.push_back(static_cast<uint8_t>(i * 83));
  ForEachTarget([&] {
    for (const int threads : {1, 2}) {
      ThreadPool pool(threads);
      std::vector<uint8_t> y(x.size(), 99);
      const int64_t row = lines.channels * inner;
      ApplyByteLines(lines, tables.data(), x.data(), row, outer, inner,
                     y.data(), pool);
      std::vector<uint8_t> same = x;
      ApplyByteLines(lines, tables.data(), same.data(), row, outer, inner,
                     same.data(), pool);
      EXPECT_EQ(same, y);
      std::vector<uint8_t> wide(static_cast<size_t>(outer * (row + 7)));
      for (int64_t i = 0; i < count; ++i) {
        wide[static_cast<size_t>(i / row * (row + 7) + i % row)] =
            x[static_cast<size_t>(i)];
      }
      std::vector<uint8_t> apart(x.size(), 99);
      ApplyByteLines(lines, tables.data(), wide.data(), row + 7, outer, inner,
                     apart.data(), pool);
      EXPECT_EQ(apart, y);
      for (int64_t i = 0; i < count; ++i) {
        const auto at = static_cast<size_t>(i);
        const int64_t channel = i / inner % lines.channels;
        ASSERT_EQ(y[at], tables[static_cast<size_t>(channel * 256) + x[at]])
            << "element " << i;
      }
    }
  });
}

TEST(ByteLines, GiveEveryEntryOfATable) {
  for (const Table& table :
       {Table{}, Table{.slope = 0.37, .intercept = 11.3},
        Table{.slope = -1.937, .intercept = 300},
        Table{.slope = 40, .intercept = -900},
        Table{.slope = 900, .intercept = -100000},
        Table{.slope = 0, .intercept = 17},
        Table{.slope = 2, .low = 0, .high = 0},
        Table{.slope = 0.0213, .intercept = 3.1},
        Table{.x_is_signed = true, .slope = 0.713, .intercept = 90.2},
        Table{.x_is_signed = true,
        .y_is_signed = true,
        .slope = 1.313,
        .intercept = -3.61,
        .low = -128,
        .high = 101},
        Table{.y_is_signed = true,
        .intercept = -128,
        .low = -128,
        .high = 127}}) {
    const std::vector<uint8_t> tables = TablesOf({table});
    const auto lines =
        FitByteLines(tables.data(), 1, table.x_is_signed, table.y_is_signed);
    ASSERT_TRUE(lines.has_value()) << table.slope;
    CheckApplied(*lines, tables, 1, 70001);
  }
}

TEST(ByteLines, AreFoundForEachChannel) {
  std::vector<Table> list;
  for (int c = 0; c < 75; ++c) {
    list.push_back(
        {.slope = 0.0513 * (c - 20) + 0.0007, .intercept = 3.37 * (c - 10)});
  }
  const std::vector<uint8_t> tables = TablesOf(list);
  const auto lines = FitByteLines(tables.data(), 75, false, false);
  ASSERT_TRUE(lines.has_value());
  EXPECT_TRUE(lines->others.empty());
  CheckApplied(*lines, tables, 61, 1);
  CheckApplied(*lines, tables, 2, 37);
}

TEST(ByteLines, LookUpTheFewThatAreNone) {
  std::vector<uint8_t> tables = TablesOf(std::vector<Table>(40));
  tables[5 * 256 + 100] = 7;
  tables[39 * 256 + 3] = 200;
  const auto lines = FitByteLines(tables.data(), 40, false, false);
  ASSERT_TRUE(lines.has_value());
  EXPECT_EQ(lines->others, (std::vector<int64_t>{5, 39}));
  CheckApplied(*lines, tables, 33, 1);
  CheckApplied(*lines, tables, 2, 50);
}

TEST(ByteLines, AreNotForOtherFunctions) {
  std::vector<uint8_t> bent;
  for (int b = 0; b < 256; ++b) {
    bent.push_back(static_cast<uint8_t>(b < 128 ? b / 2 : b - 64));
  }
  EXPECT_FALSE(FitByteLines(bent.data(), 1, false, false).has_value());
  std::vector<uint8_t> sevens = TablesOf(std::vector<Table>(7));
  sevens[3 * 256 + 100] = 7;  // one in seven is too many
  EXPECT_FALSE(FitByteLines(sevens.data(), 7, false, false).has_value());
}

// Half way between two results: the table's own rounding is not the line's.
TEST(ByteLines, AreNotForResultsOnTheBorder) {
  const std::vector<uint8_t> up = [] {
    std::vector<uint8_t> table;
    for (int b = 0; b < 256; ++b)
      table.push_back(static_cast<uint8_t>((b + 1) / 2));
    return table;
  }();
  // (b + 1) / 2 rounded down is b / 2 + a quarter, rounded: not on the border.
  EXPECT_TRUE(FitByteLines(up.data(), 1, false, false).has_value());
  const std::vector<uint8_t> even = TablesOf({{.slope = 0.5}});
  EXPECT_FALSE(FitByteLines(even.data(), 1, false, false).has_value());
}

}  // namespace
}  // namespace squint
