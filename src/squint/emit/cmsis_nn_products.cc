// Convolutions and dense layers as calls of CMSIS-NN.
#include "squint/emit/cmsis_nn_step.h"
#include "squint/kernels/fixed/channel.h"
#include "squint/kernels/fixed/window.h"

namespace squint {
namespace {

// Weights in CMSIS-NN's terms.
struct CmsisWeights {
  std::vector<int8_t> values;
  std::vector<int32_t> bias;
  std::vector<int32_t> multiplier;
  std::vector<int32_t> shift;

  template <typename Machine>
  std::vector<std::string> Pointers(Machine& m) const {
    return {m.Array("weights", values), m.Array("bias", bias),
            m.Array("multiplier", multiplier), m.Array("shift", shift)};
  }
};

// Weight `term` of a channel lies at channel * outer + term * inner.
struct WeightLayout {
  int64_t outer = 1;
  int64_t inner = 1;
  int64_t terms = 1;
};

// Ours have the zero point of the input in the bias. CMSIS-NN that adds an
// offset to the input has to have it taken out again: borders are that zero
// point, which with the offset is 0. nullopt where something might not fit.
std::optional<CmsisWeights> Converted(const FixedWeights& own,
                                      const WeightLayout& layout,
                                      int32_t zero) {
  constexpr int64_t kLargestInput = 255;  // with its offset
  CmsisWeights made{own.values, {}, own.multiplier, {}};
  for (size_t c = 0; c < own.bias.size(); ++c) {
    int64_t sum = 0;
    int64_t magnitude = 0;
    for (int64_t t = 0; t < layout.terms; ++t) {
      const int64_t at =
          static_cast<int64_t>(c) * layout.outer + t * layout.inner;
      const int64_t w = own.values[static_cast<size_t>(at)];
      sum += w;
      magnitude += std::abs(w);
    }
    const int64_t bias = own.bias[c] + zero * sum;
    const int64_t bound = std::abs(bias) + kLargestInput * magnitude;
    if (!CmsisCanScale(bound, own.multiplier[c], own.shift[c])) {
      return std::nullopt;
    }
    made.bias.push_back(static_cast<int32_t>(bias));
    made.shift.push_back(CmsisShift(own.multiplier[c], own.shift[c]));
  }
  return made;
}

// CMSIS-NN holds sizes and places in 16 bits.
bool HasCmsisSizes(const squint_window& w, int64_t depth, int64_t filters) {
  constexpr int64_t kMost = (1 << 15) - 1;
  const int64_t largest =
      std::max({int64_t{w.in_h}, int64_t{w.in_w}, int64_t{w.channels},
                int64_t{w.out_h}, int64_t{w.out_w}, filters, depth,
                int64_t{w.out_h} * w.stride_h + int64_t{w.taps_h} * w.step_h,
                int64_t{w.out_w} * w.stride_w + int64_t{w.taps_w} * w.step_w});
  return largest <= kMost && w.out_h > 0 && w.out_w > 0;
}

class ConvCall : public CmsisStep {
 public:
  ConvCall(std::shared_ptr<const FixedStep> own, const RecordedCall& call,
           CmsisWeights weights)
      : CmsisStep(std::move(own)),
        window_(call.Struct<squint_window>(0)),
        groups_(call.Number(1)),
        zero_y_(call.Number(4)),
        weights_(std::move(weights)) {}

  void Write(StepWriter& m) const override {
    const auto w = weights_.Pointers(m);
    m.Call("cmsis_conv", "squint_cmsis_conv", nullptr,
           m.Params("squint_window", window_), m.Number(groups_),
           m.Number(static_cast<int32_t>(weights_.bias.size())),
           m.Number(zero_y_), w[0], w[1], w[2], w[3], m.In(0), m.Out(0),
           m.Scratch(), m.Number(static_cast<int32_t>(cmsis_scratch())));
  }

 private:
  // Helium: four columns of bytes, in whole vectors of 16. Others: two of 16
  // bits, in fours.
  size_t cmsis_scratch() const override {
    const auto column =
        static_cast<size_t>(window_.taps_h * window_.taps_w * window_.channels);
    return 4 * ((column + 15) / 16 * 16);
  }

  squint_window window_;
  int32_t groups_;
  int32_t zero_y_;
  CmsisWeights weights_;
};

class DepthwiseCall : public CmsisStep {
 public:
  DepthwiseCall(std::shared_ptr<const FixedStep> own, const RecordedCall& call,
                CmsisWeights weights)
      : CmsisStep(std::move(own)),
        window_(call.Struct<squint_window>(0)),
        zero_y_(call.Number(2)),
        weights_(std::move(weights)) {}

