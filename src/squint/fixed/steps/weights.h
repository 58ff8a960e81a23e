// Weights of products: zero points taken off, the input's folded into the
// bias, a fixed-point factor for each channel.
#ifndef SQUINT_FIXED_STEPS_WEIGHTS_H_
#define SQUINT_FIXED_STEPS_WEIGHTS_H_

#include <vector>

#include "squint/fixed/operation.h"

namespace squint {

// Input 1 of the operation as [channel][term]: element (c, t) is the one at
// c * channel_stride + index of term t, or at starts[c] + that index.
struct FixedWeightOrder {
  int64_t channels = 0;
  std::vector<int64_t> terms;  // where each lies within a channel
  int64_t channel_stride = 1;
  std::vector<int64_t> starts = {};

  int64_t start(int64_t c) const {
    return starts.empty() ? c * channel_stride : starts[static_cast<size_t>(c)];
  }
};

// The bias is bias[c] - zero_x * sum of w[c], so that sums are made of x as it
// is stored. Error where weights do not fit int8 or, of 8-bit numbers, a sum 32
// bits; sums of 16-bit numbers take 64 where the weights do not prove that 32
// are enough.
FixedWeights MakeWeights(const FixedOperation& operation,
                         const FixedWeightOrder& order);

// Packs rows of `depth` weights as kernels/fixed/nibbles.h has them, where all
// fit 4 bits and sums of 16 times as much 32 bits, and 8-bit numbers are
// multiplied; else nothing changes.
void PackNibbles(FixedWeights& weights, int64_t depth);

// The same numbers, channels last: [term][channel].
std::vector<int8_t> TermsFirst(const std::vector<int8_t>& values,
                               int64_t channels);

}  // namespace squint

#endif  // SQUINT_FIXED_STEPS_WEIGHTS_H_
