// squint::QLinearConvGlobalAveragePool: a QLinearConv and the mean of its
// images in one node. Made when a network is lowered to integers; what the
// convolution makes is no result of the network then.
//
// Inputs: those of com.microsoft::QLinearConv with channels_last (an absent
// bias keeps its place), then scale and zero point of the means, or neither.
// With them the result is that of QLinearGlobalAveragePool with channels_last,
// 8 bits [N, 1 ..., C]; without, of GlobalAveragePoolToFloat (global_mean.h),
// float32 [N, C, 1 ...]. The numbers are those of the two operators: means of
// the convolution's rounded results.
#ifndef SQUINT_OPS_CONV_MEAN_H_
#define SQUINT_OPS_CONV_MEAN_H_

#include <cstddef>

#include "squint/graph/graph.h"

namespace squint {

// Places of inputs.
struct ConvMeanInputs {
  static constexpr size_t kBias = 8;
  static constexpr size_t kMeanScale = 9;
  static constexpr size_t kMeanZero = 10;
};

// The node's QLinearConv.
Node ConvOfConvMean(const Node& node);
// What makes means of its result, `conv`.
Node MeanOfConvMean(const Node& node, ValueId conv);

// Of the convolution's result, from those of the node's input and weight.
Dims ConvDimsOfConvMean(const Node& node, const Dims& x, const Dims& weight);

}  // namespace squint

#endif  // SQUINT_OPS_CONV_MEAN_H_
