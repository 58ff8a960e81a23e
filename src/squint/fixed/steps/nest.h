// Loops that say where elements go.
#ifndef SQUINT_FIXED_STEPS_NEST_H_
#define SQUINT_FIXED_STEPS_NEST_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "squint/kernels/fixed/copy_shape.h"

namespace squint {

// One element: y[to] = x[from].
struct Move {
  int64_t from = 0;
  int64_t to = 0;
};

// The loops of squint_copy that make these moves in this order; nullopt where
// six loops with constant steps do not.
std::optional<squint_copy_shape> NestOf(std::vector<Move> moves);

}  // namespace squint

#endif  // SQUINT_FIXED_STEPS_NEST_H_
