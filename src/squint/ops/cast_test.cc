#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "squint/ops/infer.h"
#include "squint/ops/op_examples.h"

namespace squint {

namespace {
OpExample CastTo(DType dtype, Tensor x) {
  return OpExample("Cast", std::string(DTypeName(dtype)))
      .In(std::move(x))
      .Set("to", static_cast<int64_t>(dtype));
}
}  // namespace

std::vector<OpExample> Examples_cast() {
  return {CastTo(DType::kInt64, Floats({2}, {-1.5f, 2.5f})),
          CastTo(DType::kFloat16, Ramp({2, 3})),
          CastTo(DType::kFloat32, Ints({2}, {1, -7})),
          CastTo(DType::kBool, Floats({3}, {0, -1, 0.5f})),
          OpExample("CastLike", "int8 as float16")
              .In(Ints({2}, {-3, 4}).CastTo(DType::kInt8))
              .Const(Floats({}, {0}).CastTo(DType::kFloat16))};
}

namespace {

using testing::ElementsAre;

TEST(Cast, FloatsAreCutTowardZero) {
  EXPECT_THAT(RunExample(CastTo(DType::kInt32,
                                Floats({4}, {-1.9f, 1.9f, 0.0f, 7.0f})))[0]
                  .ToInts(),
              ElementsAre(-1, 1, 0, 7));
}

TEST(Cast, AnythingButZeroIsTrue) {
  EXPECT_THAT(
      RunExample(CastTo(DType::kBool, Floats({3}, {0, -1, 0.5f})))[0].ToInts(),
      ElementsAre(0, 1, 1));
}

TEST(Cast, ShapeArithmeticPassesThrough) {
  Graph graph;
  const ValueId x =
      graph.AddInput("x", DType::kFloat32, Shape({Dim::Symbol("N"), 3}));
  const ValueId shape = graph.Emit("Shape", {x}, "shape");
  const ValueId y = graph.Emit("Cast", {shape}, "y",
                               {{"to", static_cast<int64_t>(DType::kInt32)}});
  graph.AddOutput(y);
  const InferResult result = InferShapes(graph);
  EXPECT_EQ(Shape(result.dim_tensors.at(y).elements).ToString(), "[N,3]");
  EXPECT_EQ(graph.value(y).dtype, DType::kInt32);
}

TEST(CastLike, TakesTheTypeOfTheOtherTensor) {
  const Tensor y = RunExample(OpExample("CastLike", "")
                                  .In(Floats({2}, {-1.5f, 2.5f}))
                                  .In(Ints({3}, {0, 0, 0})))[0];
  EXPECT_EQ(y.dtype(), DType::kInt64);
  EXPECT_THAT(y.ToInts(), ElementsAre(-1, 2));
}

}  // namespace
}  // namespace squint
