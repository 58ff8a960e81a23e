// squint::QLinearConvChannels: a channels-last QLinearConv, or a QLinearConvAdd
// (conv_add.h), that reads some of the channels of its image where they lie, or
// writes its results as some of the channels of a wider image. Made when a
// network is lowered to integers.
//
// Inputs: those of com.microsoft::QLinearConv with channels_last (an absent
// bias keeps its place), the five that QLinearConvAdd has behind them (or none
// of these), then the wide image that is written into. Attributes besides
// those of the operators: channels_read, channels_written (channel_range.h).
// With attribute `into_input` the wide image is input 0.
#ifndef SQUINT_OPS_CONV_CHANNELS_H_
#define SQUINT_OPS_CONV_CHANNELS_H_

#include <cstddef>
#include <vector>

#include "squint/graph/graph.h"

namespace squint {

// Places of inputs beyond those of ConvAddInputs.
struct ConvChannelsInputs {
  static constexpr size_t kInto = 14;
};

// The node's QLinearConv or QLinearConvAdd, whose input 0 is the channels that
// are read and whose output is the channels that are written.
Node ConvOfConvChannels(const Node& node);
// Sizes of its results, by those of the node.
std::vector<Dims> WrittenByConvChannels(const std::vector<Dims>& inputs,
                                        std::vector<Dims> outputs);

}  // namespace squint

#endif  // SQUINT_OPS_CONV_CHANNELS_H_
