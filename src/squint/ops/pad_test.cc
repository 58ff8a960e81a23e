#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "squint/base/error.h"
#include "squint/ops/op_upgrade_testing.h"

namespace squint {

std::vector<OpExample> Examples_pad() {
  return {
      OpExample("Pad", "zeros").In(Ramp({2, 3})).Const(Ints({4}, {0, 1, 0, 2})),
      OpExample("Pad", "a number")
          .In(Ramp({2, 3}))
          .Const(Ints({4}, {0, 1, 0, 0}))
          .Const(Floats({}, {2})),
      OpExample("Pad", "reflect on one axis")
          .In(Ramp({2, 4}))
          .Const(Ints({2}, {2, 3}))
          .Absent()
          .Const(Ints({1}, {-1}))
          .Set("mode", std::string("reflect")),
      OpExample("Pad", "crop")
          .In(Ramp({2, 4, 5}))
          .Const(Ints({6}, {0, -1, 1, 0, -1, -2})),
  };
}

namespace {

using testing::ElementsAre;

std::vector<float> PadThree(const char* mode, int64_t before, int64_t after) {
  return FloatsOf(OpExample("Pad", "")
                      .In(Floats({3}, {1, 2, 3}))
                      .Const(Ints({2}, {before, after}))
                      .Set("mode", std::string(mode)));
}

TEST(Pad, ModesFillDifferently) {
  EXPECT_THAT(PadThree("constant", 1, 2), ElementsAre(0, 1, 2, 3, 0, 0));
  EXPECT_THAT(PadThree("edge", 1, 2), ElementsAre(1, 1, 2, 3, 3, 3));
  EXPECT_THAT(PadThree("reflect", 2, 1), ElementsAre(3, 2, 1, 2, 3, 2));
  EXPECT_THAT(PadThree("wrap", 2, 4), ElementsAre(2, 3, 1, 2, 3, 1, 2, 3, 1));
  EXPECT_THROW(PadThree("mirror", 1, 1), Error);
}

TEST(Pad, NegativeNumbersRemove) {
  EXPECT_THAT(PadThree("constant", -1, 1), ElementsAre(2, 3, 0));
}

TEST(Pad, OnStoredIntegersZeroIsTheZeroPoint) {
  Graph graph =
      GraphOf(OpExample("Pad", "").In(Ramp({2})).Const(Ints({2}, {1, 0})));
  const QuantParams params = PerTensor(DType::kUint8, 0.5f, 77);
  graph.value(graph.inputs()[0]).quant = params;
  graph.value(graph.outputs()[0]).quant = params;
  Tensor stored;
  Interpret(graph, {Floats({2}, {1, -1})},
            {.reading = Reading::kInteger,
             .tap = [&](ValueId, const Tensor& t) { stored = t; },
             .tap_stored = true});
  EXPECT_THAT(stored.ToInts(), ElementsAre(77, 79, 75));
}

TEST(Pad, ANumberOtherThanZeroNeedsItsOwnRange) {
  const Target target;
  const auto rule = [&](const OpExample& example) {
    const Graph graph = GraphOf(example);
    return FindOp("Pad")->quantize(
        {graph, graph.node(graph.order().front()), target});
  };
  const std::vector<OpExample> examples = Examples_pad();
  EXPECT_FALSE(rule(examples[0]).same.empty());
  EXPECT_TRUE(rule(examples[1]).same.empty());
  EXPECT_FALSE(rule(examples[2]).same.empty());
}

TEST(Pad, AttributesOfOpset2BecomeInputs) {
  const OpExample old = OpExample("Pad", "")
                            .In(Floats({1, 2}, {1, 2}))
                            .Set("pads", std::vector<int64_t>{0, 1, 0, 0})
                            .Set("value", 9.0f);
  EXPECT_THAT(RunUpgraded(old, 10).ToFloats(), ElementsAre(9, 1, 2));
}

TEST(Pad, SymbolsGrow) {
  Graph graph = GraphOf(Examples_pad()[0]);
  graph.value(graph.inputs()[0]).shape = Shape({2, Dim::Symbol("W")});
  InferShapes(graph);
  EXPECT_EQ(graph.value(graph.outputs()[0]).shape.ToString(), "[2,W+3]");
}

}  // namespace
}  // namespace squint
