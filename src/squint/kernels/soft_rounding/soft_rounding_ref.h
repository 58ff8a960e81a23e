// The truth for tests: one weight, in double.
#ifndef SQUINT_KERNELS_SOFT_ROUNDING_SOFT_ROUNDING_REF_H_
#define SQUINT_KERNELS_SOFT_ROUNDING_SOFT_ROUNDING_REF_H_

#include <algorithm>
#include <cmath>

#include "squint/kernels/soft_rounding/soft_rounding.h"

namespace squint {

inline double Rounding(double v) {
  return std::clamp(1.2 / (1.0 + std::exp(-v)) - 0.1, 0.0, 1.0);
}

// Element i of StepSoftRounding.
inline void StepSoftRoundingReference(const SoftRoundingArgs& args, int64_t i) {
  const double v = static_cast<double>(args.v[i]);
  const double sigmoid = 1.0 / (1.0 + std::exp(-v));
  const double h = Rounding(v);
  const double slope = h <= 0 || h >= 1 ? 0 : 1.2 * sigmoid * (1 - sigmoid);
  const double steps = static_cast<double>(args.floor[i]) + h;
  const bool inside = steps >= static_cast<double>(args.lowest) &&
                      steps <= static_cast<double>(args.highest);
  const double loss = inside ? static_cast<double>(args.gradient[i]) *
                                   static_cast<double>(args.scale[i])
                             : 0;
  const double pull = -2.0 * args.power * std::pow(2 * h - 1, args.power - 1) *
                      static_cast<double>(args.pull);
  const double g = slope * (loss + pull);
  const double first = 0.9 * static_cast<double>(args.first[i]) + 0.1 * g;
  const double second =
      0.999 * static_cast<double>(args.second[i]) + 0.001 * g * g;
  const double root =
      std::sqrt(second * static_cast<double>(args.second_correction));
  const double moved =
      v - static_cast<double>(args.rate) * first / (root + 1e-12);
  args.first[i] = static_cast<float>(first);
  args.second[i] = static_cast<float>(second);
  args.v[i] = static_cast<float>(moved);
  args.weight[i] = static_cast<float>(
      static_cast<double>(args.scale[i]) *
      std::clamp(static_cast<double>(args.floor[i]) + Rounding(moved),
                 static_cast<double>(args.lowest),
                 static_cast<double>(args.highest)));
}

}  // namespace squint

#endif  // SQUINT_KERNELS_SOFT_ROUNDING_SOFT_ROUNDING_REF_H_
