// The number that scales scores before their softmax.
#ifndef SQUINT_KERNELS_ROWS_SCORE_FACTOR_H_
#define SQUINT_KERNELS_ROWS_SCORE_FACTOR_H_

#include <cstdint>

namespace squint {

struct ScoreFactor {
  enum Kind : uint8_t { kNone, kTimes, kOver };
  Kind kind = kNone;
  float number = 1.0f;
};

}  // namespace squint

#endif  // SQUINT_KERNELS_ROWS_SCORE_FACTOR_H_
