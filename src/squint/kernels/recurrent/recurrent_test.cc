#include "squint/kernels/recurrent/recurrent.h"

#include <gtest/gtest.h>

#include <algorithm>
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

// How a cell's weights and states are given.
struct Form {
  StateForm form = StateForm::kReal;
  int64_t group = 0;  // 0: all states
  int8_t least = -127;
  int32_t zero = 0;  // of the states
};
constexpr Form kForms[] = {
    {},
    {.form = StateForm::kStored},
    {.form = StateForm::kStored, .group = 5, .least = -128},
    {.form = StateForm::kIntegers},
    {.form = StateForm::kIntegers, .zero = -128},
    // Without signs that can be moved to the states.
    {.form = StateForm::kIntegers, .least = -128, .zero = 127},
};

// Numbers from the least to the greatest, and these most of all.
std::vector<int8_t> Bytes(int64_t count, int least, unsigned seed) {
  std::mt19937 engine(seed);
  std::uniform_int_distribution<int> uniform(3 * least, 3 * 127);
  std::vector<int8_t> values(static_cast<size_t>(count));
  for (int8_t& v : values) {
    v = static_cast<int8_t>(std::clamp(uniform(engine), least, 127));
  }
  return values;
}

// One step on random numbers; gate sums by plain loops. `r` and `product` are
// the numbers that integers stand for.
struct Cell {
  Cell(int64_t hidden, int64_t sample_count, int64_t gate_count,
       const Form& given = {})
      : n(hidden),
        samples(sample_count),
        gates(gate_count),
        form(given),
        r(Uniform(n * gates * n, 1)),
        input(Uniform(samples * 4 * n, 2)),
        product(Uniform(samples * n, 3)),
        h(Uniform(samples * n, 4)),
        c(Uniform(samples * n, 5)),
        next(static_cast<size_t>(samples * n)) {
    if (form.group == 0) form.group = n;
    if (form.form != StateForm::kReal) StoreWeights();
    if (form.form == StateForm::kIntegers) StoreStates();
  }

  void StoreWeights() {
    const int64_t width = gates * n;
    weights = Bytes(n * width, form.least, 1);
    const int64_t groups = (n + form.group - 1) / form.group;
    scales = Uniform(groups * width, 9);
    // Sums of a few units at most.
    for (float& scale : scales) scale *= 0.05f / static_cast<float>(n);
    for (int64_t i = 0; i < n * width; ++i) {
      const int64_t at = i / width / form.group * width + i % width;
      r[static_cast<size_t>(i)] =
          static_cast<float>(weights[static_cast<size_t>(i)]) *
          scales[static_cast<size_t>(at)];
    }
  }

  void StoreStates() {
    const int64_t stride = StateStride(n);
    states = Bytes(samples * stride, -128, 3);
    state_scales.assign(static_cast<size_t>(samples), 1.0f / 128);
    zeros.assign(static_cast<size_t>(samples), form.zero);
    zeros.back() /= 2;
    for (int64_t i = 0; i < samples * n; ++i) {
      const auto sample = static_cast<size_t>(i / n);
      const int q = states[static_cast<size_t>(i / n * stride + i % n)];
      product[static_cast<size_t>(i)] =
          static_cast<float>(q - zeros[sample]) * state_scales[sample];
    }
  }

