// The range whose quantization has the least expected squared error, rounding
// and clipping together, computed from the histogram in closed form.
#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>
#include <vector>

#include "squint/calibrate/density.h"

namespace squint {
namespace {

// Count, sum and sum of squares of a set of elements.
struct Moments {
  double count = 0;
  double sum = 0;
  double squares = 0;

  // Of the distances to one point.
  double ErrorAt(double point) const {
    return squares - 2 * point * sum + point * point * count;
  }
};

Moments operator-(const Moments& a, const Moments& b) {
  return {a.count - b.count, a.sum - b.sum, a.squares - b.squares};
}

// A grid of multiples of `step` that ends at `low` and `high`.
struct Grid {
  double step;
  double low;
  double high;
};

// The integral from 0 to x of the squared rounding error on the endless grid:
// step^3/12 for each whole cell, (x - n step)^3 / 3 from the grid point n
// nearest to x. Adding 1.5 * 2^52 rounds, for |x / step| < 2^31.
double RoundingIntegral(double x, double step) {
  constexpr double kRound = 6755399441055744.0;
  const double n = (x / step + kRound) - kRound;
  const double rest = x - n * step;
  return n * step * step * step / 12 + rest * rest * rest / 3;
}

// The integral over the cell, where it crosses an end of the grid.
double IntegralAcrossEnds(const Cell& cell, const Grid& grid) {
  const auto clipped = [](double from, double to, double end) {
    const auto cube = [](double d) { return d * d * d; };
    return (cube(to - end) - cube(from - end)) / 3;
  };
  double integral = 0;
  if (cell.low < grid.low) {
    integral += clipped(cell.low, std::min(cell.high, grid.low), grid.low);
  }
  if (cell.high > grid.high) {
    integral += clipped(std::max(cell.low, grid.high), cell.high, grid.high);
  }
  const double from = std::max(cell.low, grid.low);
  const double to = std::min(cell.high, grid.high);
  if (from < to) {
    integral +=
        RoundingIntegral(to, grid.step) - RoundingIntegral(from, grid.step);
  }
  return integral;
}

// Expected error of the elements of one cell.
double CellError(const Cell& cell, const Grid& grid) {
  if (cell.high <= cell.low) {
    const double q = std::clamp(
        std::nearbyint(cell.low / grid.step) * grid.step, grid.low, grid.high);
    return (cell.low - q) * (cell.low - q) * cell.count;
  }
  const double density = cell.count / (cell.high - cell.low);
  if (cell.low < grid.low || cell.high > grid.high) {
    return density * IntegralAcrossEnds(cell, grid);
  }
  return density * (RoundingIntegral(cell.high, grid.step) -
                    RoundingIntegral(cell.low, grid.step));
}

class ErrorOfRange {
 public:
  ErrorOfRange(const ValueStatistics& statistics,
               const ObserverOptions& options)
      : density_(statistics), options_(options), below_(1) {
    for (const Cell& cell : density_.cells()) {
      Moments next = below_.back();
      next.count += cell.count;
      next.sum += cell.count * (cell.low + cell.high) / 2;
      next.squares +=
          cell.count *
          (cell.low * cell.low + cell.low * cell.high + cell.high * cell.high) /
          3;
      below_.push_back(next);
    }
  }

  const Density& density() const { return density_; }

  // Of quantizing with the parameters that ChooseScale gives this range.
  // Cells that lie wholly beyond an end or nearer to zero than half a step
  // go to one grid point, so their moments tell; only the rest, some
  // hundred to a side at 8 bits, are visited.
  double operator()(const Range& range) const {
    const Grid grid = GridOf(range);
    const size_t low = FirstFrom(grid.low);
    const size_t near_zero = FirstFrom(-grid.step / 2);
    const size_t past_zero = LastUpTo(grid.step / 2);
    const size_t high = LastUpTo(grid.high);
    double error = below_[low].ErrorAt(grid.low) +
                   (below_.back() - below_[high]).ErrorAt(grid.high);
    if (near_zero < past_zero && low <= near_zero && past_zero <= high) {
      error += Visit(low, near_zero, grid) + Visit(past_zero, high, grid) +
               (below_[past_zero] - below_[near_zero]).squares;
    } else {
      error += Visit(low, high, grid);
    }
    return error;
  }

 private:
  Grid GridOf(const Range& range) const {
    const ScaleZero chosen =
        ChooseScale(range.low, range.high, options_.dtype, options_.symmetric);
    const QuantRange q = RangeOf(options_.dtype, options_.symmetric);
    const double step = static_cast<double>(chosen.scale);
    return {step, (q.qmin - chosen.zero_point) * step,
            (q.qmax - chosen.zero_point) * step};
  }

  // The first cell that reaches above x; so all before it end at or below.
  size_t FirstFrom(double x) const {
    const auto it =
        std::ranges::upper_bound(density_.cells(), x, {}, &Cell::high);
    return static_cast<size_t>(it - density_.cells().begin());
  }
  // Past the last cell that begins below x.
  size_t LastUpTo(double x) const {
    const auto it =
        std::ranges::lower_bound(density_.cells(), x, {}, &Cell::low);
    return static_cast<size_t>(it - density_.cells().begin());
  }

  double Visit(size_t begin, size_t end, const Grid& grid) const {
    double error = 0;
    for (size_t i = begin; i < end; ++i) {
      error += CellError(density_.cells()[i], grid);
    }
    return error;
  }

  Density density_;
  const ObserverOptions& options_;
  std::vector<Moments> below_;  // of the cells before each
};

// A point in [low, high] where `error`, falling and then rising, is least.
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

// The factor in (0, 1] with the least error: a geometric grid, left when
// clipping costs far more than the best so far, then golden section between
// the best one's neighbours.
double BestFactor(const std::function<double(double)>& error) {
  constexpr double kRatio = 0.88;
  constexpr double kLeast = 0.003;
  constexpr double kHopeless = 16;
  double best = 1.0;
  double least = error(best);
  for (double factor = kRatio; factor > kLeast; factor *= kRatio) {
    const double here = error(factor);
    if (here > kHopeless * least) break;
    if (here < least) {
      least = here;
      best = factor;
    }
  }
  const double refined =
      GoldenSection(error, best * kRatio, std::min(1.0, best / kRatio));
  return error(refined) < least ? refined : best;
}

// One end after the other, twice: each depends a little on the other.
Range BestEnds(const ErrorOfRange& error, const Range& full) {
  Range range = full;
  const bool both = full.low < 0 && full.high > 0;
  for (int round = 0; round < (both ? 2 : 1); ++round) {
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

Range ChooseMse(const ValueStatistics& statistics,
                const ObserverOptions& options) {
  const ErrorOfRange error(statistics, options);
  if (error.density().empty()) return {};
  const Range full = {std::min(0.0, error.density().low()),
                      std::max(0.0, error.density().high())};
  if (!options.symmetric) return BestEnds(error, full);
  const double bound = std::max(-full.low, full.high);
  const double f = BestFactor([&](double x) {
    return error({-bound * x, bound * x});
  });
  return {-bound * f, bound * f};
}

}  // namespace

constinit const ObserverDef kMseObserver = {
    .name = "mse",
    .summary = "the range with the least expected squared error",
    .source = "Nagel et al., arXiv:2106.08295, 2.3",
    .choose = ChooseMse,
};

}  // namespace squint
