#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "squint/base/error.h"
#include "squint/ops/fourier_transform.h"
#include "squint/ops/op_examples.h"
#include "squint/ops/op_upgrade_testing.h"

namespace squint {

std::vector<OpExample> Examples_fourier() {
  return {
      OpExample("DFT", "real").In(Ramp({2, 6, 1})),
      OpExample("DFT", "complex, padded, along the first of two axes")
          .In(Ramp({2, 3, 4, 2}))
          .Const(Tensor::Scalar<int64_t>(5))
          .Const(Tensor::Scalar<int64_t>(1)),
      OpExample("DFT", "half a spectrum")
          .In(Ramp({2, 7, 1}))
          .Set("onesided", int64_t{1}),
      OpExample("DFT", "half a spectrum back")
          .In(Ramp({2, 4, 2}))
          .Set("onesided", int64_t{1})
          .Set("inverse", int64_t{1}),
      OpExample("STFT", "windowed")
          .In(Ramp({2, 11, 1}))
          .Const(Tensor::Scalar<int64_t>(3))
          .Const(Ramp({4})),
      OpExample("STFT", "complex, its frame by length")
          .In(Ramp({1, 9, 2}))
          .Const(Tensor::Scalar<int64_t>(2))
          .Absent()
          .Const(Tensor::Scalar<int64_t>(5))
          .Set("onesided", int64_t{0}),
  };
}

namespace {

using testing::ElementsAre;
using testing::FloatNear;
using testing::Pointwise;

auto Near(const std::vector<float>& expected) {
  return Pointwise(FloatNear(1e-6f), expected);
}

// The definition, term by term.
std::vector<Complex> Slow(const std::vector<Complex>& x) {
  std::vector<Complex> y(x.size());
  for (size_t k = 0; k < x.size(); ++k) {
    for (size_t j = 0; j < x.size(); ++j) {
      y[k] += x[j] * std::polar(1.0, -2 * std::numbers::pi *
                                         static_cast<double>(j * k) /
                                         static_cast<double>(x.size()));
    }
  }
  return y;
}

std::vector<Complex> Line(size_t n) {
  std::vector<Complex> line(n);
  for (size_t j = 0; j < n; ++j) {
    const auto t = static_cast<double>(j);
    line[j] = {std::sin(1 + t * t), std::cos(3 * t)};
  }
  return line;
}

TEST(FourierTransform, EqualsItsDefinitionAtEveryLength) {
  for (const size_t n : {1, 2, 3, 4, 5, 7, 8, 12, 63, 64, 65, 400}) {
    std::vector<Complex> line = Line(n);
    const std::vector<Complex> expected = Slow(line);
    FourierTransform(static_cast<int64_t>(n)).Forward(line);
    for (size_t k = 0; k < n; ++k) {
      EXPECT_LT(std::abs(line[k] - expected[k]), 1e-10) << n << ", " << k;
    }
  }
}

TEST(FourierTransform, InverseUndoesForward) {
  for (const size_t n : {1, 6, 16, 100}) {
    std::vector<Complex> line = Line(n);
    const FourierTransform transform(static_cast<int64_t>(n));
    transform.Forward(line);
    transform.Inverse(line);
    for (size_t j = 0; j < n; ++j) {
      EXPECT_LT(std::abs(line[j] - Line(n)[j]), 1e-12) << n << ", " << j;
    }
  }
}

OpExample Dft(Dims dims, std::vector<float> values) {
  return OpExample("DFT", "").In(Floats(std::move(dims), std::move(values)));
}

TEST(Dft, OfASignalOfFour) {
  EXPECT_THAT(FloatsOf(Dft({1, 4, 1}, {1, 2, 3, 4})),
              Near({10, 0, -2, 2, -2, 0, -2, -2}));
}

TEST(Dft, OneSidedForwardAndBackIsTheSignal) {
  const std::vector<float> half =
      FloatsOf(Dft({1, 5, 1}, {3, -1, 4, 1, -5}).Set("onesided", int64_t{1}));
  ASSERT_EQ(half.size(), 6u);
  EXPECT_THAT(FloatsOf(Dft({1, 3, 2}, half)
                           .Const(Tensor::Scalar<int64_t>(5))
                           .Set("onesided", int64_t{1})
                           .Set("inverse", int64_t{1})),
              Near({3, -1, 4, 1, -5}));
}

TEST(Dft, TheAxisWasAnAttributeBeforeOpset20) {
  const OpExample old =
      OpExample("DFT", "").In(Floats({2, 2, 1}, {1, 2, 3, 4}));
  EXPECT_THAT(RunUpgraded(old, 17).ToFloats(),  // axis 1
              ElementsAre(3, 0, -1, 0, 7, 0, -1, 0));
  EXPECT_THAT(
      RunUpgraded(OpExample(old).Set("axis", int64_t{0}), 17).ToFloats(),
      ElementsAre(4, 0, 6, 0, -2, 0, -2, 0));
}

TEST(Dft, WhatIsNoSignalIsAnError) {
  EXPECT_THROW(FloatsOf(Dft({1, 1, 3}, {1, 2, 3})), Error);
  EXPECT_THROW(FloatsOf(Dft({1, 1, 2}, {1, 2}).Set("onesided", int64_t{1})),
               Error);
  EXPECT_THROW(
      FloatsOf(Dft({1, 2, 1}, {1, 2}).Const(Tensor::Scalar<int64_t>(0))),
      Error);
  EXPECT_THROW(
      FloatsOf(
          Dft({1, 2, 1}, {1, 2}).Absent().Const(Tensor::Scalar<int64_t>(2))),
      Error);
}

OpExample Stft(int64_t step) {
  return OpExample("STFT", "")
      .In(Floats({1, 5, 1}, {1, 2, 3, 4, 5}))
      .Const(Tensor::Scalar<int64_t>(step));
}

TEST(Stft, TransformsEachWindowedFrame) {
  // Frames (1 2) and (4 5) times the window: sums and differences.
  EXPECT_THAT(FloatsOf(Stft(3).Const(Floats({2}, {2, 1}))),
              ElementsAre(4, 0, 0, 0, 13, 0, 3, 0));
}

TEST(Stft, TakesARealSignalWithoutAnAxisForItsParts) {
  EXPECT_THAT(FloatsOf(OpExample("STFT", "")
                           .In(Floats({1, 5}, {1, 2, 3, 4, 5}))
                           .Const(Tensor::Scalar<int64_t>(3))
                           .Const(Floats({2}, {2, 1}))),
              ElementsAre(4, 0, 0, 0, 13, 0, 3, 0));
}

TEST(Stft, WhatDoesNotFitIsAnError) {
  EXPECT_THROW(FloatsOf(Stft(0).Const(Floats({2}, {1, 1}))), Error);
  EXPECT_THROW(FloatsOf(Stft(1).Const(Ramp({6}))), Error);
  EXPECT_THROW(
      FloatsOf(Stft(1).Const(Ramp({3})).Const(Tensor::Scalar<int64_t>(2))),
      Error);
}

}  // namespace
}  // namespace squint
