#include "squint/ops/row_bands.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace squint {
namespace {

RowWindow Window(int64_t in_h, int64_t span, int64_t stride, int64_t pad,
                 int64_t pad_below) {
  return {in_h, (in_h + pad + pad_below - span) / stride + 1, span, stride,
          pad};
}

// Each result is made once and in order, from rows that were made before and
// are kept.
void CheckPart(const std::vector<RowWindow>& links, int64_t begin, int64_t end,
               int64_t rows) {
  std::vector<int64_t> made(links.size(), -1);
  std::vector<int64_t> base(links.size(), 0);
  for (const BandPart& part : PlanBands(links, begin, end, rows)) {
    const RowWindow& window = links[part.link];
    if (made[part.link] >= 0) {
      EXPECT_EQ(part.begin, made[part.link]);
    }
    if (made[part.link] < 0 && part.link + 1 == links.size()) {
      EXPECT_EQ(part.begin, begin);
    }
    EXPECT_LT(part.begin, part.end);
    EXPECT_GE(part.base, base[part.link]);
    EXPECT_LE(part.base, part.begin);
    made[part.link] = part.end;
    base[part.link] = part.base;
    EXPECT_LT(part.first, part.last);
    EXPECT_LE(part.last, window.in_h);
    for (int64_t y = part.begin; y < part.end; ++y) {
      const int64_t top = y * window.stride - window.pad;
      EXPECT_LE(part.first, std::max<int64_t>(top, 0));
      EXPECT_GE(part.last, std::min(top + window.span, window.in_h));
    }
    if (part.link == 0) continue;
    EXPECT_GE(part.first, base[part.link - 1]);
    EXPECT_LE(part.last, made[part.link - 1]);
  }
  EXPECT_EQ(made.back(), end);
}

// As a whole, and cut in two.
void CheckPlan(const std::vector<RowWindow>& links, int64_t rows) {
  const int64_t end = links.back().out_h;
  CheckPart(links, 0, end, rows);
  if (end < 2) return;
  CheckPart(links, 0, end / 2, rows);
  CheckPart(links, end / 2, end, rows);
}

TEST(RowBands, MakeEveryRowOnceFromRowsThatAreKept) {
  for (const int64_t height : {1, 2, 5, 16, 37}) {
    for (const int64_t rows : {1, 2, 3, 7, 100}) {
      for (const int64_t stride : {1, 2, 3}) {
        const RowWindow expand = Window(height, 1, 1, 0, 0);
        const RowWindow depthwise = Window(height, 3, stride, 1, 1);
        const RowWindow project = Window(depthwise.out_h, 1, 1, 0, 0);
        CheckPlan({expand, depthwise, project}, rows);
        const RowWindow wide = Window(height, 5, 1, 2, 2);
        const RowWindow skips = Window(height, 1, 2, 0, 0);
        const RowWindow behind = Window(skips.out_h, 3, stride, 1, 1);
        CheckPlan({wide, skips, behind}, rows);
      }
    }
  }
}

TEST(RowBands, OneBandIsOnePartOfEachOperator) {
  const std::vector<RowWindow> links = {Window(9, 3, 1, 1, 1),
                                        Window(9, 3, 2, 0, 1)};
  const int64_t end = links.back().out_h;
  EXPECT_EQ(PlanBands(links, 0, end, end).size(), 2U);
  EXPECT_EQ(PlanBands(links, 0, end, 2).size(), 4U);
}

}  // namespace
}  // namespace squint
