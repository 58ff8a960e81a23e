#include "squint/fixed/factor.h"

#include <cmath>
#include <limits>

namespace squint {

FixedFactor FactorOf(double real) {
  constexpr int64_t kOne = int64_t{1} << 31;
  int exponent = 0;
  const double fraction = std::frexp(real, &exponent);  // [0.5, 1)
  auto multiplier =
      static_cast<int64_t>(std::round(fraction * static_cast<double>(kOne)));
  if (multiplier == kOne) {
    multiplier /= 2;
    ++exponent;
  }
  if (exponent < -31) return {};
  if (exponent > 30) return {std::numeric_limits<int32_t>::max(), 1};
  return {static_cast<int32_t>(multiplier), 31 - exponent};
}

}  // namespace squint
