// The range whose quantization has the least expected squared error, rounding
// and clipping together, computed from the histogram in closed form.
#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

#include "squint/calibrate/density.h"

namespace squint {
namespace {

// The integral from 0 to x of the squared rounding error on the grid of
// multiples of `step`: step^3/12 for each whole cell, (x - n step)^3 / 3 from
// the grid point n nearest to x.
double RoundingIntegral(double x, double step) {
  const double n = std::floor(x / step + 0.5);
  const double rest = x - n * step;
  return n * step * step * step / 12 + rest * rest * rest / 3;
}

// Expected error of the elements of one cell: inside the quantized range by
// rounding, outside by the distance to its end.
double CellError(const Cell& cell, double step, double low, double high) {
  const auto squared = [](double d) { return d * d; };
  const auto distance = [&](double x) {  // integral of (x - bound)^2
    const double bound = x < 0 ? low : high;
    return squared(x - bound) * (x - bound) / 3;
  };
  const double a = cell.low;
  const double b = cell.high;
  if (b <= a) {
    const double q = std::clamp(std::nearbyint(a / step) * step, low, high);
    return squared(a - q) * cell.count;
  }
  double integral = 0;
  if (a < low) integral += distance(std::min(b, low)) - distance(a);
  if (b > high) integral += distance(b) - distance(std::max(a, high));
  const double from = std::max(a, low);
  const double to = std::min(b, high);
  if (from < to) {
    integral += RoundingIntegral(to, step) - RoundingIntegral(from, step);
  }
  return integral / (b - a) * cell.count;
}

class ErrorOfRange {
 public:
  ErrorOfRange(const ValueStatistics& statistics,
               const ObserverOptions& options)
      : density_(statistics), options_(options) {}

  const Density& density() const { return density_; }

  // Of quantizing with the parameters that ChooseScale gives this range.
  double operator()(const Range& range) const {
    const ScaleZero chosen =
        ChooseScale(range.low, range.high, options_.dtype, options_.symmetric);
    const QuantRange q = RangeOf(options_.dtype, options_.symmetric);
    const double step = static_cast<double>(chosen.scale);
    const double low = (q.qmin - chosen.zero_point) * step;
    const double high = (q.qmax - chosen.zero_point) * step;
    double error = 0;
    for (const Cell& cell : density_.cells()) {
      error += CellError(cell, step, low, high);
    }
    return error;
  }

 private:
  Density density_;
  const ObserverOptions& options_;
};

double GoldenSection(const std::function<double(double)>& error, double low,
                     double high) {
  constexpr double kGolden = 0.6180339887498949;
  double left = high - kGolden * (high - low);
  double right = low + kGolden * (high - low);
  double at_left = error(left);
  double at_right = error(right);
  for (int i = 0; i < 10; ++i) {
    if (at_left < at_right) {
      high = std::exchange(right, left);
      at_right = at_left;
      left = high - kGolden * (high - low);
      at_left = error(left);
    } else {
      low = std::exchange(left, right);
      at_left = at_right;
      right = low + kGolden * (high - low);
      at_right = error(right);
    }
  }
  return at_left < at_right ? left : right;
}

// The factor in (0, 1] with the least error: a geometric grid, then golden
// section between the best one's neighbours.
double BestFactor(const std::function<double(double)>& error) {
  constexpr double kRatio = 0.88;
  constexpr int kCoarse = 36;  // down to 0.01
  double best = 1.0;
  double least = error(best);
  double factor = 1.0;
  for (int i = 1; i < kCoarse; ++i) {
    factor *= kRatio;
    const double here = error(factor);
    if (here < least) {
      least = here;
      best = factor;
    }
  }
  const double refined =
      GoldenSection(error, best * kRatio, std::min(1.0, best / kRatio));
  return error(refined) < least ? refined : best;
}

Range ChooseMse(const ValueStatistics& statistics,
                const ObserverOptions& options) {
  const ErrorOfRange error(statistics, options);
  if (error.density().empty()) return {};
  const Range full = {std::min(0.0, error.density().low()),
                      std::max(0.0, error.density().high())};
  if (options.symmetric) {
    const double bound = std::max(-full.low, full.high);
    const double f = BestFactor([&](double x) {
      return error({-bound * x, bound * x});
    });
    return {-bound * f, bound * f};
  }
  // One end after the other, twice: each depends a little on the other.
  Range range = full;
  for (int round = 0; round < 2; ++round) {
    if (full.high > 0) {
      range.high = full.high * BestFactor([&](double x) {
                     return error({range.low, full.high * x});
                   });
    }
    if (full.low < 0) {
      range.low = full.low * BestFactor([&](double x) {
                    return error({full.low * x, range.high});
                  });
    }
  }
  return range;
}

}  // namespace

constinit const ObserverDef kMseObserver = {
    .name = "mse",
    .summary = "the range with the least expected squared error",
    .source = "Nagel et al., arXiv:2106.08295, 2.3",
    .choose = ChooseMse,
};

}  // namespace squint
