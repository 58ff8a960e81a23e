#include "squint/fixed/steps/nest.h"

#include <gtest/gtest.h>

namespace squint {
namespace {

// y[i] = x[from[i]]
std::vector<Move> Moves(const std::vector<int64_t>& from) {
  std::vector<Move> moves;
  for (size_t i = 0; i < from.size(); ++i) {
    moves.push_back({from[i], static_cast<int64_t>(i)});
  }
  return moves;
}

std::vector<int8_t> Copied(const squint_copy_shape& s, size_t size) {
  std::vector<int8_t> y(size, -1);
  for (int32_t a = 0; a < s.size_0; ++a)
    for (int32_t b = 0; b < s.size_1; ++b)
      for (int32_t c = 0; c < s.size_2; ++c)
        for (int32_t d = 0; d < s.size_3; ++d)
          for (int32_t e = 0; e < s.size_4; ++e)
            for (int32_t r = 0; r < s.run; ++r) {
              const int32_t from = s.x_start + a * s.x_0 + b * s.x_1 +
                                   c * s.x_2 + d * s.x_3 + e * s.x_4 + r;
              const int32_t to = s.y_start + a * s.y_0 + b * s.y_1 + c * s.y_2 +
                                 d * s.y_3 + e * s.y_4 + r;
              y[static_cast<size_t>(to)] = static_cast<int8_t>(from);
            }
  return y;
}

TEST(NestOf, FindsTheLoopsOfRegularMoves) {
  const std::vector<std::vector<int64_t>> cases = {
      {0},
      {5, 6, 7, 8},                  // one run
      {3, 2, 1, 0},                  // backwards
      {0, 2, 1, 3},                  // a turned square
      {0, 0, 0, 1, 1, 1},            // repeated
      {0, 1, 4, 5, 0, 1, 4, 5},      // repeated as a whole
      {2, 3, 6, 7, 10, 11, 14, 15},  // columns
      {7, 7, 7, 7}};
  for (const auto& from : cases) {
    const auto nest = NestOf(Moves(from));
    ASSERT_TRUE(nest.has_value());
    const std::vector<int8_t> expected(from.begin(), from.end());
    EXPECT_EQ(Copied(*nest, from.size()), expected);
  }
}

TEST(NestOf, CopiesNeighboursAtOnce) {
  EXPECT_EQ(NestOf(Moves({5, 6, 7, 8}))->run, 4);
  EXPECT_EQ(NestOf(Moves({2, 3, 6, 7}))->run, 2);
}

TEST(NestOf, GivesUpWhereNoLoopsSayIt) {
  EXPECT_FALSE(NestOf(Moves({0, 1, 3, 2, 7})).has_value());
  EXPECT_FALSE(NestOf({}).has_value());
}

}  // namespace
}  // namespace squint
