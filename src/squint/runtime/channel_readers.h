// Nodes of lowered graphs that read some channels of a channels-last image
// where they lie.
#ifndef SQUINT_RUNTIME_CHANNEL_READERS_H_
#define SQUINT_RUNTIME_CHANNEL_READERS_H_

#include <cstdint>

#include "squint/graph/graph.h"

namespace squint {

// A convolution whose step takes images of pixels that lie apart.
bool HasPixelStrides(const Graph& graph, const Node& node);
// Such a convolution as a QLinearConvChannels that reads and writes whole
// images, as far as it is none.
void BecomeConvChannels(Node& node);

// Whether the node can read its input 0 as some channels of another image.
bool CanReadChannels(const Graph& graph, const Use& use);
// Lets it read channels [first, first + count) of `wide` instead.
void ReadChannels(Node& node, ValueId wide, int64_t first, int64_t count);

}  // namespace squint

#endif  // SQUINT_RUNTIME_CHANNEL_READERS_H_
