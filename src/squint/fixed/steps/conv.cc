// Convolutions: pointwise ones are products of rows, depthwise ones have their
// own kernel, others gather their taps.
#include "squint/kernels/fixed/conv.h"
#include "squint/fixed/step_list.h"
#include "squint/fixed/steps/rows.h"
#include "squint/fixed/steps/weights.h"
#include "squint/fixed/steps/window.h"
#include "squint/kernels/fixed/conv_nibbles.h"
#include "squint/kernels/fixed/depthwise.h"
#include "squint/kernels/fixed/depthwise_nibbles.h"

namespace squint {
namespace {

struct Convolution {
  squint_window window;
  int32_t groups = 1;
  squint_columns columns;  // of one group
  int32_t zero_y = 0;
  FixedWeights weights;

  int64_t pixels() const {
    return int64_t{window.images} * window.out_h * window.out_w;
  }
  int64_t macs() const {
    return pixels() * groups * columns.count * columns.depth;
  }
};

class DepthwiseStep : public StepOf<DepthwiseStep> {
 public:
  explicit DepthwiseStep(Convolution c) : c_(std::move(c)) {}
  template <typename Machine>
  void Do(Machine& m) const {
    if (c_.weights.nibbles) {
      m.Call(SQUINT_KERNEL("depthwise_nibbles", squint_depthwise_nibbles),
             m.Params("squint_window", c_.window), m.Weights(c_.weights),
             m.Number(c_.zero_y), m.In(0), m.Out(0), m.Scratch());
      return;
    }
    m.Call(SQUINT_KERNEL("depthwise", squint_depthwise),
           m.Params("squint_window", c_.window), m.Weights(c_.weights),
           m.Number(c_.zero_y), m.In(0), m.Out(0));
  }
  size_t scratch_bytes() const override {
    const squint_window& w = c_.window;
    return c_.weights.nibbles
               ? static_cast<size_t>(w.taps_h * w.taps_w * w.channels)
               : 0;
  }
  int64_t macs() const override { return c_.macs(); }

 private:
  Convolution c_;
};

class ConvStep : public StepOf<ConvStep> {
 public:
  explicit ConvStep(Convolution c) : c_(std::move(c)) {}
  template <typename Machine>
  void Do(Machine& m) const {
    const auto call = [&](const auto&... kernel) {
      m.Call(kernel..., m.Params("squint_window", c_.window),
             m.Number(c_.groups), m.Params("squint_columns", c_.columns),
             m.Weights(c_.weights), m.Number(c_.zero_y), m.In(0), m.Out(0),
             m.Scratch());
    };
    c_.weights.nibbles
        ? call(SQUINT_KERNEL("conv_nibbles", squint_conv_nibbles))
        : call(SQUINT_KERNEL("conv", squint_conv));
  }
  size_t scratch_bytes() const override {
    return 2 * static_cast<size_t>(c_.columns.depth);
  }
  int64_t macs() const override { return c_.macs(); }

 private:
  Convolution c_;
};

bool IsPointwise(const squint_window& w) {
  return w.taps_h == 1 && w.taps_w == 1 && w.stride_h == 1 && w.stride_w == 1 &&
         w.pad_top == 0 && w.pad_left == 0 && w.in_h == w.out_h &&
         w.in_w == w.out_w;
}

// [filter][channel][taps] as [filter][taps][channel].
FixedWeightOrder FilterOrder(const Dims& weight) {
  FixedWeightOrder order{
      .channels = weight[0], .terms = {}, .channel_stride = 1};
  const int64_t channels = weight[1];
  const int64_t taps = ElementCount(Dims(weight.begin() + 2, weight.end()));
  for (int64_t t = 0; t < taps; ++t) {
    for (int64_t c = 0; c < channels; ++c) order.terms.push_back(c * taps + t);
  }
  order.channel_stride = channels * taps;
  return order;
}

}  // namespace

std::unique_ptr<FixedStep> MakeConvStep(const FixedOperation& operation) {
  Require(operation.channels_last, "its weight is not of one type and layout");
  const Dims& weight = operation.inputs[1].dims;
  Convolution c;
  c.window = WindowOf(operation, Dims(weight.begin() + 2, weight.end()), false);
  c.groups = Size(operation.node.Int("group", 1));
  c.zero_y = GridOf(operation.outputs[0]).zero;
  const bool depthwise =
      c.groups > 1 && c.groups == c.window.channels && weight[0] == c.groups;
  const FixedWeightOrder order = FilterOrder(weight);
  c.weights = MakeWeights(operation, order);
  c.columns = {.count = Size(weight[0] / c.groups),
               .depth = Size(static_cast<int64_t>(order.terms.size()))};
  if (depthwise) {
    c.weights.values = TermsFirst(c.weights.values, weight[0]);
    PackNibbles(c.weights, static_cast<int64_t>(c.weights.values.size()));
    return std::make_unique<DepthwiseStep>(std::move(c));
  }
  if (c.groups == 1 && IsPointwise(c.window)) {
    return MakeRowsStep(c.pixels(), c.columns, std::move(c.weights), c.zero_y);
  }
  PackNibbles(c.weights, c.columns.depth);
  return std::make_unique<ConvStep>(std::move(c));
}

}  // namespace squint
