// Transposed convolutions of images with channels first.
#include "squint/kernels/fixed/conv_transpose.h"

#include "squint/fixed/step_list.h"
#include "squint/fixed/steps/weights.h"
#include "squint/fixed/steps/window.h"

namespace squint {
namespace {

class ConvTransposeStep : public StepOf<ConvTransposeStep> {
 public:
  ConvTransposeStep(const squint_window& window, int32_t groups,
                    const squint_columns& columns, FixedWeights weights,
                    std::vector<int32_t> tap_bias, int32_t zero_y)
      : window_(window),
        groups_(groups),
        columns_(columns),
        weights_(std::move(weights)),
        tap_bias_(std::move(tap_bias)),
        zero_y_(zero_y) {}
  template <typename Machine>
  void Do(Machine& m) const {
    m.Call(SQUINT_KERNEL("conv_transpose", squint_conv_transpose),
           m.Params("squint_window", window_), m.Number(groups_),
           m.Params("squint_columns", columns_), m.Weights(weights_),
           m.Array("tap_bias", tap_bias_), m.Number(zero_y_), m.In(0), m.Out(0),
           m.Scratch());
  }
  size_t scratch_bytes() const override {
    return static_cast<size_t>(taps() * (1 + columns_.depth));
  }
  // As if every tap of every input pixel met a pixel.
  int64_t macs() const override {
    return int64_t{window_.images} * groups_ * window_.in_h * window_.in_w *
           taps() * columns_.depth * columns_.count;
  }

 private:
  int32_t taps() const { return window_.taps_h * window_.taps_w; }

  squint_window window_;
  int32_t groups_;
  squint_columns columns_;
  FixedWeights weights_;
  std::vector<int32_t> tap_bias_;
  int32_t zero_y_;
};

// [channel][filter of its group][taps] as [filter][taps][channel of the group].
FixedWeightOrder FilterOrder(const Dims& weight, int64_t groups, int64_t taps) {
  FixedWeightOrder order{
      .channels = weight[1] * groups, .terms = {}, .channel_stride = 1};
  const int64_t depth = weight[0] / groups;
  for (int64_t t = 0; t < taps; ++t) {
    for (int64_t c = 0; c < depth; ++c) {
      order.terms.push_back(c * weight[1] * taps + t);
    }
  }
  for (int64_t f = 0; f < order.channels; ++f) {
    order.starts.push_back(f / weight[1] * depth * weight[1] * taps +
                           f % weight[1] * taps);
  }
  return order;
}

// [group][filter][taps][channel] as [group][taps][filter][channel].
std::vector<int8_t> TapsFirst(const std::vector<int8_t>& values, int64_t groups,
                              int64_t filters, int64_t taps, int64_t depth) {
  std::vector<int8_t> turned;
  for (int64_t g = 0; g < groups; ++g) {
    for (int64_t t = 0; t < taps; ++t) {
      for (int64_t f = 0; f < filters; ++f) {
        const auto row =
            values.begin() + ((g * filters + f) * taps + t) * depth;
        turned.insert(turned.end(), row, row + depth);
      }
    }
  }
  return turned;
}

// -zero * the sum of each row.
std::vector<int32_t> RowBias(const std::vector<int8_t>& values, int64_t depth,
                             int32_t zero) {
  std::vector<int32_t> bias;
  for (auto row = values.begin(); row != values.end(); row += depth) {
    int32_t sum = 0;
    for (auto w = row; w != row + depth; ++w) sum += *w;
    bias.push_back(-zero * sum);
  }
  return bias;
}

}  // namespace

std::unique_ptr<FixedStep> MakeConvTransposeStep(
    const FixedOperation& operation) {
  Require(!operation.channels_last, "its channels come last");
  const Node& node = operation.node;
  Require(node.String("auto_pad", "NOTSET") == "NOTSET" &&
              node.Ints("output_shape").empty(),
          "its pads follow from its size");
  const Dims& weight = operation.inputs[1].dims;
  const int64_t groups = node.Int("group", 1);
  const Dims kernel(weight.begin() + 2, weight.end());
  squint_window window = WindowOf(operation, kernel, false);
  window.channels = Size(weight[0]);
  window.images = Size(operation.inputs[0].dims[0]);
  const int64_t taps = ElementCount(kernel);
  const squint_columns columns = {.count = Size(weight[1]),
                                  .depth = Size(weight[0] / groups)};
  constexpr int64_t kMostTerms = (int64_t{1} << 30) / (255 * 128);
  Require(taps * columns.depth <= kMostTerms, "its sums may not fit 32 bits");
  // Which taps add up differs: the zero point is not folded into the bias.
  FixedOperation centred = operation;
  GridOf(centred.inputs[0]);
  centred.inputs[0].grid->zeros = {0};
  FixedWeights weights =
      MakeWeights(centred, FilterOrder(weight, groups, taps));
  weights.values =
      TapsFirst(weights.values, groups, weight[1], taps, columns.depth);
  std::vector<int32_t> tap_bias =
      RowBias(weights.values, columns.depth, window.zero);
  return std::make_unique<ConvTransposeStep>(
      window, Size(groups), columns, std::move(weights), std::move(tap_bias),
      GridOf(operation.outputs[0]).zero);
}

}  // namespace squint
