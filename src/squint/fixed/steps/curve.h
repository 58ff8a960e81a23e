// Functions of one 16-bit number as the tables of squint_curve_16.
#ifndef SQUINT_FIXED_STEPS_CURVE_H_
#define SQUINT_FIXED_STEPS_CURVE_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "squint/tensor/tensor.h"

namespace squint {

struct Curve {
  // Where the function is the number itself between two others; else tables.
  struct Limits {
    int32_t low = 0;
    int32_t high = 0;
  };
  std::optional<Limits> limits;
  std::vector<uint16_t> first;
  std::vector<uint8_t> bits;
  std::vector<int16_t> points;
};

// `results`: 65,536 numbers of int16, the one of x at place x (taken as
// unsigned). The curve is at most a step from them. Error{kUnsupported} where
// that takes more points than there is flash for.
Curve CurveOf(const Tensor& results);

}  // namespace squint

#endif  // SQUINT_FIXED_STEPS_CURVE_H_
