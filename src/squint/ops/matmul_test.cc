#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "squint/ops/infer.h"
#include "squint/ops/interpreter.h"
#include "squint/ops/op_examples.h"

namespace squint {

std::vector<OpExample> Examples_matmul() {
  return {
      OpExample("MatMul", "rows by a weight")
          .In(Ramp({2, 3, 5}))
          .Const(Ramp({5, 4}, -1, 1, 2)),
      OpExample("MatMul", "two batches")
          .In(Ramp({2, 3, 2, 5}))
          .In(Ramp({2, 3, 5, 4}, -1, 1, 2)),
      OpExample("MatMul", "broadcast batches")
          .In(Ramp({2, 1, 2, 3}))
          .Const(Ramp({4, 3, 2}, -1, 1, 2)),
      OpExample("MatMul", "matrix by vector")
          .In(Ramp({3, 4}))
          .Const(Ramp({4}, -1, 1, 2)),
      OpExample("MatMul", "vector by stack")
          .In(Ramp({4}))
          .Const(Ramp({2, 4, 3}, -1, 1, 2))
          .FixedSizes(),
      OpExample("MatMul", "vector by vector")
          .In(Ramp({6}))
          .Const(Ramp({6}, -1, 1, 2))
          .FixedSizes(),
      OpExample("MatMul", "constant on the left")
          .Const(Ramp({2, 3}, -1, 1, 2))
          .In(Ramp({4, 3, 5})),
  };
}

namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<float> Product(Tensor a, Tensor b) {
  return FloatsOf(OpExample("MatMul", "").In(std::move(a)).In(std::move(b)));
}

std::string ShapeOf(Shape a, Shape b) {
  Graph graph;
  const ValueId left = graph.AddInput("a", DType::kFloat32, std::move(a));
  const ValueId right = graph.AddInput("b", DType::kFloat32, std::move(b));
  const ValueId y = graph.Emit("MatMul", {left, right}, "y");
  InferShapes(graph);
  return graph.value(y).shape.ToString();
}

TEST(MatMul, MultipliesMatrices) {
  EXPECT_THAT(
      Product(Floats({2, 2}, {1, 2, 3, 4}), Floats({2, 2}, {1, 10, 100, 1000})),
      ElementsAre(201, 2010, 403, 4030));
}

TEST(MatMul, AVectorIsARowOnTheLeftAndAColumnOnTheRight) {
  EXPECT_THAT(Product(Floats({2}, {1, 2}), Floats({2, 2}, {1, 2, 10, 20})),
              ElementsAre(21, 42));
  EXPECT_THAT(Product(Floats({2, 2}, {1, 2, 10, 20}), Floats({2}, {1, 2})),
              ElementsAre(5, 50));
  EXPECT_THAT(Product(Floats({2}, {1, 2}), Floats({2}, {3, 4})),
              ElementsAre(11));
}

TEST(MatMul, BroadcastsTheBatchOfEitherSide) {
  EXPECT_THAT(Product(Floats({2, 1, 1}, {2, 3}), Floats({1, 2}, {1, 10})),
              ElementsAre(2, 20, 3, 30));
  EXPECT_THAT(Product(Floats({1, 1}, {2}), Floats({2, 1, 2}, {1, 2, 3, 4})),
              ElementsAre(2, 4, 6, 8));
  EXPECT_THAT(
      Product(Floats({2, 1, 1, 1}, {1, 10}), Floats({3, 1, 1}, {1, 2, 3})),
      ElementsAre(1, 2, 3, 10, 20, 30));
}

TEST(MatMul, AnEmptyInnerAxisGivesZeros) {
  EXPECT_THAT(Product(Floats({2, 0}, {}), Floats({0, 2}, {})),
              ElementsAre(0, 0, 0, 0));
}

TEST(MatMul, SumsWideTypesInThemselves) {
  const auto product = [](Tensor a, Tensor b) {
    return RunExample(
        OpExample("MatMul", "").In(std::move(a)).In(std::move(b)))[0];
  };
  const int64_t odd = (int64_t{1} << 40) + 1;
  EXPECT_THAT(product(Ints({1}, {odd}), Ints({1}, {3})).ToInts(),
              ElementsAre(3 * odd));
  const Tensor bytes = Tensor::Of<uint8_t>({2}, {200, 1});
  EXPECT_THAT(product(bytes, Tensor::Of<uint8_t>({2}, {2, 3})).ToInts(),
              ElementsAre(403 - 256));
  const double third = 1.0 / 3;
  EXPECT_EQ(
      product(Tensor::Of<double>({1}, {third}), Tensor::Of<double>({1}, {1}))
          .data<double>()[0],
      third);
}

TEST(MatMul, ShapesFollowNumpy) {
  const Dim n = Dim::Symbol("n");
  EXPECT_EQ(ShapeOf(Shape({n, 8, 3}), Shape::Of({3, 4})), "[n,8,4]");
  EXPECT_EQ(ShapeOf(Shape({n, 1, 8, 3}), Shape({5, 3, n})), "[n,5,8,n]");
  EXPECT_EQ(ShapeOf(Shape::Of({3}), Shape::Of({2, 3, 4})), "[2,4]");
  EXPECT_EQ(ShapeOf(Shape::Of({2, 5, 3}), Shape::Of({3})), "[2,5]");
  EXPECT_EQ(ShapeOf(Shape(), Shape::Of({3})), "unranked");
}

TEST(MatMul, RejectsInnerSizesThatDiffer) {
  try {
    ShapeOf(Shape::Of({2, 3}), Shape::Of({2, 3}));
    ADD_FAILURE() << "accepted";
  } catch (const Error& error) {
    EXPECT_THAT(error.message(), HasSubstr("differ: 3 and 2"));
  }
  EXPECT_THROW(ShapeOf(Shape::Of({2, 2, 3}), Shape::Of({3, 3, 1})), Error);
  EXPECT_THROW(ShapeOf(Shape::Of({}), Shape::Of({3})), Error);
}

TEST(MatMulRule, OnlyAConstantMatrixHasAScalePerColumn) {
  const Target target;
  const auto right = [&](const OpExample& example) {
    Graph graph = GraphOf(example);
    InferShapes(graph);
    const Node& node = graph.node(graph.order()[0]);
    return FindOp("MatMul")->quantize({graph, node, target}).inputs[1];
  };
  const std::vector<OpExample> examples = Examples_matmul();
  EXPECT_EQ(right(examples[0]).role, Role::kWeight);
  EXPECT_EQ(right(examples[0]).axis, 1);
  EXPECT_EQ(right(examples[0]).reduce_axis, 0);
  EXPECT_EQ(right(examples[1]).role, Role::kActivation);
  EXPECT_EQ(right(examples[2]).axis, -1);
  EXPECT_EQ(right(examples[2]).reduce_axis, 1);
}

TEST(MatMulInteger8, AFloatOutputIsTheSumTimesItsStep) {
  Graph graph;
  const ValueId a = graph.AddInput("a", DType::kFloat32, Shape::Of({1, 2}));
  graph.value(a).quant = PerTensor(DType::kUint8, 0.5f, 200);
  const ValueId b =
      graph.AddConstant("b", Tensor::Of<int8_t>({2, 2}, {1, 2, 3, -4}));
  const std::array<float, 2> scales = {0.25f, 0.125f};
  graph.value(b).quant = PerChannel(DType::kInt8, 1, scales);
  graph.value(b).dtype = DType::kFloat32;
  graph.AddOutput(graph.Emit("MatMul", {a, b}, "y"));
  // a is (-200, 55) steps after saturation.
  EXPECT_THAT(Interpret(graph, {Floats({1, 2}, {-1000, 1000})},
                        {.reading = Reading::kInteger, .tap = {}})[0]
                  .ToFloats(),
              ElementsAre((-200 + 165) * 0.125f, (-400 - 220) * 0.0625f));
}

// What ONNX Runtime 1.32 computes with QLinearMatMul on the same integers.
TEST(MatMulInteger8, EqualsOnnxRuntime) {
  EXPECT_THAT(
      IntegersOf(Examples_matmul()[0], DType::kUint8),
      ElementsAre(250, 187, 0, 189, 65, 82, 232, 133, 129, 139, 160, 75, 122,
                  254, 150, 165, 175, 177, 175, 153, 25, 114, 8, 175));
}

}  // namespace
}  // namespace squint
