#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "squint/base/error.h"
#include "squint/ops/infer.h"
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
  // 17 / 8000 of the frequencies 0, 324, 799, 1494 and 2513 Hz: edges at
  // bins 0, 0, 1, 3 and 5.
  EXPECT_THAT(FloatsOf(Mel(3, 16, 0, 4000)),
              Near({1,    0, 0, 0, 1, 0, 0, 0.5f, 0.5f, 0, 0, 1, 0, 0,
                    0.5f, 0, 0, 0, 0, 0, 0, 0,    0,    0, 0, 0, 0}));
}

TEST(MelWeightMatrix, ABandBeyondTheSpectrumIsAnError) {
  EXPECT_THROW(RunExample(Mel(3, 16, 0, 9000)), Error);
}

TEST(Window, ItsSizeIsOneNumber) {
  Graph graph = GraphOf(OpExample("HannWindow", "").Const(Ints({0}, {})));
  EXPECT_THROW(InferShapes(graph), Error);
}

}  // namespace
}  // namespace squint
