// Which numbers of a layer's weights make the channels of attention heads, and
// which read them, where nothing but linear operators that keep channels apart
// stands between: a rotation of those channels can then be written into the
// weights.
#ifndef SQUINT_QUANTIZE_HEAD_CHANNELS_H_
#define SQUINT_QUANTIZE_HEAD_CHANNELS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "squint/graph/graph.h"

namespace squint {

// Consecutive channels, `heads` times `size`, of a layer's outputs or inputs.
struct HeadChannels {
  struct Bias {
    NodeId node = kNoNode;
    size_t index = 0;   // the input that holds it
    int64_t first = 0;  // of its numbers
  };

  NodeId layer = kNoNode;  // Gemm or MatMul with a constant weight
  int64_t first = 0;
  int64_t heads = 1;
  int64_t size = 0;
  std::vector<Bias> biases;      // added on the way, of as many numbers
  std::vector<ValueId> between;  // what carries the channels on the way
};

// The layer whose outputs become `value`, whose axis `axis` holds the channels
// of one head. None where others read what is between, or where the way does
// anything but move, scale by one number and add a bias.
std::optional<HeadChannels> MadeBy(const Graph& graph, const UseMap& uses,
                                   ValueId value, int axis);

// The layer whose inputs `value` becomes, whose last axis holds the channels.
// `between` begins with `value`.
std::optional<HeadChannels> ReadBy(const Graph& graph, const UseMap& uses,
                                   ValueId value);

}  // namespace squint

#endif  // SQUINT_QUANTIZE_HEAD_CHANNELS_H_
