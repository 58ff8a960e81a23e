// Neighbouring layers that can trade scale: what one multiplies its output
// channels by, the next divides its input channels by.
#ifndef SQUINT_QUANTIZE_LAYER_CHAIN_H_
#define SQUINT_QUANTIZE_LAYER_CHAIN_H_

#include <limits>
#include <span>
#include <vector>

#include "squint/optimize/linear.h"
#include "squint/quantize/method.h"

namespace squint {

// A layer, positively homogeneous nodes without a branch (f(sx) = s f(x) for
// s > 0, channel by channel: Relu, LeakyRelu, PRelu, pools, a Clip from zero
// up as long as its upper limit is not met), and the layers that read the end.
struct LayerChain {
  Linear first;
  std::vector<Linear> readers;
  // From the first's result to what the readers read.
  std::vector<ValueId> values;
  std::vector<NodeId> between;
  // The least upper limit of the Clips between, and the value behind it.
  float limit = std::numeric_limits<float>::infinity();
  ValueId limited = kNoValue;

  size_t channels() const { return static_cast<size_t>(first.out_channels); }
};

// In the graph's order. Left out: layers and values that the recipe names,
// weights with several readers, values whose statistics could not follow.
std::vector<LayerChain> FindLayerChains(Editor& editor,
                                        const MethodContext& context);

// The first's outputs become factor * y + shift, the readers undo that, and
// statistics and names of the values between follow. Factors are positive.
// False, and nothing done, where a number would not be finite.
bool ApplyToChain(Editor& editor, const LayerChain& chain,
                  std::span<const double> factor, std::span<const double> shift,
                  Calibration& calibration);

}  // namespace squint

#endif  // SQUINT_QUANTIZE_LAYER_CHAIN_H_
