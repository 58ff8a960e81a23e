// The truth of requantization.h, one sum at a time.
#ifndef SQUINT_KERNELS_QGEMM_REQUANTIZE_REF_H_
#define SQUINT_KERNELS_QGEMM_REQUANTIZE_REF_H_

#include <algorithm>
#include <cmath>

#include "squint/kernels/qgemm/requantization.h"

namespace squint {

// The 8 bits of the result, as uint8 or int8 has them.
inline uint8_t RequantizeRef(int32_t sum, int64_t i, int64_t j,
                             const Requantization& r) {
  if (r.bias != nullptr) {
    sum += r.bias[i * r.bias_row + j * r.bias_column];
  }
  const float multiplier =
      r.multiplier[i * r.multiplier_row + j * r.multiplier_column];
  const float v =
      std::clamp(static_cast<float>(sum) * multiplier, r.low, r.high);
  return static_cast<uint8_t>(static_cast<int32_t>(std::nearbyintf(v)) +
                              r.zero);
}

}  // namespace squint

#endif  // SQUINT_KERNELS_QGEMM_REQUANTIZE_REF_H_
