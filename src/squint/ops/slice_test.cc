#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "squint/base/error.h"
#include "squint/ops/dim_content.h"
#include "squint/ops/op_upgrade_testing.h"

namespace squint {

std::vector<OpExample> Examples_slice() {
  const auto slice = [](const char* what, Dims in, std::vector<int64_t> starts,
                        std::vector<int64_t> ends, std::vector<int64_t> axes,
                        std::vector<int64_t> steps) {
    const auto n = static_cast<int64_t>(starts.size());
    return OpExample("Slice", what)
        .In(Ramp(std::move(in)))
        .Const(Ints({n}, starts))
        .Const(Ints({n}, ends))
        .Const(Ints({n}, axes))
        .Const(Ints({n}, steps));
  };
  return {
      slice("middle", {2, 6}, {1}, {5}, {1}, {2}),
      slice("backwards", {2, 6}, {-1}, {INT64_MIN}, {-1}, {-1}),
      slice("two axes", {2, 6, 5}, {1, -2}, {INT64_MAX, -1}, {1, 2}, {3, 1}),
      slice("nothing", {2, 6}, {4}, {2}, {1}, {1}),
      OpExample("Slice", "leading axes")
          .In(Ramp({3, 4}))
          .Const(Ints({2}, {0, 1}))
          .Const(Ints({2}, {2, 3}))
          .FixedSizes(),
  };
}

namespace {

using testing::ElementsAre;

std::vector<float> SliceTen(int64_t start, int64_t end, int64_t step) {
  return FloatsOf(OpExample("Slice", "")
                      .In(Floats({10}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}))
                      .Const(Ints({1}, {start}))
                      .Const(Ints({1}, {end}))
                      .Const(Ints({1}, {0}))
                      .Const(Ints({1}, {step})));
}

TEST(Slice, StartAndEndAreThoseOfNumpy) {
  EXPECT_THAT(SliceTen(2, 5, 1), ElementsAre(2, 3, 4));
  EXPECT_THAT(SliceTen(-3, 100, 1), ElementsAre(7, 8, 9));
  EXPECT_THAT(SliceTen(-100, 2, 1), ElementsAre(0, 1));
  EXPECT_THAT(SliceTen(0, 10, 4), ElementsAre(0, 4, 8));
  EXPECT_THAT(SliceTen(10, 20, 1), ElementsAre());
  EXPECT_THAT(SliceTen(0, 10, INT64_MAX), ElementsAre(0));
}

TEST(Slice, NegativeStepsWalkBackwards) {
  EXPECT_THAT(SliceTen(8, 2, -3), ElementsAre(8, 5));
  EXPECT_THAT(SliceTen(100, 7, -1), ElementsAre(9, 8));
  EXPECT_THAT(SliceTen(2, -100, -1), ElementsAre(2, 1, 0));
  EXPECT_THAT(SliceTen(-9, INT64_MIN, -1), ElementsAre(1, 0));
  EXPECT_THAT(SliceTen(0, 0, -1), ElementsAre());
  // A start before the first element is the first one, unlike in numpy.
  EXPECT_THAT(SliceTen(-100, -200, -1), ElementsAre(0));
  EXPECT_THAT(SliceTen(100, -11, -3), ElementsAre(9, 6, 3, 0));
  EXPECT_THAT(SliceTen(-1, INT64_MIN, INT64_MIN), ElementsAre(9));
}

TEST(Slice, AStepOfZeroIsAnError) { EXPECT_THROW(SliceTen(0, 1, 0), Error); }

std::string Inferred(const Dim& dim, std::vector<int64_t> start_end_step) {
  Graph graph;
  const ValueId x = graph.AddInput("x", DType::kFloat32, Shape({dim}));
  std::vector<ValueId> inputs = {x};
  for (size_t i = 0; i < 2; ++i) {
    inputs.push_back(graph.AddConstant("c", Ints({1}, {start_end_step[i]})));
  }
  inputs.push_back(graph.AddConstant("axes", Ints({1}, {0})));
  inputs.push_back(graph.AddConstant("steps", Ints({1}, {start_end_step[2]})));
  graph.AddOutput(graph.Emit("Slice", inputs, "y"));
  InferShapes(graph);
  return graph.value(graph.outputs()[0]).shape.ToString();
}

TEST(Slice, SymbolicSizesAreKept) {
  const Dim t = Dim::Symbol("T");
  EXPECT_EQ(Inferred(t, {0, INT64_MAX, 1}), "[T]");
  EXPECT_EQ(Inferred(t, {1, INT64_MAX, 1}), "[T-1]");
  EXPECT_EQ(Inferred(t, {0, -1, 1}), "[T-1]");
  EXPECT_EQ(Inferred(t, {0, 1, 1}), "[1]");
  EXPECT_EQ(Inferred(t * Dim(2), {0, INT64_MAX, 2}), "[T]");
  EXPECT_EQ(Inferred(t, {-1, INT64_MIN, -1}), "[T]");
  EXPECT_EQ(Inferred(Dim::Unknown(), {0, 3, 1}), "[?]");
}

TEST(Slice, ContentsOfShapesAreCut) {
  Graph graph;
  const ValueId x = graph.AddInput(
      "x", DType::kFloat32, Shape({Dim::Symbol("N"), 3, Dim::Symbol("H"), 5}));
  const ValueId shape = graph.Emit("Shape", {x}, "shape");
  const ValueId two = graph.AddConstant("two", Ints({1}, {2}));
  const ValueId end = graph.AddConstant("end", Ints({1}, {INT64_MAX}));
  const ValueId tail = graph.Emit("Slice", {shape, two, end}, "tail");
  graph.AddOutput(tail);
  const InferResult result = InferShapes(graph);
  EXPECT_EQ(Shape(result.dim_tensors.at(tail).elements).ToString(), "[H,5]");
}

TEST(Slice, AttributesOfOpset9BecomeInputs) {
  const OpExample old = OpExample("Slice", "")
                            .In(Floats({2, 3}, {1, 2, 3, 4, 5, 6}))
                            .Set("starts", std::vector<int64_t>{1})
                            .Set("ends", std::vector<int64_t>{3})
                            .Set("axes", std::vector<int64_t>{1});
  EXPECT_THAT(RunUpgraded(old, 9).ToFloats(), ElementsAre(2, 3, 5, 6));
  const OpExample no_axes = OpExample("Slice", "")
                                .In(Floats({3}, {1, 2, 3}))
                                .Set("starts", std::vector<int64_t>{1})
                                .Set("ends", std::vector<int64_t>{3});
  EXPECT_THAT(RunUpgraded(no_axes, 7).ToFloats(), ElementsAre(2, 3));
}

}  // namespace
}  // namespace squint