  StateWeights Pack() const {
    if (form.form == StateForm::kReal) {
      return PackStateWeights(n, gates, {r.data(), gates * n, 1});
    }
    const StoredStates stored = {weights.data(), gates * n,     1,
                                 form.group,     scales.data(), gates * n};
    return form.form == StateForm::kStored
               ? PackStoredStates(n, gates, stored)
               : PackIntegerStates(n, gates, stored);
  }
  CellStep Step() {
    CellStep step;
    step.samples = samples;
    step.input = input.data();
    step.input_stride = 4 * n;
    if (form.form == StateForm::kIntegers) {
      step.integers = {states.data(), state_scales.data(), zeros.data()};
    } else {
      step.product = product.data();
    }
    step.h = h.data();
    step.next = next.data();
    return step;
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
  Form form;
  std::vector<float> r, input, product, h, c, next;
  std::vector<int8_t> weights, states;
  std::vector<float> scales, state_scales;
  std::vector<int32_t> zeros;
};

constexpr double kBound = 2e-5;
constexpr int64_t kHidden[] = {1, 7, 8, 9, 16, 33, 130};

// Calls check(cell, pool) for cells of every size, number of samples and form.
template <typename Check>
void ForEachCell(int64_t gates, Check&& check) {
  ForEachTarget([&] {
    for (const Form& form : kForms) {
      for (const int64_t hidden : kHidden) {
        for (const int64_t samples : {1, 3, 5}) {
          for (const int threads : {1, 2}) {
            SCOPED_TRACE(hidden);
            SCOPED_TRACE(static_cast<int>(form.form));
            ThreadPool pool(threads);
            Cell cell(hidden, samples, gates, form);
            check(cell, pool);
          }
        }
      }
    }
  });
}

TEST(RecurrentCell, LstmStepIsItsFormula) {
  ForEachCell(4, [](Cell& cell, ThreadPool& pool) {
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
  ForEachCell(2, [](Cell& cell, ThreadPool& pool) {
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
  ForEachCell(1, [](Cell& cell, ThreadPool& pool) {
    const std::vector<float> update = Uniform(cell.samples * cell.n, 6);
    const std::vector<float> reset = Uniform(cell.samples * cell.n, 7);
    const std::vector<float> late = Uniform(cell.n, 8);
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
  for (const Form& form : kForms) {
    Cell a(260, 1, 4, form), b(260, 1, 4, form);  // large enough to be shared
    LstmStep(a.Pack(), a.Step(), a.c.data(), one);
    LstmStep(b.Pack(), b.Step(), b.c.data(), two);
    EXPECT_EQ(a.next, b.next);
    EXPECT_EQ(a.c, b.c);
  }
}

TEST(RecurrentCell, ASampleIsTheSameInEveryBatch) {
  ForEachTarget([] {
    ThreadPool pool(1);
    for (const Form& form : kForms) {
      Cell five(40, 5, 4, form);
      const std::vector<float> before = five.c;
      LstmStep(five.Pack(), five.Step(), five.c.data(), pool);
      for (int64_t s = 0; s < 5; ++s) {
        Cell one = five;
        one.c = before;
        CellStep step = one.Step();
        step.samples = 1;
        step.input += s * step.input_stride;
        step.h += s * 40;
        if (step.product != nullptr) step.product += s * 40;
        if (form.form == StateForm::kIntegers) {
          step.integers.data += s * StateStride(40);
          step.integers.scales += s;
          step.integers.zeros += s;
        }
        LstmStep(one.Pack(), step, one.c.data() + s * 40, pool);
        EXPECT_TRUE(std::equal(one.next.begin(), one.next.begin() + 40,
                               five.next.begin() + s * 40));
      }
    }
  });
}

// One weight of -128 takes another way of multiplying, for all columns.
TEST(RecurrentCell, IntegerSumsAreTheSameByEveryWayOfMultiplying) {
  ForEachTarget([] {
    ThreadPool pool(1);
    for (const int64_t samples : {1, 2, 3}) {
      Cell a(130, samples, 4, {.form = StateForm::kIntegers});
      Cell b = a;
      b.weights.back() = -128;
      LstmStep(a.Pack(), a.Step(), a.c.data(), pool);
      LstmStep(b.Pack(), b.Step(), b.c.data(), pool);
      a.ForEach([&](int64_t, int64_t u, size_t at) {
        if (u < a.n - 1) {
          EXPECT_EQ(a.next[at], b.next[at]);
        }
      });
    }
  });
}

}  // namespace
}  // namespace squint
