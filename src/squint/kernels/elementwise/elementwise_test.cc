#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "squint/base/threads.h"
#include "squint/kernels/each_target_test.h"
#include "squint/kernels/elementwise/binary.h"
#include "squint/kernels/elementwise/unary.h"
#include "squint/kernels/elementwise/unary_ref.h"

namespace squint {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

constexpr UnaryKind kAllUnary[] = {
    UnaryKind::kAbs,         UnaryKind::kCeil,      UnaryKind::kClip,
    UnaryKind::kElu,         UnaryKind::kErf,       UnaryKind::kExp,
    UnaryKind::kFloor,       UnaryKind::kGelu,      UnaryKind::kGeluByTanh,
    UnaryKind::kHardSigmoid, UnaryKind::kHardSwish, UnaryKind::kLeakyRelu,
    UnaryKind::kLog,         UnaryKind::kNeg,       UnaryKind::kReciprocal,
    UnaryKind::kRound,       UnaryKind::kSigmoid,   UnaryKind::kSilu,
    UnaryKind::kSoftplus,    UnaryKind::kSqrt,      UnaryKind::kTanh,
};

// Dense around zero and the polynomials' borders, sparse up to overflow.
std::vector<float> Arguments() {
  std::vector<float> x;
  for (int i = -4000; i <= 4000; ++i) {
    const float t = static_cast<float>(i) / 4000.0f;
    x.push_back(5.0f * t);
    x.push_back(120.0f * t * t * t);
  }
  for (int e = -30; e <= 30; ++e) {
    x.push_back(std::ldexp(1.1f, e));
    x.push_back(std::ldexp(-1.1f, e));
  }
  for (const float v :
       {0.625f, 1.0f, 4.0f, 0.5f, 1.5f, 2.5f, 88.7f, 88.8f, 103.0f, 0.0f}) {
    x.push_back(v);
    x.push_back(-v);
  }
  return x;
}

// Half a dozen last places of the result; where the formula itself cancels
// (1 + erf near -1, x / 6 + 1/2 near 0), of the argument.
double Bound(UnaryKind kind, double x, double y) {
  const bool gate = kind == UnaryKind::kGelu ||
                    kind == UnaryKind::kGeluByTanh ||
                    kind == UnaryKind::kHardSwish;
  const bool quotient = kind == UnaryKind::kErf || kind == UnaryKind::kTanh;
  if (quotient) return 4e-7 * std::fabs(y) + 1e-36;
  return 1e-6 * std::max(std::fabs(y), gate ? std::fabs(x) : 0.0) + 1e-36;
}

TEST(Unary, IsAccurateOverTheWholeRange) {
  const std::vector<float> x = Arguments();
  ForEachTarget([&] {
    ThreadPool pool(1);
    for (const UnaryKind kind : kAllUnary) {
      std::vector<float> y(x.size());
      Unary(kind, 0.25f, 0.75f, x.data(), static_cast<int64_t>(x.size()),
            y.data(), pool);
      for (size_t i = 0; i < x.size(); ++i) {
        const auto truth = static_cast<double>(static_cast<float>(
            UnaryReference(kind, 0.25, 0.75, static_cast<double>(x[i]))));
        if (std::isnan(truth)) {
          EXPECT_TRUE(std::isnan(y[i]));
        } else if (std::isinf(truth)) {
          EXPECT_EQ(static_cast<double>(y[i]), truth);
        } else {
          ASSERT_NEAR(static_cast<double>(y[i]), truth,
                      Bound(kind, static_cast<double>(x[i]), truth))
              << "kind " << static_cast<int>(kind) << " at " << x[i];
        }
      }
    }
  });
}

TEST(Unary, KeepsNaNAndTakesInfinity) {
  ForEachTarget([] {
    ThreadPool pool(1);
    for (const UnaryKind kind : kAllUnary) {
      const float x[] = {NAN, kInfinity, -kInfinity};
      float y[3];
      Unary(kind, 0.25f, 0.75f, x, 3, y, pool);
      EXPECT_TRUE(std::isnan(y[0])) << static_cast<int>(kind);
      for (int i = 1; i < 3; ++i) {
        const double truth =
            UnaryReference(kind, 0.25, 0.75, static_cast<double>(x[i]));
        if (std::isnan(truth)) {
          EXPECT_TRUE(std::isnan(y[i])) << static_cast<int>(kind);
        } else {
          EXPECT_FLOAT_EQ(y[i], static_cast<float>(truth))
              << static_cast<int>(kind);
        }
      }
    }
  });
}

TEST(Unary, WorksInPlaceAtAnyLengthAndOffset) {
  ForEachTarget([] {
    ThreadPool pool(2);
    for (const int64_t count : {0, 1, 15, 16, 17, 40000}) {
      std::vector<float> x(static_cast<size_t>(count) + 1, -2.0f);
      Unary(UnaryKind::kAbs, 0, 0, x.data() + 1, count, x.data() + 1, pool);
      EXPECT_EQ(x[0], -2.0f);
      for (size_t i = 1; i < x.size(); ++i) ASSERT_EQ(x[i], 2.0f);
    }
  });
}

using Shape = std::vector<int64_t>;

int64_t Count(const Shape& shape) {
  int64_t count = 1;
  for (const int64_t dim : shape) count *= dim;
  return count;
}

// The element of `operand` that output element `index` reads.
size_t Source(const Shape& out, const Shape& operand, int64_t index) {
  int64_t offset = 0;
  int64_t step = 1;
  for (size_t i = 0; i < out.size(); ++i) {
    const int64_t digit = index % out[out.size() - 1 - i];
    index /= out[out.size() - 1 - i];
    if (i >= operand.size()) continue;
    const int64_t dim = operand[operand.size() - 1 - i];
    if (dim != 1) offset += digit * step;
    step *= dim;
  }
  return static_cast<size_t>(offset);
}

double Apply(BinaryKind kind, double a, double b) {
  switch (kind) {
    case BinaryKind::kAdd:
      return a + b;
    case BinaryKind::kSub:
      return a - b;
    case BinaryKind::kMul:
      return a * b;
    case BinaryKind::kDiv:
      return a / b;
    case BinaryKind::kMax:
      return std::max(a, b);
    case BinaryKind::kMin:
      return std::min(a, b);
    case BinaryKind::kPow:
      return std::pow(a, b);
  }
  return NAN;
}

TEST(Binary, BroadcastsEveryWay) {
  struct Case {
    Shape out, a, b;
  };
  const Case cases[] = {
      {{}, {}, {}},
      {{35}, {35}, {35}},
      {{2, 3, 5, 7}, {2, 3, 5, 7}, {2, 3, 5, 7}},
      {{2, 3, 5, 7}, {2, 3, 5, 7}, {}},
      {{2, 3, 5, 7}, {1}, {2, 3, 5, 7}},
      {{2, 3, 5, 7}, {2, 3, 5, 7}, {3, 1, 1}},
      {{2, 3, 5, 7}, {7}, {2, 3, 5, 7}},
      {{2, 3, 5, 7}, {2, 1, 5, 1}, {3, 1, 7}},
      {{4, 20}, {4, 1}, {1, 20}},
      {{2, 40000}, {2, 40000}, {2, 1}},
      {{2, 3, 2, 3, 2, 3, 2}, {2, 1, 2, 1, 2, 1, 2}, {3, 1, 3, 1, 3, 1}},
  };
  ForEachTarget([&] {
    ThreadPool pool(2);
    for (const auto& [out, a, b] : cases) {
      std::mt19937 engine(1);
      std::uniform_real_distribution<float> uniform(0.5f, 2.0f);
      std::vector<float> x(static_cast<size_t>(Count(a)));
      std::vector<float> y(static_cast<size_t>(Count(b)));
      for (float& v : x) v = uniform(engine);
      for (float& v : y) v = uniform(engine);
      const BroadcastPlan plan(out, a, b);
      ASSERT_TRUE(plan.valid);
      for (int kind = 0; kind <= static_cast<int>(BinaryKind::kPow); ++kind) {
        std::vector<float> z(static_cast<size_t>(Count(out)));
        Binary(static_cast<BinaryKind>(kind), plan, x.data(), y.data(),
               z.data(), pool);
        for (size_t i = 0; i < z.size(); ++i) {
          const auto index = static_cast<int64_t>(i);
          const double truth =
              Apply(static_cast<BinaryKind>(kind),
                    static_cast<double>(x[Source(out, a, index)]),
                    static_cast<double>(y[Source(out, b, index)]));
          ASSERT_NEAR(static_cast<double>(z[i]), truth,
                      1e-6 * std::fabs(truth) + 1e-7)
              << kind << " at " << i;
        }
      }
    }
  });
}

TEST(Binary, MergesEqualShapesIntoOneRow) {
  const Shape shape = {2, 3, 5, 7};
  const BroadcastPlan plan(shape, shape, shape);
  EXPECT_EQ(plan.axes, 1);
  EXPECT_EQ(plan.size[0], 210);
}

TEST(Binary, ExtremesGiveNaNWhereverItIs) {
  ForEachTarget([] {
    ThreadPool pool(1);
    const Shape shape = {33};
    const BroadcastPlan plan(shape, shape, shape);
    std::vector<float> a(33, 1.0f), b(33, 2.0f), y(33);
    a[0] = b[1] = a[32] = NAN;
    for (const BinaryKind kind : {BinaryKind::kMax, BinaryKind::kMin}) {
      Binary(kind, plan, a.data(), b.data(), y.data(), pool);
      EXPECT_TRUE(std::isnan(y[0]) && std::isnan(y[1]) && std::isnan(y[32]));
      EXPECT_EQ(y[2], kind == BinaryKind::kMax ? 2.0f : 1.0f);
    }
  });
}

TEST(AddClamped, LimitsTheSumAndKeepsNaN) {
  ForEachTarget([] {
    ThreadPool pool(1);
    const Shape shape = {2, 19};
    const Shape row = {19};
    const BroadcastPlan plan(shape, shape, row);
    std::vector<float> a(38, 1.0f), b(19, 2.0f);
    a[0] = a[18] = NAN;
    a[1] = a[37] = -9.0f;
    a[2] = 9.0f;
    AddClamped(plan, a.data(), b.data(), 0.0f, 6.0f, a.data(), pool);
    EXPECT_TRUE(std::isnan(a[0]) && std::isnan(a[18]));
    EXPECT_EQ(a[1], 0.0f);
    EXPECT_EQ(a[37], 0.0f);
    EXPECT_EQ(a[2], 6.0f);
    EXPECT_EQ(a[3], 3.0f);
  });
}

TEST(ChannelAffine, ScalesShiftsAndLimitsEachChannel) {
  ForEachTarget([] {
    ThreadPool pool(2);
    std::vector<float> x(2 * 3 * 17, 2.0f);
    const float scale[] = {1, 2, 3};
    const float shift[] = {10, 20, 30};
    ChannelAffine({2, 3, 17, scale, shift, 13.0f, 25.0f}, x.data(), x.data(),
                  pool);
    for (size_t i = 0; i < x.size(); ++i) {
      const size_t c = i / 17 % 3;
      EXPECT_EQ(x[i], std::clamp(2.0f * scale[c] + shift[c], 13.0f, 25.0f));
    }
  });
}

}  // namespace
}  // namespace squint
