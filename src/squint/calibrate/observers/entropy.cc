// The threshold at which the distribution of the magnitudes, clipped and
// quantized to 128 levels, has the least Kullback-Leibler divergence from the
// clipped one: the search of TensorRT over 2048 uniform bins.
//
// Symmetric ranges search |x|. Asymmetric ones search the values above and
// below zero each by themselves, so that a long tail on one side does not
// cost the other. Exact zeros are left out: every quantization holds them,
// and after a Relu they would drown the rest.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "squint/calibrate/density.h"

namespace squint {
namespace {

constexpr int kBins = 2048;
constexpr int kLevels = 128;

// Uniform bins over (0, high] with prefix sums, index i over bins [0, i).
struct UniformBins {
  std::array<double, kBins> count{};
  std::array<double, kBins + 1> sum{};
  std::array<double, kBins + 1> sum_log{};  // of count * log(count)
  std::array<int, kBins + 1> occupied{};
};

double TimesLog(double x) { return x > 0 ? x * std::log(x) : 0.0; }

// Spreads a cell over the uniform bins it covers, each by its part.
void Spread(const Cell& cell, double width, UniformBins& bins) {
  const double low = cell.low / width;
  const double high = cell.high / width;
  const int first = std::min(static_cast<int>(low), kBins - 1);
  const int last = std::min(static_cast<int>(high), kBins - 1);
  if (first == last) {
    bins.count[static_cast<size_t>(first)] += cell.count;
    return;
  }
  const double per_bin = cell.count / (high - low);
  for (int b = first; b <= last; ++b) {
    const double part =
        std::min<double>(high, b + 1) - std::max<double>(low, b);
    if (part > 0) bins.count[static_cast<size_t>(b)] += per_bin * part;
  }
}

void Resample(const Density& density, UniformBins& bins) {
  const double width = density.high() / kBins;
  // The bins beside zero hold the exact zeros.
  const double tiny = static_cast<double>(Histogram::BinHigh(0));
  for (const Cell& cell : density.cells()) {
    if (cell.high > tiny) Spread(cell, width, bins);
  }
  for (size_t i = 0; i < kBins; ++i) {
    bins.sum[i + 1] = bins.sum[i] + bins.count[i];
    bins.sum_log[i + 1] = bins.sum_log[i] + TimesLog(bins.count[i]);
    bins.occupied[i + 1] = bins.occupied[i] + (bins.count[i] > 0);
  }
}

// KL(P || Q) for the first n bins, up to the constant log of the total,
// times the total. P: the bins, what lies outside added to the last one. Q:
// each level's mass spread evenly over its occupied bins, and kSmooth of the
// whole in an empty last bin. Because Q is flat within a level, the sum over
// bins becomes one over levels.
double Divergence(const UniformBins& bins, int n) {
  constexpr double kSmooth = 1e-4;
  const auto end = static_cast<size_t>(n);
  const double inside = bins.sum[end];
  if (inside <= 0) return std::numeric_limits<double>::infinity();
  const double last = bins.count[end - 1];
  const double outside = bins.sum[kBins] - inside;
  double result = bins.sum_log[end] - TimesLog(last) + TimesLog(last + outside);
  double at_last = kSmooth * inside;
  size_t begin = 0;
  for (int level = 1; level <= kLevels; ++level) {
    const auto border = static_cast<size_t>(level * n / kLevels);
    const double mass = bins.sum[border] - bins.sum[begin];
    const int occupied = bins.occupied[border] - bins.occupied[begin];
    if (occupied > 0 && mass > 0) result -= mass * std::log(mass / occupied);
    if (level == kLevels && last > 0) at_last = mass / occupied;
    begin = border;
  }
  return result - outside * std::log(at_last) +
         bins.sum[kBins] * std::log(inside);
}

double Threshold(const Density& density) {
  if (density.empty() || density.high() <= 0) return 0;
  UniformBins bins;
  Resample(density, bins);
  int best = kBins;
  double least = std::numeric_limits<double>::infinity();
  for (int n = kLevels; n <= kBins; ++n) {
    const double divergence = Divergence(bins, n);
    if (divergence < least) {
      least = divergence;
      best = n;
    }
  }
  return density.high() * best / kBins;
}

Range ChooseEntropy(const ValueStatistics& statistics,
                    const ObserverOptions& options) {
  if (options.symmetric) {
    const double bound = Threshold(Density::OfMagnitudes(statistics));
    return {-bound, bound};
  }
  return {-Threshold(Density::OfSide(statistics, true)),
          Threshold(Density::OfSide(statistics, false))};
}

}  // namespace

constinit const ObserverDef kEntropyObserver = {
    .name = "entropy",
    .summary = "the clipping that changes the distribution least (KL)",
    .source = "Migacz, 8-bit inference with TensorRT, GTC 2017 s7310",
    .choose = ChooseEntropy,
};

}  // namespace squint
