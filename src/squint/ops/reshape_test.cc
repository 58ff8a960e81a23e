#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "squint/base/error.h"
#include "squint/ops/infer.h"
#include "squint/ops/op_upgrade_testing.h"

namespace squint {

std::vector<OpExample> Examples_reshape() {
  return {
      OpExample("Reshape", "copy and deduce")
          .In(Ramp({2, 3, 4}))
          .Const(Ints({2}, {0, -1})),
      OpExample("Reshape", "to a scalar")
          .In(Ramp({1, 1}))
          .Const(Ints({0}, {}))
          .FixedSizes(),
      OpExample("Reshape", "nothing with allowzero")
          .In(Ramp({2, 0}))
          .Const(Ints({3}, {0, 4, 2}))
          .Set("allowzero", int64_t{1})
          .FixedSizes(),
      OpExample("Flatten", "in the middle")
          .In(Ramp({2, 3, 4}))
          .Set("axis", int64_t{2}),
      OpExample("Flatten", "axis equal to the rank")
          .In(Ramp({2, 3}))
          .Set("axis", int64_t{2}),
      OpExample("Flatten", "negative axis")
          .In(Ramp({2, 3, 4}))
          .Set("axis", int64_t{-1}),
      OpExample("Squeeze", "one axis")
          .In(Ramp({2, 1, 3}))
          .Const(Ints({1}, {-2})),
      OpExample("Squeeze", "every one").In(Ramp({2, 1, 3, 1})).FixedSizes(),
      OpExample("Unsqueeze", "ends").In(Ramp({2, 3})).Const(Ints({2}, {-1, 0})),
      OpExample("Identity", "").In(Ramp({2, 3})),
      OpExample("Dropout", "with mask").In(Ramp({2, 3})).Outputs(2),
      OpExample("Dropout", "training")
          .In(Ramp({2, 3}))
          .Const(Tensor::Scalar<float>(0.25f))
          .Const(Tensor::Scalar<bool>(true))
          .Outputs(2),
  };
}

namespace {

Shape InferredShape(const OpExample& example, const Shape& in) {
  Graph graph = GraphOf(example);
  graph.value(graph.inputs()[0]).shape = in;
  InferShapes(graph);
  return graph.value(graph.outputs()[0]).shape;
}

OpExample ReshapeTo(std::vector<int64_t> wanted) {
  const auto count = static_cast<int64_t>(wanted.size());
  return OpExample("Reshape", "").In(Ramp({1})).Const(Ints({count}, wanted));
}

TEST(Reshape, DeducesWithASymbolicBatch) {
  const Dim n = Dim::Symbol("N");
  EXPECT_EQ(InferredShape(ReshapeTo({-1, 12}), Shape({n, 3, 4})).ToString(),
            "[N,12]");
  EXPECT_EQ(InferredShape(ReshapeTo({0, 2, -1}), Shape({n, 3, 4})).ToString(),
            "[N,2,6]");
  EXPECT_EQ(InferredShape(ReshapeTo({1, -1}), Shape({n, 3, 4})).ToString(),
            "[1,12*N]");
}

TEST(Reshape, ACopiedUnknownDimensionCancels) {
  EXPECT_EQ(InferredShape(ReshapeTo({0, -1}), Shape({Dim::Unknown(), 3, 4}))
                .ToString(),
            "[?,12]");
}

TEST(Reshape, RefusesAnotherCount) {
  EXPECT_THROW(InferredShape(ReshapeTo({5}), Shape::Of({2, 3})), Error);
  EXPECT_THROW(InferredShape(ReshapeTo({-1, -1}), Shape::Of({2, 3})), Error);
  EXPECT_THROW(InferredShape(ReshapeTo({6, 0}), Shape::Of({6})), Error);
  EXPECT_THROW(
      RunExample(
          OpExample("Reshape", "").In(Ramp({7})).Const(Ints({2}, {2, -1}))),
      Error);
}

TEST(Reshape, ComputedShapeStillTellsTheRank) {
  Graph graph;
  const ValueId x = graph.AddInput("x", DType::kFloat32, Shape());
  const ValueId s = graph.AddInput("s", DType::kInt64, Shape::Of({3}));
  const ValueId y = graph.Emit("Reshape", {x, s}, "y");
  graph.AddOutput(y);
  InferShapes(graph);
  EXPECT_EQ(graph.value(y).shape.ToString(), "[?,?,?]");
}

// PyTorch's x.view(x.size(0), -1, 8): Shape, Gather, Unsqueeze, Concat.
TEST(Reshape, ShapeArithmeticResolvesWithSymbols) {
  Graph graph;
  const ValueId x = graph.AddInput(
      "x", DType::kFloat32, Shape({Dim::Symbol("N"), Dim::Symbol("T"), 32}));
  const auto ints = [&](std::vector<int64_t> v) {
    return graph.AddConstant("c", Ints({static_cast<int64_t>(v.size())}, v));
  };
  const ValueId shape = graph.Emit("Shape", {x}, "shape");
  const ValueId zero = graph.AddConstant("zero", Ints({}, {0}));
  const ValueId one = graph.AddConstant("one", Ints({}, {1}));
  const ValueId n = graph.Emit("Gather", {shape, zero}, "n");
  const ValueId t = graph.Emit("Gather", {shape, one}, "t");
  const ValueId n1 = graph.Emit("Unsqueeze", {n, ints({0})}, "n1");
  const ValueId t1 = graph.Emit("Unsqueeze", {t, ints({0})}, "t1");
  const ValueId to = graph.Emit("Concat", {n1, t1, ints({4, -1})}, "to",
                                {{"axis", int64_t{0}}});
  const ValueId y = graph.Emit("Reshape", {x, to}, "y");
  graph.AddOutput(y);
  InferShapes(graph);
  EXPECT_EQ(graph.value(y).shape.ToString(), "[N,T,4,8]");
}

TEST(Squeeze, OfASymbolHasNoKnownRank) {
  Graph graph = GraphOf(OpExample("Squeeze", "").In(Ramp({2, 1, 3})), true);
  InferShapes(graph);
  EXPECT_FALSE(graph.value(graph.outputs()[0]).shape.has_rank());
}

TEST(Squeeze, RefusesADimensionThatIsNotOne) {
  EXPECT_THROW(
      RunExample(
          OpExample("Squeeze", "").In(Ramp({2, 3})).Const(Ints({1}, {0}))),
      Error);
}

TEST(Squeeze, AxesOfOpset11BecomeAnInput) {
  const OpExample old = OpExample("Squeeze", "")
                            .In(Ramp({1, 2, 1}))
                            .Set("axes", std::vector<int64_t>{2});
  EXPECT_EQ(RunUpgraded(old, 11).dims(), (Dims{1, 2}));
  const OpExample unsqueeze = OpExample("Unsqueeze", "")
                                  .In(Ramp({2}))
                                  .Set("axes", std::vector<int64_t>{0, 2});
  EXPECT_EQ(RunUpgraded(unsqueeze, 12).dims(), (Dims{1, 2, 1}));
}

TEST(Unsqueeze, RefusesTheSameAxisTwice) {
  EXPECT_THROW(
      RunExample(
          OpExample("Unsqueeze", "").In(Ramp({2})).Const(Ints({2}, {0, -3}))),
      Error);
}

TEST(Dropout, RatioOfOpset10BecomesAnInputWithoutEffect) {
  const OpExample old =
      OpExample("Dropout", "").In(Floats({2}, {1, 2})).Set("ratio", 0.9f);
  EXPECT_THAT(RunUpgraded(old, 10).ToFloats(), testing::ElementsAre(1, 2));
}

// numpy.random.seed(0) and uniform(): 0.549, 0.715, 0.603, 0.545.
TEST(Dropout, DrawsTheNumbersOfTheOnnxReference) {
  const OpExample example = OpExample("Dropout", "training")
                                .In(Floats({4}, {1, 2, 3, 4}))
                                .Const(Tensor::Scalar<float>(0.6f))
                                .Const(Tensor::Scalar<bool>(true))
                                .Set("seed", int64_t{0})
                                .Outputs(2);
  const std::vector<Tensor> results = RunExample(example);
  EXPECT_THAT(
      results[0].ToFloats(),
      testing::ElementsAre(0, testing::FloatEq(5), testing::FloatEq(7.5f), 0));
  EXPECT_THAT(results[1].ToInts(), testing::ElementsAre(0, 1, 1, 0));
}

}  // namespace
}  // namespace squint
