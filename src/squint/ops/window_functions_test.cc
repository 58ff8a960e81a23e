#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "squint/base/error.h"
#include "squint/ops/op_examples.h"

namespace squint {
namespace {

OpExample Window(const char* kind, int64_t size, int64_t periodic) {
  return OpExample(kind, periodic ? "periodic" : "symmetric")
      .Const(Tensor::Scalar<int64_t>(size))
      .Set("periodic", periodic);
}

OpExample Mel(int64_t bands, int64_t length, float low, float high) {
  return OpExample("MelWeightMatrix", "")
      .Const(Tensor::Scalar<int64_t>(bands))
      .Const(Tensor::Scalar<int64_t>(length))
      .Const(Tensor::Scalar<int64_t>(8000))
      .Const(Tensor::Scalar<float>(low))
      .Const(Tensor::Scalar<float>(high));
}

}  // namespace

std::vector<OpExample> Examples_window_functions() {
  return {Window("HannWindow", 6, 1), Window("HammingWindow", 5, 0),
          Window("BlackmanWindow", 7, 1).Set("output_datatype", int64_t{11}),
          Mel(3, 16, 0, 4000)};
}

namespace {

using testing::ElementsAre;
using testing::FloatNear;
using testing::Pointwise;

auto Near(const std::vector<float>& expected) {
  return Pointwise(FloatNear(1e-6f), expected);
}

TEST(Window, PeriodicOnesLackTheirLastElement) {
  EXPECT_THAT(FloatsOf(Window("HannWindow", 4, 1)), Near({0, 0.5f, 1, 0.5f}));
  EXPECT_THAT(FloatsOf(Window("HannWindow", 5, 0)),
              Near({0, 0.5f, 1, 0.5f, 0}));
}

TEST(Window, HammingEndsAboveZeroAndBlackmanAtZero) {
  EXPECT_THAT(FloatsOf(Window("HammingWindow", 3, 0)),
              Near({4 / 46.0f, 1, 4 / 46.0f}));
  EXPECT_THAT(FloatsOf(Window("BlackmanWindow", 3, 0)), Near({0, 1, 0}));
}

TEST(Window, OfOneElementIsFinite) {
  EXPECT_THAT(FloatsOf(Window("HannWindow", 1, 0)), ElementsAre(0));
}

TEST(Window, ANegativeSizeOrTypeIsAnError) {
  EXPECT_THROW(RunExample(Window("HannWindow", -1, 0)), Error);
  EXPECT_THROW(RunExample(Window("HannWindow", 3, 0)
                              .Set("output_datatype", int64_t{8})),  // string
               Error);
}

TEST(MelWeightMatrix, BandsAreTrianglesOfHeightOne) {
  // 8 kHz, bins of 500 Hz; three bands between 0 and 4 kHz have their edges
  // at bins 0, 0, 2, 4 and 6 of (17 / 8000) times their frequencies.
  const std::vector<float> matrix = FloatsOf(Mel(3, 16, 0, 4000));
  ASSERT_EQ(matrix.size(), 27u);
  float largest = 0;
  for (int band = 0; band < 3; ++band) {
    largest = 0;
    for (int bin = 0; bin < 9; ++bin) {
      largest = std::max(largest, matrix[static_cast<size_t>(bin * 3 + band)]);
    }
    EXPECT_EQ(largest, 1) << band;
  }
}

TEST(MelWeightMatrix, ABandBeyondTheSpectrumIsAnError) {
  EXPECT_THROW(RunExample(Mel(3, 16, 0, 9000)), Error);
}

}  // namespace
}  // namespace squint