  void Write(StepWriter& m) const override {
    const auto w = weights_.Pointers(m);
    const auto bytes = static_cast<int32_t>(cmsis_scratch());
    m.Call("cmsis_depthwise", "squint_cmsis_depthwise", nullptr,
           m.Params("squint_window", window_), m.Number(zero_y_), w[0], w[1],
           w[2], w[3], m.In(0), m.Out(0),
           bytes == 0 ? m.Null<int8_t>() : m.Scratch(), m.Number(bytes));
  }

 private:
  // Helium: four pixels of 124 channels. Dual MACs: a pixel in 16 bits, but for
  // filters that have a kernel of their own.
  size_t cmsis_scratch() const override {
    const squint_window& w = window_;
    if (w.images != 1 || w.step_h != 1 || w.step_w != 1) return 0;
    constexpr int32_t kHeliumChannels = 124;
    const bool has_kernel =
        w.taps_h == 3 && w.taps_w == 3 && w.pad_top <= 1 && w.pad_left <= 1;
    const int32_t taps = w.taps_h * w.taps_w;
    return static_cast<size_t>(std::max(
        4 * kHeliumChannels * taps, has_kernel ? 0 : 2 * w.channels * taps));
  }

  squint_window window_;
  int32_t zero_y_;
  CmsisWeights weights_;
};

// One row is a dense layer, more are the pixels of a 1x1 convolution.
class RowsCall : public CmsisStep {
 public:
  RowsCall(std::shared_ptr<const FixedStep> own, const RecordedCall& call,
           CmsisWeights weights)
      : CmsisStep(std::move(own)),
        rows_(call.Number(0)),
        columns_(call.Struct<squint_columns>(1)),
        zero_y_(call.Number(3)),
        weights_(std::move(weights)) {}

  void Write(StepWriter& m) const override {
    const std::string columns = m.Params("squint_columns", columns_);
    if (rows_ == 1 && has_one_factor()) {
      m.Call("cmsis_dense", "squint_cmsis_dense", nullptr, columns,
             m.Number(zero_y_), m.Array("weights", weights_.values),
             m.Array("bias", weights_.bias), m.Number(weights_.multiplier[0]),
             m.Number(weights_.shift[0]), m.In(0), m.Out(0));
      return;
    }
    const auto w = weights_.Pointers(m);
    if (rows_ == 1) {
      m.Call("cmsis_dense_channels", "squint_cmsis_dense_channels", nullptr,
             columns, m.Number(zero_y_), w[0], w[1], w[2], w[3], m.In(0),
             m.Out(0));
      return;
    }
    m.Call("cmsis_rows", "squint_cmsis_rows", nullptr, m.Number(rows_), columns,
           m.Number(zero_y_), w[0], w[1], w[2], w[3], m.In(0), m.Out(0));
  }

 private:
  bool has_one_factor() const {
    const auto same = [](const std::vector<int32_t>& values) {
      return std::ranges::all_of(
          values, [&](int32_t value) { return value == values[0]; });
    };
    return same(weights_.multiplier) && same(weights_.shift);
  }

  int32_t rows_;
  squint_columns columns_;
  int32_t zero_y_;
  CmsisWeights weights_;
};

}  // namespace

// (window, groups, columns, weights, zero_y, x, y, scratch)
std::shared_ptr<const FixedStep> CmsisConv(
    const RecordedCall& call, std::shared_ptr<const FixedStep> own) {
  const auto window = call.Struct<squint_window>(0);
  const auto columns = call.Struct<squint_columns>(2);
  auto weights =
      Converted(call.Weights(3),
                {.outer = columns.depth, .terms = columns.depth}, window.zero);
  if (!weights || !HasCmsisSizes(window, columns.depth,
                                 static_cast<int64_t>(weights->bias.size()))) {
    return nullptr;
  }
  return std::make_shared<ConvCall>(std::move(own), call, *std::move(weights));
}

// (window, weights, zero_y, x, y)
std::shared_ptr<const FixedStep> CmsisDepthwise(
    const RecordedCall& call, std::shared_ptr<const FixedStep> own) {
  const auto window = call.Struct<squint_window>(0);
  const int64_t taps = int64_t{window.taps_h} * window.taps_w;
  auto weights = Converted(
      call.Weights(1), {.inner = window.channels, .terms = taps}, window.zero);
  if (!weights || !HasCmsisSizes(window, taps, window.channels)) return nullptr;
  return std::make_shared<DepthwiseCall>(std::move(own), call,
                                         *std::move(weights));
}

// (rows, columns, weights, zero_y, x, y)
std::shared_ptr<const FixedStep> CmsisRows(
    const RecordedCall& call, std::shared_ptr<const FixedStep> own) {
  const auto columns = call.Struct<squint_columns>(1);
  if (call.Number(0) < 1 || columns.depth < 1) return nullptr;
  auto weights = Converted(call.Weights(2),
                           {.outer = columns.depth, .terms = columns.depth}, 0);
  if (!weights) return nullptr;
  return std::make_shared<RowsCall>(std::move(own), call, *std::move(weights));
}

}  // namespace squint
