#include "squint/fixed/steps/curve.h"

#include <algorithm>
#include <cstdlib>

#include "squint/fixed/operation.h"

namespace squint {
namespace {

constexpr int kCells = 256;
constexpr int kCellSize = 256;
constexpr int kCellBits = 8;
constexpr size_t kMostPoints = 1 << 14;
constexpr int32_t kMostOff = 1;  // in steps

// In the order of the numbers, and a last one behind them.
std::vector<int32_t> InOrder(const Tensor& results) {
  const Tensor whole = results.Materialize();
  const auto values = whole.values<int16_t>();
  std::vector<int32_t> ordered;
  for (size_t i = 0; i < values.size(); ++i) {
    ordered.push_back(values[(i + values.size() / 2) % values.size()]);
  }
  ordered.push_back(ordered.back());
  return ordered;
}

std::optional<Curve::Limits> LimitsOf(const std::vector<int32_t>& function) {
  const Curve::Limits limits = {function.front(), function.back()};
  if (limits.low > limits.high) return std::nullopt;
  const auto size = static_cast<int32_t>(function.size()) - 1;
  for (int32_t i = 0; i < size; ++i) {
    if (function[static_cast<size_t>(i)] !=
        std::clamp(i - size / 2, limits.low, limits.high)) {
      return std::nullopt;
    }
  }
  return limits;
}

// Whether lines of 2^width numbers are near the function in a whole cell, as
// the kernel draws them.
bool IsNear(const int32_t* cell, int width) {
  const int32_t half = (1 << width) >> 1;
  for (int at = 0; at < kCellSize; ++at) {
    const int32_t* p = cell + ((at >> width) << width);
    const int32_t along = at & ((1 << width) - 1);
    const int32_t drawn =
        p[0] + (((p[int64_t{1} << width] - p[0]) * along + half) >> width);
    if (std::abs(drawn - cell[at]) > kMostOff) return false;
  }
  return true;
}

}  // namespace

Curve CurveOf(const Tensor& results) {
  const std::vector<int32_t> function = InOrder(results);
  Curve curve;
  curve.limits = LimitsOf(function);
  if (curve.limits) return curve;
  for (int c = 0; c < kCells; ++c) {
    const int32_t* cell = function.data() + c * kCellSize;
    int width = kCellBits;
    while (!IsNear(cell, width)) --width;
    curve.first.push_back(static_cast<uint16_t>(curve.points.size()));
    curve.bits.push_back(static_cast<uint8_t>(kCellBits - width));
    for (int at = 0; at < kCellSize; at += 1 << width) {
      curve.points.push_back(static_cast<int16_t>(cell[at]));
    }
    Require(curve.points.size() < kMostPoints, "its function is too steep");
  }
  curve.points.push_back(static_cast<int16_t>(function.back()));
  return curve;
}

}  // namespace squint
