// squint::QLinearConvAdd: a QLinearConv and the QLinearAdd behind it in one
// node. Made when a network is lowered to integers.
//
// Inputs: those of com.microsoft::QLinearConv with channels_last (an absent
// bias keeps its place), then the tensor that is added with its scale and zero
// point, then scale and zero point of the sum. Attribute `conv_is_b`: the
// convolution is the second operand of the sum, not the first. The numbers are
// those of the two operators.
#ifndef SQUINT_OPS_CONV_ADD_H_
#define SQUINT_OPS_CONV_ADD_H_

#include <cstddef>
#include <memory>

#include "squint/graph/graph.h"
#include "squint/ops/channels_last.h"
#include "squint/ops/op.h"

namespace squint {

// Places of inputs.
struct ConvAddInputs {
  static constexpr size_t kBias = 8;
  static constexpr size_t kAdded = 9;
  static constexpr size_t kAddedScale = 10;
  static constexpr size_t kAddedZero = 11;
  static constexpr size_t kSumScale = 12;
  static constexpr size_t kSumZero = 13;
};

// The node's QLinearConv.
Node ConvOfConvAdd(const Node& node);
// Its QLinearAdd, between `conv` and the tensor that is added.
Node AddOfConvAdd(const Node& node, ValueId conv);

// The step of both, for a node with these inputs; null where there is none.
std::unique_ptr<Step> PrepareConvAdd(const PrepareContext& context,
                                     const PixelStrides& strides = {});

}  // namespace squint

#endif  // SQUINT_OPS_CONV_ADD_H_
