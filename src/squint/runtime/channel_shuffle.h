// Channel shuffles, as networks with grouped convolutions spell them.
#ifndef SQUINT_RUNTIME_CHANNEL_SHUFFLE_H_
#define SQUINT_RUNTIME_CHANNEL_SHUFFLE_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "squint/runtime/vanishing.h"

namespace squint {

// A Reshape that splits the channels of an image [N, C, spatial ...] into
// pieces, a Transpose that permutes these, and a Reshape to the image's shape.
struct ChannelShuffle {
  NodeId split;
  NodeId transpose;
  NodeId join;
  Dims pieces;                // their product is C
  std::vector<int64_t> perm;  // of the pieces, counted from 0
};

// The shuffle that begins with this node; nullopt where there is none, where
// sizes do not say that it moves channels only, or where someone else reads
// what lies between.
std::optional<ChannelShuffle> FindChannelShuffle(const Graph& graph,
                                                 const VanishingValues& values,
                                                 NodeId split);

}  // namespace squint

#endif  // SQUINT_RUNTIME_CHANNEL_SHUFFLE_H_
