// The truth about scale_search.h, for one group, in plain loops.
#ifndef SQUINT_KERNELS_SCALE_SEARCH_SCALE_SEARCH_REF_H_
#define SQUINT_KERNELS_SCALE_SEARCH_SCALE_SEARCH_REF_H_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

namespace squint {

inline constexpr int kSearchSteps = 60;

inline float SearchRatio(int step) {
  constexpr float kSmallest = 0.4f;
  return 1.0f - (1.0f - kSmallest) * static_cast<float>(step) / kSearchSteps;
}

inline double SquaredErrorReference(std::span<const float> values, float scale,
                                    float qmax) {
  double error = 0;
  for (const float v : values) {
    const float q = std::clamp(std::nearbyintf(v / scale), -qmax, qmax);
    const double d = static_cast<double>(v) -
                     static_cast<double>(scale) * static_cast<double>(q);
    error += d * d;
  }
  return error;
}

inline float SearchScaleReference(std::span<const float> values, int32_t qmax) {
  float magnitude = 0;
  for (const float v : values) magnitude = std::max(magnitude, std::fabs(v));
  if (magnitude == 0) return 1.0f;
  const auto largest = static_cast<float>(qmax);
  double least = std::numeric_limits<double>::infinity();
  float best = 0;
  for (int step = 0; step <= kSearchSteps; ++step) {
    const float scale = magnitude * SearchRatio(step) / largest;
    const double error = SquaredErrorReference(values, scale, largest);
    if (error < least) {
      least = error;
      best = scale;
    }
  }
  return best >= std::numeric_limits<float>::min() ? best : 1.0f;
}

}  // namespace squint

#endif  // SQUINT_KERNELS_SCALE_SEARCH_SCALE_SEARCH_REF_H_
