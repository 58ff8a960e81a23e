// Convolutions: pointwise ones are products of rows, depthwise ones have their
// own kernel, others gather their taps.
#include "squint/kernels/fixed/conv.h"

#include "squint/fixed/step_list.h"
#include "squint/fixed/steps/rows.h"
#include "squint/fixed/steps/weights.h"
#include "squint/fixed/steps/window.h"
#include "squint/kernels/fixed/conv_16.h"
#include "squint/kernels/fixed/conv_long.h"
#include "squint/kernels/fixed/conv_nibbles.h"
#include "squint/kernels/fixed/depthwise.h"
#include "squint/kernels/fixed/depthwise_16.h"
#include "squint/kernels/fixed/depthwise_nibbles.h"
#include "squint/kernels/fixed/patch_window.h"

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
  int64_t channels() const { return int64_t{groups} * columns.count; }
  int64_t bytes() const { return weights.wide ? 2 : 1; }  // of a number
  const squint_window* InPatches() const {
    return weights.wide ? nullptr : &window;
  }
  // On a patch of it.
  squint_window WindowOn(const Patch* patch) const {
    return patch == nullptr
               ? window
               : squint_patch_window(&window, &patch->rows, &patch->columns);
  }
  int64_t macs() const {
    return pixels() * groups * columns.count * columns.depth;
  }
};

class PointwiseStep : public StepOf<PointwiseStep> {
 public:
  explicit PointwiseStep(Convolution c) : c_(std::move(c)) {}
  template <typename Machine>
  void Do(Machine& m) const {
    CallRows(m, m.Count(Size(c_.pixels())), c_.columns, c_.weights, c_.zero_y);
  }
  int64_t macs() const override { return c_.macs(); }
  std::optional<int64_t> Lead(size_t, const Patch* patch) const override {
    return LeadOfRows(PartOf(c_.pixels(), patch), c_.columns, c_.weights);
  }
  const squint_window* window() const override { return c_.InPatches(); }
  bool IsByPixel(int64_t pixels, int64_t channels) const override {
    return !c_.weights.wide && pixels == c_.pixels() &&
           channels == c_.window.channels;
  }

 private:
  Convolution c_;
};

class DepthwiseStep : public StepOf<DepthwiseStep> {
 public:
  explicit DepthwiseStep(Convolution c) : c_(std::move(c)) {}
  template <typename Machine>
  void Do(Machine& m) const {
    if (c_.weights.nibbles) {
      m.Call(SQUINT_KERNEL("depthwise_nibbles", squint_depthwise_nibbles),
             m.Window(c_.window), m.Weights(c_.weights), m.Number(c_.zero_y),
             m.In(0), m.Out(0), m.Scratch());
      return;
    }
    const auto call = [&](const auto&... kernel) {
      m.Call(kernel..., m.Window(c_.window), m.Weights(c_.weights),
             m.Number(c_.zero_y), m.In(0), m.Out(0));
    };
    c_.weights.wide ? call(SQUINT_KERNEL("depthwise_16", squint_depthwise_16))
                    : call(SQUINT_KERNEL("depthwise", squint_depthwise));
  }
  size_t scratch_bytes() const override {
    const squint_window& w = c_.window;
    return c_.weights.nibbles
               ? static_cast<size_t>(w.taps_h * w.taps_w * w.channels)
               : 0;
  }
  int64_t macs() const override { return c_.macs(); }
  std::optional<int64_t> Lead(size_t, const Patch* patch) const override {
    return c_.bytes() * LeadOfWindow(c_.WindowOn(patch), c_.channels(), 0);
  }
  const squint_window* window() const override { return c_.InPatches(); }

 private:
  Convolution c_;
};

class ConvStep : public StepOf<ConvStep> {
 public:
  explicit ConvStep(Convolution c) : c_(std::move(c)) {}
  template <typename Machine>
  void Do(Machine& m) const {
    if (is_long()) {
      m.Call(SQUINT_KERNEL("conv_long", squint_conv_long), m.Window(c_.window),
             m.Number(c_.groups), m.Params("squint_columns", c_.columns),
             m.Weights(c_.weights), m.Array("bias", c_.weights.long_bias),
             m.Number(c_.zero_y), m.In(0), m.Out(0), m.Scratch());
      return;
    }
    const auto call = [&](const auto&... kernel) {
      m.Call(kernel..., m.Window(c_.window), m.Number(c_.groups),
             m.Params("squint_columns", c_.columns), m.Weights(c_.weights),
             m.Number(c_.zero_y), m.In(0), m.Out(0), m.Scratch());
    };
    if (c_.weights.wide) {
      call(SQUINT_KERNEL("conv_16", squint_conv_16));
    } else if (c_.weights.nibbles) {
      call(SQUINT_KERNEL("conv_nibbles", squint_conv_nibbles));
    } else {
      call(SQUINT_KERNEL("conv", squint_conv));
    }
  }
  size_t scratch_bytes() const override {
    return static_cast<size_t>(gathered() * c_.bytes() * c_.columns.depth);
  }
  int64_t macs() const override { return c_.macs(); }
  // Each group reads the whole input.
  std::optional<int64_t> Lead(size_t, const Patch* patch) const override {
    if (c_.groups > 1) return std::nullopt;
    return c_.bytes() *
           LeadOfWindow(c_.WindowOn(patch), c_.channels(), gathered());
  }
  const squint_window* window() const override { return c_.InPatches(); }

 private:
  bool is_long() const { return !c_.weights.long_bias.empty(); }
  // Pixels at a time.
  int64_t gathered() const { return is_long() ? 1 : 2; }

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
  const Dims& weight = operation.inputs[1].dims;
  Require(weight.size() <= 4, "it has three axes or more");
  Require(operation.inputs[1].dtype != DType::kUint8,
          "its weights are uint8; --preset edge makes them int8");
  Require(operation.channels_last, "its weight is not of one type and layout");
  Convolution c;
  c.window = WindowOf(operation, Dims(weight.begin() + 2, weight.end()), false);
  c.groups = Size(operation.node.Int("group", 1));
  c.zero_y = GridOf(operation.outputs[0], NumberType(operation)).zero;
  const FixedWeightOrder order = FilterOrder(weight);
  c.weights = MakeWeights(operation, order);
  const bool depthwise = c.groups > 1 && c.groups == c.window.channels &&
                         weight[0] == c.groups && c.weights.long_bias.empty();
  c.columns = {.count = Size(weight[0] / c.groups),
               .depth = Size(static_cast<int64_t>(order.terms.size()))};
  if (depthwise) {
    c.weights.values = TermsFirst(c.weights.values, weight[0]);
    PackNibbles(c.weights, static_cast<int64_t>(c.weights.values.size()));
    return std::make_unique<DepthwiseStep>(std::move(c));
  }
  PackNibbles(c.weights, c.columns.depth);
  if (c.groups == 1 && IsPointwise(c.window)) {
    return std::make_unique<PointwiseStep>(std::move(c));
  }
  return std::make_unique<ConvStep>(std::move(c));
}

}  // namespace squint
