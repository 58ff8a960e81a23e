#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "squint/base/error.h"
#include "squint/ops/op_examples.h"

namespace squint {

std::vector<OpExample> Examples_reverse_sequence() {
  return {
      OpExample("ReverseSequence", "time first")
          .In(Ramp({4, 2, 3}))
          .Const(Ints({2}, {4, 1})),
      OpExample("ReverseSequence", "batch first")
          .In(Ramp({2, 4}))
          .Const(Ints({2}, {0, 3}))
          .Set("time_axis", int64_t{1})
          .Set("batch_axis", int64_t{0}),
  };
}

namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

OpExample Reverse(const Tensor& x, const Tensor& lengths, int64_t time) {
  return OpExample("ReverseSequence", "")
      .In(x)
      .Const(lengths)
      .Set("time_axis", time)
      .Set("batch_axis", 1 - time);
}

TEST(ReverseSequence, TurnsOnlyTheLengthRound) {
  const Tensor x = Ints({2, 3}, {1, 2, 3, 4, 5, 6});
  EXPECT_THAT(RunExample(Reverse(x, Ints({2}, {2, 3}), 1))[0].ToInts(),
              ElementsAre(2, 1, 3, 6, 5, 4));
  EXPECT_THAT(RunExample(Reverse(x, Ints({3}, {2, 1, 0}), 0))[0].ToInts(),
              ElementsAre(4, 2, 3, 1, 5, 6));
}

TEST(ReverseSequence, RefusesLengthsThatDoNotFit) {
  const Tensor x = Ramp({2, 3});
  EXPECT_THAT(
      [&] {
        RunExample(Reverse(x, Ints({2}, {2, 4}), 1));
      },
      ThrowsMessage<Error>(HasSubstr("sequence 1 has length 4 of 3")));
  EXPECT_THROW(RunExample(Reverse(x, Ints({2}, {-1, 1}), 1)), Error);
  EXPECT_THROW(RunExample(Reverse(x, Ints({3}, {1, 1, 1}), 1)), Error);
  EXPECT_THROW(RunExample(Reverse(x, Ints({2}, {1, 1}), 2)), Error);
}

}  // namespace
}  // namespace squint
