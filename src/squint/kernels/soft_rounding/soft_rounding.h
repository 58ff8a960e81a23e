// Weights on their way to integers: each stands between its two neighbours
// on the grid, by a number v that descent moves (AdaRound, arXiv:2004.10568,
// equations 22 to 24):
//   h(v)   = clip(1.2 sigmoid(v) - 0.1, 0, 1)
//   weight = scale * clip(floor + h(v), lowest, highest)
// One pass takes a step of Adam (arXiv:1412.6980) on
//   loss(weight) + pull * sum of 1 - |2 h(v) - 1|^power
// whose second part drives h to 0 or 1, and computes the weights anew.
#ifndef SQUINT_KERNELS_SOFT_ROUNDING_SOFT_ROUNDING_H_
#define SQUINT_KERNELS_SOFT_ROUNDING_SOFT_ROUNDING_H_

#include <cstdint>

namespace squint {

class ThreadPool;

struct SoftRoundingArgs {
  int64_t count = 0;
  const float* floor = nullptr;  // on the grid, in steps
  const float* scale = nullptr;  // of a step
  float lowest = 0;              // of the grid, in steps
  float highest = 0;
  const float* gradient = nullptr;  // of the loss by the weight
  float* v = nullptr;
  float* first = nullptr;  // Adam's moments of v
  float* second = nullptr;
  float* weight = nullptr;
  float rate = 0;               // of Adam, already corrected for its start
  float second_correction = 1;  // 1 / (1 - 0.999^t)
  float pull = 0;
  int power = 2;  // even, 2 to 32
};

void StepSoftRounding(const SoftRoundingArgs& args, ThreadPool& pool);

}  // namespace squint

#endif  // SQUINT_KERNELS_SOFT_ROUNDING_SOFT_ROUNDING_H_
