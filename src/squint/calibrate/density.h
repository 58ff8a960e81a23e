// A histogram as observers see it: cells of uniform density over the finite
// range, in order, the outermost trimmed to the exact minimum and maximum.
#ifndef SQUINT_CALIBRATE_DENSITY_H_
#define SQUINT_CALIBRATE_DENSITY_H_

#include <vector>

#include "squint/calibrate/calibration.h"

namespace squint {

struct Cell {
  double low = 0;
  double high = 0;  // >= low; equal when all elements are one number
  double count = 0;
};

class Density {
 public:
  explicit Density(const ValueStatistics& statistics);
  // Of the magnitudes |x|.
  static Density OfMagnitudes(const ValueStatistics& statistics);
  // Of the values above zero, or of those below with their sign turned.
  static Density OfSide(const ValueStatistics& statistics, bool negative);

  const std::vector<Cell>& cells() const { return cells_; }
  double total() const { return total_; }
  bool empty() const { return cells_.empty(); }
  double low() const { return cells_.front().low; }
  double high() const { return cells_.back().high; }

  // The x below which the given part of all elements lies, linear within a
  // cell; part in [0, 1].
  double Quantile(double part) const;

 private:
  Density() = default;
  void Append(const Cell& cell);
  static std::vector<Cell> Positive(const ValueStatistics& statistics,
                                    bool negative);

  std::vector<Cell> cells_;
  double total_ = 0;
};

}  // namespace squint

#endif  // SQUINT_CALIBRATE_DENSITY_H_
