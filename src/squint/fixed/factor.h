// Real factors as fixed-point numbers.
#ifndef SQUINT_FIXED_FACTOR_H_
#define SQUINT_FIXED_FACTOR_H_

#include <cstdint>

namespace squint {

// multiplier / 2^shift, 0 <= multiplier < 2^31, 1 <= shift <= 62: what
// squint_scale takes (kernels/fixed/fixed_point.h).
struct FixedFactor {
  int32_t multiplier = 0;
  int32_t shift = 1;
};

// The nearest one with 31 significant bits. Factors below 2^-32 become 0,
// those of 2^30 and more the largest; `real` must not be negative.
FixedFactor FactorOf(double real);

}  // namespace squint

#endif  // SQUINT_FIXED_FACTOR_H_
