#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "squint/base/error.h"
#include "squint/ops/infer.h"
#include "squint/ops/op_examples.h"

namespace squint {

namespace {

Tensor Bools(std::vector<int64_t> values) {
  const auto count = static_cast<int64_t>(values.size());
  return Ints({count}, std::move(values)).CastTo(DType::kBool);
}

}  // namespace

std::vector<OpExample> Examples_data_dependent() {
  return {
      OpExample("Compress", "columns")
          .In(Ramp({2, 3}))
          .Const(Bools({1, 0, 1}))
          .Set("axis", int64_t{-1})
          .DataDependent(),
      OpExample("Compress", "flat")
          .In(Ramp({2, 3}))
          .Const(Bools({0, 1, 0, 0, 1}))
          .DataDependent(),
      OpExample("NonZero", "").In(Ints({2, 2}, {1, 0, 1, 1})).DataDependent(),
      OpExample("Unique", "flat")
          .In(Floats({2, 3}, {2, 1, 1, 3, 4, 3}))
          .Outputs(4)
          .DataDependent(),
      OpExample("Unique", "rows")
          .In(Floats({3, 2}, {1, 0, 1, 0, 0, 3}))
          .Set("axis", int64_t{0})
          .Outputs(4)
          .DataDependent(),
  };
}

namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

TEST(Compress, PicksSlicesOrElements) {
  const Tensor x = Floats({3, 2}, {1, 2, 3, 4, 5, 6});
  const Tensor rows = RunExample(OpExample("Compress", "")
                                     .In(x)
                                     .In(Bools({0, 1, 1}))
                                     .Set("axis", int64_t{0}))[0];
  EXPECT_THAT(rows.dims(), ElementsAre(2, 2));
  EXPECT_THAT(rows.ToFloats(), ElementsAre(3, 4, 5, 6));
  EXPECT_THAT(FloatsOf(OpExample("Compress", "").In(x).In(Bools({0, 1, 0, 1}))),
              ElementsAre(2, 4));
}

TEST(Compress, RefusesToPickWhatIsNotThere) {
  const auto columns = [](std::vector<int64_t> condition, int64_t axis) {
    return OpExample("Compress", "")
        .In(Ramp({3, 2}))
        .In(Bools(std::move(condition)))
        .Set("axis", axis);
  };
  EXPECT_THAT(
      [&] {
        RunExample(columns({0, 0, 1}, 1));
      },
      ThrowsMessage<Error>(HasSubstr("picks number 2 of 2")));
  EXPECT_NO_THROW(RunExample(columns({1, 0, 0}, 1)));
  EXPECT_THROW(RunExample(columns({1}, 2)), Error);
}

TEST(NonZero, ListsPlacesInRowMajorOrder) {
  const Tensor y = RunExample(
      OpExample("NonZero", "").In(Floats({2, 2}, {1, 0, NAN, -1})))[0];
  EXPECT_THAT(y.dims(), ElementsAre(2, 3));
  EXPECT_THAT(y.ToInts(), ElementsAre(0, 1, 1, 0, 0, 1));
}

TEST(NonZero, AScalarHasNoAxesToCount) {
  EXPECT_THAT(
      RunExample(OpExample("NonZero", "").In(Floats({}, {5})))[0].dims(),
      ElementsAre(0, 1));
}

TEST(NonZero, ItsShapeIsUnknownButForTheRank) {
  Graph graph = GraphOf(OpExample("NonZero", "").In(Ramp({2, 3, 4})));
  InferShapes(graph);
  EXPECT_EQ(graph.value(graph.outputs()[0]).shape.ToString(), "[3,?]");
}

std::vector<Tensor> Unique(const Tensor& x, int64_t sorted) {
  return RunExample(
      OpExample("Unique", "").In(x).Set("sorted", sorted).Outputs(4));
}

TEST(Unique, SortedOrInTheOrderOfFirstOccurrence) {
  const Tensor x = Ints({6}, {2, 1, 1, 3, 4, 3});
  const std::vector<Tensor> sorted = Unique(x, 1);
  EXPECT_THAT(sorted[0].ToInts(), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(sorted[1].ToInts(), ElementsAre(1, 0, 3, 4));
  EXPECT_THAT(sorted[2].ToInts(), ElementsAre(1, 0, 0, 2, 3, 2));
  EXPECT_THAT(sorted[3].ToInts(), ElementsAre(2, 1, 2, 1));
  const std::vector<Tensor> first = Unique(x, 0);
  EXPECT_THAT(first[0].ToInts(), ElementsAre(2, 1, 3, 4));
  EXPECT_THAT(first[1].ToInts(), ElementsAre(0, 1, 3, 4));
  EXPECT_THAT(first[2].ToInts(), ElementsAre(0, 1, 1, 2, 3, 2));
  EXPECT_THAT(first[3].ToInts(), ElementsAre(1, 2, 2, 1));
}

TEST(Unique, NanIsOneValueBehindAllNumbers) {
  const std::vector<Tensor> y = Unique(Floats({4}, {NAN, 1, NAN, 0}), 1);
  EXPECT_THAT(y[1].ToInts(), ElementsAre(3, 1, 0));
  EXPECT_THAT(y[3].ToInts(), ElementsAre(1, 1, 2));
}

TEST(Unique, ComparesSlicesAlongAnAxis) {
  // Columns (1, 1), (0, 0), (1, 1).
  const std::vector<Tensor> y =
      RunExample(OpExample("Unique", "")
                     .In(Ints({2, 3}, {1, 0, 1, 1, 0, 1}))
                     .Set("axis", int64_t{-1})
                     .Outputs(4));
  EXPECT_THAT(y[0].dims(), ElementsAre(2, 2));
  EXPECT_THAT(y[0].ToInts(), ElementsAre(0, 1, 0, 1));
  EXPECT_THAT(y[2].ToInts(), ElementsAre(1, 0, 1));
}

}  // namespace
}  // namespace squint
