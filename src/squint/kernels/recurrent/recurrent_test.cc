#include "squint/kernels/recurrent/recurrent.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "squint/base/threads.h"
#include "squint/kernels/each_target_test.h"

namespace squint {
namespace {

std::vector<float> Uniform(int64_t count, unsigned seed) {
  std::mt19937 engine(seed);
  std::uniform_real_distribution<float> uniform(-1.0f, 1.0f);
  std::vector<float> values(static_cast<size_t>(count));
  for (float& v : values) v = uniform(engine);
  return values;
}

double Sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

// One step on random numbers; gate sums by plain loops.
struct Cell {
  Cell(int64_t hidden, int64_t sample_count, int64_t gate_count)
      : n(hidden),
        samples(sample_count),
        gates(gate_count),
        r(Uniform(n * gates * n, 1)),
        input(Uniform(samples * 4 * n, 2)),
        product(Uniform(samples * n, 3)),
        h(Uniform(samples * n, 4)),
        c(Uniform(samples * n, 5)),
        next(static_cast<size_t>(samples * n)) {}

  StateWeights Pack() const {
    return PackStateWeights(n, gates, {r.data(), gates * n, 1});
  }
  CellStep Step() {
    return {samples,        input.data(), 4 * n,
            product.data(), h.data(),     next.data()};
  }
  double Sum(int64_t sample, int64_t gate, int64_t unit) const {
    double sum = 0;
    for (int64_t k = 0; k < n; ++k) {
      sum += static_cast<double>(product[static_cast<size_t>(sample * n + k)]) *
             static_cast<double>(
                 r[static_cast<size_t>((k * gates + gate) * n + unit)]);
    }
    return sum;
  }
  double Input(int64_t sample, int64_t gate, int64_t unit) const {
    return static_cast<double>(
        input[static_cast<size_t>((sample * 4 + gate) * n + unit)]);
  }
  template <typename F>
  void ForEach(F&& f) const {
    for (int64_t s = 0; s < samples; ++s) {
      for (int64_t u = 0; u < n; ++u) f(s, u, static_cast<size_t>(s * n + u));
    }
  }

  int64_t n, samples, gates;
  std::vector<float> r, input, product, h, c, next;
};

constexpr double kBound = 2e-5;
constexpr int64_t kHidden[] = {1, 7, 8, 9, 16, 33, 130};

template <typename Check>
void ForEachSize(Check&& check) {
  ForEachTarget([&] {
    for (const int64_t hidden : kHidden) {
      for (const int64_t samples : {1, 3, 5}) {
        for (const int threads : {1, 2}) {
          SCOPED_TRACE(hidden);
          check(hidden, samples, threads);
        }
      }
    }
  });
}

TEST(RecurrentCell, LstmStepIsItsFormula) {
  ForEachSize([](int64_t hidden, int64_t samples, int threads) {
    ThreadPool pool(threads);
    Cell cell(hidden, samples, 4);
    const std::vector<float> before = cell.c;
    LstmStep(cell.Pack(), cell.Step(), cell.c.data(), pool);
    cell.ForEach([&](int64_t s, int64_t u, size_t at) {
      const auto gate = [&](int64_t g) {
        return cell.Sum(s, g, u) + cell.Input(s, g, u);
      };
      const double c = Sigmoid(gate(2)) * static_cast<double>(before[at]) +
                       Sigmoid(gate(0)) * std::tanh(gate(3));
      EXPECT_NEAR(cell.c[at], c, kBound);
      EXPECT_NEAR(cell.next[at], Sigmoid(gate(1)) * std::tanh(c), kBound);
    });
  });
}

TEST(RecurrentCell, GruGatesAreSigmoids) {
  ForEachSize([](int64_t hidden, int64_t samples, int threads) {
    ThreadPool pool(threads);
    Cell cell(hidden, samples, 2);
    std::vector<float> update(cell.next.size()), reset(cell.next.size());
    GruGates(cell.Pack(), cell.Step(), update.data(), reset.data(), pool);
    cell.ForEach([&](int64_t s, int64_t u, size_t at) {
      EXPECT_NEAR(update[at], Sigmoid(cell.Sum(s, 0, u) + cell.Input(s, 0, u)),
                  kBound);
      EXPECT_NEAR(reset[at], Sigmoid(cell.Sum(s, 1, u) + cell.Input(s, 1, u)),
                  kBound);
    });
  });
}

TEST(RecurrentCell, GruStateTakesTheResetBeforeOrBehindTheProduct) {
  ForEachSize([](int64_t hidden, int64_t samples, int threads) {
    ThreadPool pool(threads);
    Cell cell(hidden, samples, 1);
    const std::vector<float> update = Uniform(samples * hidden, 6);
    const std::vector<float> reset = Uniform(samples * hidden, 7);
    const std::vector<float> late = Uniform(hidden, 8);
    for (const bool behind : {false, true}) {
      GruState(cell.Pack(), cell.Step(), update.data(),
               behind ? reset.data() : nullptr, late.data(), pool);
      cell.ForEach([&](int64_t s, int64_t u, size_t at) {
        double sum = cell.Sum(s, 0, u);
        if (behind) {
          sum = static_cast<double>(reset[at]) *
                (sum + static_cast<double>(late[static_cast<size_t>(u)]));
        }
        const double fresh = std::tanh(cell.Input(s, 2, u) + sum);
        const double z = static_cast<double>(update[at]);
        EXPECT_NEAR(cell.next[at],
                    (1 - z) * fresh + z * static_cast<double>(cell.h[at]),
                    kBound);
      });
    }
  });
}

TEST(RecurrentCell, ThreadsDoNotChangeAResult) {
  ThreadPool one(1), two(2);
  Cell a(200, 1, 4), b(200, 1, 4);  // large enough to be shared
  LstmStep(a.Pack(), a.Step(), a.c.data(), one);
  LstmStep(b.Pack(), b.Step(), b.c.data(), two);
  EXPECT_EQ(a.next, b.next);
  EXPECT_EQ(a.c, b.c);
}

}  // namespace
}  // namespace squint
