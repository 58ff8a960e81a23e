#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "squint/ops/infer.h"
#include "squint/ops/interpreter.h"
#include "squint/ops/op_examples.h"

namespace squint {

using List = std::vector<int64_t>;

std::vector<OpExample> Examples_conv_transpose() {
  return {
      OpExample("ConvTranspose", "3x3, strided, padded, bias")
          .In(Ramp({2, 3, 4, 3}))
          .Const(Ramp({3, 2, 3, 3}, -1, 1, 2))
          .Const(Ramp({2}, -1, 1, 3))
          .Set("strides", List{2, 1})
          .Set("pads", List{1, 0, 1, 2})
          .Set("output_padding", List{1, 0}),
      OpExample("ConvTranspose", "groups, dilated")
          .In(Ramp({1, 4, 3, 3}))
          .Const(Ramp({4, 3, 2, 2}, -1, 1, 2))
          .Const(Ramp({6}, -1, 1, 3))
          .Set("group", int64_t{2})
          .Set("dilations", List{2, 1}),
      OpExample("ConvTranspose", "SAME_UPPER")
          .In(Ramp({1, 2, 3, 4}))
          .Const(Ramp({2, 2, 4, 3}, -1, 1, 2))
          .Set("strides", List{3, 2})
          .Set("auto_pad", std::string("SAME_UPPER")),
      OpExample("ConvTranspose", "SAME_LOWER")
          .In(Ramp({1, 2, 3, 4}))
          .Const(Ramp({2, 2, 4, 3}, -1, 1, 2))
          .Set("strides", List{3, 2})
          .Set("auto_pad", std::string("SAME_LOWER")),
      OpExample("ConvTranspose", "given output size")
          .In(Ramp({1, 2, 3, 4}))
          .Const(Ramp({2, 2, 4, 4}, -1, 1, 2))
          .Set("strides", List{2, 2})
          .Set("output_shape", List{7, 9}),
      OpExample("ConvTranspose", "one spatial axis")
          .In(Ramp({2, 2, 5}))
          .Const(Ramp({2, 3, 4}, -1, 1, 2))
          .Set("strides", List{3}),
  };
}

namespace {

using testing::ElementsAre;

OpExample Line(std::vector<float> x, std::vector<float> kernel) {
  const auto in = static_cast<int64_t>(x.size());
  const auto taps = static_cast<int64_t>(kernel.size());
  return OpExample("ConvTranspose", "line")
      .In(Floats({1, 1, in}, std::move(x)))
      .Const(Floats({1, 1, taps}, std::move(kernel)));
}

TEST(ConvTranspose, AddsTheKernelForEveryInput) {
  EXPECT_THAT(FloatsOf(Line({1, 10}, {1, 2, 3})), ElementsAre(1, 12, 23, 30));
}

TEST(ConvTranspose, StridesSpreadTheInputs) {
  EXPECT_THAT(FloatsOf(Line({1, 10}, {1, 2}).Set("strides", List{3})),
              ElementsAre(1, 2, 0, 10, 20));
}

TEST(ConvTranspose, PadsCutTheResultAndOutputPaddingExtendsIt) {
  EXPECT_THAT(FloatsOf(Line({1, 10}, {1, 2, 3}).Set("pads", List{1, 0})),
              ElementsAre(12, 23, 30));
  EXPECT_THAT(FloatsOf(Line({1, 10}, {1, 2})
                           .Set("strides", List{2})
                           .Set("pads", List{0, 1})
                           .Set("output_padding", List{1})),
              ElementsAre(1, 2, 10, 20));
}

TEST(ConvTranspose, SameEndsWithTheLastTap) {
  const auto same = [](std::vector<float> kernel) {
    return FloatsOf(Line({1, 10}, std::move(kernel))
                        .Set("strides", List{3})
                        .Set("auto_pad", std::string("SAME_UPPER")));
  };
  EXPECT_THAT(same({1, 2, 3}), ElementsAre(1, 2, 3, 10, 20, 30));
  EXPECT_THAT(same({1, 2}), ElementsAre(1, 2, 0, 10, 20));
}

TEST(ConvTranspose, GroupsStayApart) {
  const OpExample example = OpExample("ConvTranspose", "groups")
                                .In(Floats({1, 2, 1}, {2, 3}))
                                .Const(Floats({2, 2, 1}, {1, 10, 100, 1000}))
                                .Set("group", int64_t{2});
  EXPECT_THAT(FloatsOf(example), ElementsAre(2, 20, 300, 3000));
}

TEST(ConvTranspose, RejectsWhatDoesNotFit) {
  const auto infer = [](const OpExample& example) {
    Graph graph = GraphOf(example);
    InferShapes(graph);
  };
  EXPECT_THROW(infer(Line({1, 2}, {1}).Set("pads", List{1, 1})), Error);
  EXPECT_THROW(infer(Line({1, 2}, {1}).Set("output_padding", List{1, 1})),
               Error);
  EXPECT_THROW(infer(OpExample("ConvTranspose", "channels")
                         .In(Ramp({1, 3, 4}))
                         .Const(Ramp({2, 1, 2}))),
               Error);
}

}  // namespace
}  // namespace squint
