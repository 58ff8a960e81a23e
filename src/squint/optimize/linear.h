// Conv, ConvTranspose, Gemm and MatMul with constant weights, seen alike: a
// weight for each (input channel, output channel) pair, and a bias. Affine
// maps before and after are multiplied into them.
#ifndef SQUINT_OPTIMIZE_LINEAR_H_
#define SQUINT_OPTIMIZE_LINEAR_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "squint/optimize/affine.h"
#include "squint/optimize/editor.h"

namespace squint {

struct Linear {
  enum class Kind { kConv, kConvTranspose, kGemm, kMatMul };
  Kind kind = Kind::kConv;
  NodeId node = kNoNode;
  int64_t in_channels = 0;
  int64_t out_channels = 0;
  int in_axis = 1;   // of the data input
  int out_axis = 1;  // of the output
  bool has_bias = false;
  std::vector<double> bias;  // out_channels numbers, zeros without a bias
};

// Float32 with constant weights and a constant (or no) bias per output
// channel; nullopt otherwise, or when the node touches quantized values.
std::optional<Linear> ReadLinear(const Editor& editor, NodeId node);

// True when zero samples are added around the data, so that an affine map
// before it may scale but not shift.
bool HasPadding(const Editor& editor, const Linear& linear);

// Multiplies `map` into weights and bias as if it followed. Gemm's alpha and
// beta are folded too; a MatMul that gets a bias becomes a Gemm. False, and
// nothing done, when channels do not match, MatMul is no matrix product, or
// a number would not be finite in float32.
bool FoldAfter(Editor& editor, const Linear& linear, const Affine& map);

// The same as if `map` preceded. `check_only`: only tells whether it could.
bool FoldBefore(Editor& editor, const Linear& linear, const Affine& map,
                bool check_only);

}  // namespace squint

#endif  // SQUINT_OPTIMIZE_LINEAR_H_
