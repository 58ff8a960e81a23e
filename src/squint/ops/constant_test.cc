#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "squint/base/error.h"
#include "squint/ops/infer.h"
#include "squint/ops/op_examples.h"

namespace squint {

std::vector<OpExample> Examples_constant() {
  return {
      OpExample("Constant", "tensor").Set("value", Ramp({2, 3})),
      OpExample("Constant", "ints")
          .Set("value_ints", std::vector<int64_t>{3, 4}),
      OpExample("ConstantOfShape", "default").Const(Ints({2}, {2, 3})),
      OpExample("ConstantOfShape", "int64")
          .Const(Ints({1}, {3}))
          .Set("value", Ints({1}, {7})),
      OpExample("ConstantOfShape", "scalar").Const(Ints({0}, {})),
      OpExample("EyeLike", "above the diagonal")
          .In(Ramp({3, 4}))
          .Set("k", int64_t{1}),
      OpExample("EyeLike", "truth values")
          .In(Ints({2, 2}, {0, 0, 0, 0}))
          .Set("dtype", static_cast<int64_t>(DType::kBool)),
      OpExample("Range", "integers")
          .Const(Ints({}, {1}))
          .Const(Ints({}, {8}))
          .Const(Ints({}, {3})),
      OpExample("Range", "floats downwards")
          .Const(Floats({}, {1}))
          .Const(Floats({}, {-1}))
          .Const(Floats({}, {-0.5f})),
      OpExample("Shape", "part")
          .In(Ramp({2, 3, 4}))
          .Set("start", int64_t{1})
          .Set("end", int64_t{-1}),
      OpExample("Shape", "all").In(Ramp({2, 3, 4})),
      OpExample("Size", "").In(Ramp({2, 3, 4})),
  };
}

namespace {

using testing::ElementsAre;

TEST(Constant, EveryKindOfValueHasItsType) {
  const auto value = [](std::string_view key, Attribute attribute) {
    OpExample example("Constant", "");
    example.attributes.insert_or_assign(std::string(key), std::move(attribute));
    return RunExample(example)[0];
  };
  EXPECT_EQ(value("value_float", 1.5f).ToFloats()[0], 1.5f);
  EXPECT_EQ(value("value_float", 1.5f).rank(), 0);
  EXPECT_EQ(value("value_int", int64_t{5}).dtype(), DType::kInt64);
  EXPECT_THAT(value("value_floats", std::vector<float>{1, 2}).ToFloats(),
              ElementsAre(1, 2));
  EXPECT_THROW(value("value_string", std::string("x")), Error);
}

TEST(Range, ExcludesItsLimit) {
  const auto range = [](int64_t a, int64_t b, int64_t d) {
    return RunExample(OpExample("Range", "")
                          .In(Ints({}, {a}))
                          .In(Ints({}, {b}))
                          .In(Ints({}, {d})))[0]
        .ToInts();
  };
  EXPECT_THAT(range(0, 3, 1), ElementsAre(0, 1, 2));
  EXPECT_THAT(range(5, 0, -2), ElementsAre(5, 3, 1));
  EXPECT_THAT(range(3, 0, 1), ElementsAre());
  EXPECT_THROW(range(0, 3, 0), Error);
}

TEST(Range, ASymbolicLimitIsTheSize) {
  Graph graph;
  const ValueId x =
      graph.AddInput("x", DType::kInt64, Shape({1, Dim::Symbol("T")}));
  const ValueId shape = graph.Emit("Shape", {x}, "shape");
  const ValueId one = graph.AddConstant("one", Ints({}, {1}));
  const ValueId zero = graph.AddConstant("zero", Ints({}, {0}));
  const ValueId t = graph.Emit("Gather", {shape, one}, "t");
  const ValueId y = graph.Emit("Range", {zero, t, one}, "y");
  graph.AddOutput(y);
  InferShapes(graph);
  EXPECT_EQ(graph.value(y).shape.ToString(), "[T]");
  EXPECT_EQ(graph.value(y).dtype, DType::kInt64);
}

TEST(Shape, ClampsStartAndEnd) {
  const auto shape = [](int64_t start, int64_t end) {
    return RunExample(OpExample("Shape", "")
                          .In(Ramp({2, 3, 4}))
                          .Set("start", start)
                          .Set("end", end))[0]
        .ToInts();
  };
  EXPECT_THAT(shape(-1, 10), ElementsAre(4));
  EXPECT_THAT(shape(-10, 1), ElementsAre(2));
  EXPECT_THAT(shape(2, 1), ElementsAre());
}

TEST(Size, IsSymbolic) {
  Graph graph;
  const ValueId x =
      graph.AddInput("x", DType::kFloat32, Shape({Dim::Symbol("N"), 6}));
  const ValueId y = graph.Emit("Size", {x}, "y");
  graph.AddOutput(y);
  const InferResult result = InferShapes(graph);
  EXPECT_TRUE(result.dim_tensors.at(y).scalar);
  EXPECT_EQ(result.dim_tensors.at(y).elements[0].ToString(), "6*N");
}

TEST(ConstantOfShape, FillsElementsOfEveryWidth) {
  for (const DType dtype : {DType::kFloat32, DType::kInt64, DType::kBool,
                            DType::kFloat16, DType::kInt4}) {
    const Tensor y =
        RunExample(OpExample("ConstantOfShape", "")
                       .In(Ints({1}, {3}))
                       .Set("value", Floats({1}, {1}).CastTo(dtype)))[0];
    EXPECT_EQ(y.dtype(), dtype);
    EXPECT_THAT(y.ToFloats(), ElementsAre(1, 1, 1)) << DTypeName(dtype);
  }
}

TEST(Range, AnAbsurdLengthIsAnError) {
  EXPECT_THROW(RunExample(OpExample("Range", "")
                              .In(Floats({}, {0}))
                              .In(Floats({}, {1e30f}))
                              .In(Floats({}, {1}))),
               Error);
}

TEST(ConstantOfShape, RefusesNegativeSizes) {
  EXPECT_THROW(RunExample(OpExample("ConstantOfShape", "").In(Ints({1}, {-1}))),
               Error);
}

TEST(EyeLike, OnesStandOnTheChosenDiagonal) {
  const auto eye = [](Dims dims, int64_t k) {
    return FloatsOf(
        OpExample("EyeLike", "").In(Ramp(std::move(dims))).Set("k", k));
  };
  EXPECT_THAT(eye({2, 3}, 0), ElementsAre(1, 0, 0, 0, 1, 0));
  EXPECT_THAT(eye({2, 3}, 2), ElementsAre(0, 0, 1, 0, 0, 0));
  EXPECT_THAT(eye({3, 2}, -1), ElementsAre(0, 0, 1, 0, 0, 1));
  EXPECT_THAT(eye({1, 2}, INT64_MAX), ElementsAre(0, 0));
  EXPECT_THAT(eye({1, 2}, INT64_MIN), ElementsAre(0, 0));
}

TEST(EyeLike, NeedsAMatrixAndATypeOfNumbers) {
  EXPECT_THROW(RunExample(OpExample("EyeLike", "").In(Ramp({3}))), Error);
  EXPECT_THROW(
      RunExample(
          OpExample("EyeLike", "").In(Ramp({2, 2})).Set("dtype", int64_t{8})),
      Error);
}

}  // namespace
}  // namespace squint
