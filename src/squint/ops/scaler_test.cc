#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "squint/base/error.h"
#include "squint/ops/op_examples.h"

namespace squint {
namespace {

OpExample Scaler(Tensor x, std::vector<float> offset,
                 std::vector<float> scale) {
  return OpExample("Scaler", "", "ai.onnx.ml")
      .In(std::move(x))
      .Set("offset", std::move(offset))
      .Set("scale", std::move(scale));
}

}  // namespace

std::vector<OpExample> Examples_scaler() {
  return {Scaler(Ramp({3, 2}), {1, 2}, {0.5f, 2})};
}

namespace {

using testing::ElementsAre;

TEST(Scaler, ShiftsAndScalesEachFeature) {
  EXPECT_THAT(FloatsOf(Scaler(Floats({2, 2}, {1, 2, 3, 4}), {1, 2}, {10, 1})),
              ElementsAre(0, 0, 20, 2));
}

TEST(Scaler, OneNumberServesAllFeaturesAndIntegersAreTaken) {
  EXPECT_THAT(FloatsOf(Scaler(Ints({1, 3}, {1, 2, 3}), {1}, {2})),
              ElementsAre(0, 2, 4));
}

TEST(Scaler, AnotherNumberOfFeaturesIsAnError) {
  const auto run = [](Tensor x) {
    return FloatsOf(Scaler(std::move(x), {1, 2}, {1}));
  };
  EXPECT_THROW(run(Ramp({1, 3})), Error);
  EXPECT_THROW(run(Tensor::Scalar<float>(1)), Error);
}

}  // namespace
}  // namespace squint
