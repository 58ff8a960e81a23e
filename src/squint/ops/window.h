// The sliding window of Conv, ConvTranspose and the pools: kernel, strides,
// dilations and padding of every spatial axis, read from a node and checked,
// and the output sizes that follow from it.
#ifndef SQUINT_OPS_WINDOW_H_
#define SQUINT_OPS_WINDOW_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "squint/graph/graph.h"

namespace squint {

enum class AutoPad : uint8_t { kNotSet, kSameUpper, kSameLower, kValid };

struct Window {
  // One entry per spatial axis, all of equal length.
  Dims kernel;
  Dims strides;
  Dims dilations;
  Dims pads_begin;  // as written (0 under kValid) until ResolvePads
  Dims pads_end;
  AutoPad auto_pad = AutoPad::kNotSet;
  bool ceil_mode = false;

  size_t rank() const { return kernel.size(); }
  // Input positions that one window spans: (kernel - 1) * dilation + 1.
  int64_t extent(size_t axis) const {
    return (kernel[axis] - 1) * dilations[axis] + 1;
  }
  int64_t taps() const;  // product of kernel
};

// Reads strides, dilations, pads, auto_pad and ceil_mode for a kernel of the
// given size. Error{kInvalidModel} for lists of the wrong length and values
// outside [1, 2^31) (pads: [0, 2^31)).
Window ReadWindow(const Node& node, Dims kernel);

// Output size along one spatial axis; unknown where it cannot be told.
// Error{kInvalidModel} when the window does not fit into the padded input.
Dim WindowOutput(const Window& window, size_t axis, const Dim& input);

// The same window with SAME_UPPER and SAME_LOWER turned into explicit pads
// for this input size. Where the stride exceeds the window, fewer positions
// are visited than there are: a convolution then starts at the first one,
// a pool (`centred`) skips on both sides, by negative pads.
Window ResolvePads(Window window, std::span<const int64_t> input,
                   bool centred = false);

// Output sizes for concrete input sizes.
Dims WindowOutputs(const Window& window, std::span<const int64_t> input);

// A run of output positions along the last axis that one kernel tap serves:
// out[out_start + i] takes in[in_start + i * stride], 0 <= i < count, where
// stride is that of the last axis. Positions in the padding are left out.
struct TapRow {
  int64_t tap;  // row-major index into the kernel
  int64_t in_start;
  int64_t out_start;
  int64_t count;
};
// All runs of one image plane, ordered by tap. Pads must be resolved.
std::vector<TapRow> TapRowsOf(const Window& window, const Dims& input,
                              const Dims& output);

// Steps `index` to the next element of `dims` in row-major order; false
// after the last one.
bool NextIndex(Dims& index, std::span<const int64_t> dims);

}  // namespace squint

#endif  // SQUINT_OPS_WINDOW_H_
