#include "squint/calibrate/density.h"

#include <algorithm>

namespace squint {
namespace {

constexpr uint32_t kSign = 0x8000;

Cell CellOf(const Histogram::Bin& bin, const ValueStatistics& statistics) {
  const double minimum = static_cast<double>(statistics.minimum);
  const double maximum = static_cast<double>(statistics.maximum);
  const double low = static_cast<double>(Histogram::BinLow(bin.bin));
  const double high = static_cast<double>(Histogram::BinHigh(bin.bin));
  return {std::clamp(low, minimum, maximum), std::clamp(high, minimum, maximum),
          static_cast<double>(bin.count)};
}

}  // namespace

Density::Density(const ValueStatistics& statistics) {
  for (const auto& bin : statistics.histogram.Occupied()) {
    Append(CellOf(bin, statistics));
  }
}

std::vector<Cell> Density::Positive(const ValueStatistics& statistics,
                                    bool negative) {
  std::vector<Cell> cells;
  for (const auto& bin : statistics.histogram.Occupied()) {
    if (((bin.bin & kSign) != 0) != negative) continue;
    const Cell cell = CellOf(bin, statistics);
    cells.push_back(negative ? Cell{-cell.high, -cell.low, cell.count} : cell);
  }
  if (negative) std::ranges::reverse(cells);
  return cells;
}

Density Density::OfSide(const ValueStatistics& statistics, bool negative) {
  Density result;
  for (const Cell& cell : Positive(statistics, negative)) {
    if (cell.high > 0) result.Append(cell);
  }
  return result;
}

// Bins of both signs have the same borders, so that cells either coincide
// (but for the trimmed last ones, whose wider one stands for both) or are
// apart.
Density Density::OfMagnitudes(const ValueStatistics& statistics) {
  std::vector<Cell> cells = Positive(statistics, false);
  const std::vector<Cell> negative = Positive(statistics, true);
  cells.insert(cells.end(), negative.begin(), negative.end());
  std::ranges::sort(cells, {}, &Cell::low);
  Density result;
  for (const Cell& cell : cells) {
    if (!result.empty() && cell.low < result.high()) {
      Cell& last = result.cells_.back();
      last.high = std::max(last.high, cell.high);
      last.count += cell.count;
      result.total_ += cell.count;
    } else {
      result.Append(cell);
    }
  }
  return result;
}

void Density::Append(const Cell& cell) {
  cells_.push_back(cell);
  total_ += cell.count;
}

double Density::Quantile(double part) const {
  const double wanted = std::clamp(part, 0.0, 1.0) * total_;
  double below = 0;
  for (const Cell& cell : cells_) {
    if (below + cell.count >= wanted) {
      const double inside = (wanted - below) / cell.count;
      return cell.low + inside * (cell.high - cell.low);
    }
    below += cell.count;
  }
  return empty() ? 0.0 : high();
}

}  // namespace squint
