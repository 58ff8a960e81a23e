// Pools over windows.
#include <algorithm>
#include <cmath>
#include <limits>

#include "squint/fixed/step_list.h"
#include "squint/fixed/steps/lead.h"
#include "squint/fixed/steps/window.h"
#include "squint/kernels/fixed/average_pool.h"
#include "squint/kernels/fixed/average_pool_16.h"
#include "squint/kernels/fixed/max_pool.h"
#include "squint/kernels/fixed/max_pool_16.h"
#include "squint/kernels/fixed/patch_window.h"
#include "squint/ops/op.h"

namespace squint {
namespace {

int64_t LeadOfPool(bool wide, const squint_window& whole, const Patch* patch) {
  return (wide ? 2 : 1) *
         LeadOfWindow(
             patch == nullptr
                 ? whole
                 : squint_patch_window(&whole, &patch->rows, &patch->columns),
             whole.channels, 0);
}

class MaxPoolStep : public StepOf<MaxPoolStep> {
 public:
  MaxPoolStep(bool wide, const squint_window& window)
      : wide_(wide), window_(window) {}
  template <typename Machine>
  void Do(Machine& m) const {
    const auto call = [&](const auto&... kernel) {
      m.Call(kernel..., m.Window(window_), m.In(0), m.Out(0));
    };
    wide_ ? call(SQUINT_KERNEL("max_pool_16", squint_max_pool_16))
          : call(SQUINT_KERNEL("max_pool", squint_max_pool));
  }
  std::optional<int64_t> Lead(size_t, const Patch* patch) const override {
    return LeadOfPool(wide_, window_, patch);
  }
  const squint_window* window() const override {
    return wide_ ? nullptr : &window_;
  }

 private:
  bool wide_;
  squint_window window_;
};

// A factor for each number of taps that sums are divided by.
struct Divisors {
  std::vector<uint8_t> factor;  // of each output pixel
  std::vector<int32_t> multiplier;
  std::vector<int8_t> shift;
};

class AveragePoolStep : public StepOf<AveragePoolStep> {
 public:
  AveragePoolStep(bool wide, const squint_window& window, int32_t zero_y,
                  Divisors divisors)
      : wide_(wide),
        window_(window),
        zero_y_(zero_y),
        divisors_(std::move(divisors)) {}
  template <typename Machine>
  void Do(Machine& m) const {
    const auto call = [&](const auto&... kernel) {
      m.Call(kernel..., m.Window(window_), m.Number(zero_y_),
             m.Array("factor", divisors_.factor),
             m.Array("multiplier", divisors_.multiplier),
             m.Array("shift", divisors_.shift), m.In(0), m.Out(0));
    };
    wide_ ? call(SQUINT_KERNEL("average_pool_16", squint_average_pool_16))
          : call(SQUINT_KERNEL("average_pool", squint_average_pool));
  }
  std::optional<int64_t> Lead(size_t, const Patch* patch) const override {
    return LeadOfPool(wide_, window_, patch);
  }
  // In patches only where all pixels have one divisor.
  const squint_window* window() const override {
    return divisors_.multiplier.size() == 1 && !wide_ ? &window_ : nullptr;
  }

 private:
  bool wide_;
  squint_window window_;
  int32_t zero_y_;
  Divisors divisors_;
};

// Input pixels that a window covers along one axis.
int64_t TapsInside(int64_t start, int64_t taps, int64_t step, int64_t size) {
  int64_t inside = 0;
  for (int64_t i = 0; i < taps; ++i) {
    const int64_t at = start + i * step;
    inside += at >= 0 && at < size;
  }
  return inside;
}

std::vector<int64_t> TapsOfPixels(const squint_window& w) {
  std::vector<int64_t> taps;
  for (int64_t y = 0; y < w.out_h; ++y) {
    for (int64_t x = 0; x < w.out_w; ++x) {
      taps.push_back(
          TapsInside(y * w.stride_h - w.pad_top, w.taps_h, w.step_h, w.in_h) *
          TapsInside(x * w.stride_w - w.pad_left, w.taps_w, w.step_w, w.in_w));
    }
  }
  return taps;
}

// What the operator makes of an image of ones: taps inside / divisor.
std::vector<float> AveragesOfOnes(const FixedOperation& operation) {
  Dims dims = ImageDimsOf(operation.inputs[0], operation.channels_last).first;
  dims[0] = dims[1] = 1;
  const std::vector<float> ones(static_cast<size_t>(ElementCount(dims)), 1.0f);
  const Tensor image = Tensor::Of<float>(dims, ones);
  Node node = operation.node;
  node.outputs = {0};
  RunContext context{node, {&image}, {}, {}, {}};
  context.outputs.resize(1);
  FindOp("AveragePool")->reference(context);
  return context.outputs[0].ToFloats();
}

Divisors DivisorsOf(const FixedOperation& operation,
                    const squint_window& window) {
  const DType type = NumberType(operation);
  const double step = GridOf(operation.inputs[0], type).scale /
                      GridOf(operation.outputs[0], type).scale;
  const std::vector<int64_t> taps = TapsOfPixels(window);
  const std::vector<float> averages = AveragesOfOnes(operation);
  std::vector<int64_t> known;
  Divisors divisors;
  for (size_t i = 0; i < taps.size(); ++i) {
    const int64_t divisor =
        taps[i] == 0 ? 0
                     : std::llround(static_cast<double>(taps[i]) / averages[i]);
    const auto found = std::ranges::find(known, divisor) - known.begin();
    divisors.factor.push_back(static_cast<uint8_t>(found));
    if (found < static_cast<int64_t>(known.size())) continue;
    Require(found <= std::numeric_limits<uint8_t>::max(),
            "its windows are cut in too many ways");
    known.push_back(divisor);
    const FixedFactor factor =
        divisor == 0 ? FixedFactor()
                     : FactorOf(step / static_cast<double>(divisor));
    divisors.multiplier.push_back(factor.multiplier);
    divisors.shift.push_back(static_cast<int8_t>(factor.shift));
  }
  return divisors;
}

}  // namespace

std::unique_ptr<FixedStep> MakeAveragePoolStep(
    const FixedOperation& operation) {
  const squint_window window =
      WindowOf(operation, operation.node.Ints("kernel_shape"), true);
  const DType type = NumberType(operation);
  const bool wide = type == DType::kInt16;
  Require(!wide || window.taps_h * window.taps_w < (1 << 15),
          "its sums may not fit 32 bits");
  return std::make_unique<AveragePoolStep>(
      wide, window, GridOf(operation.outputs[0], type).zero,
      DivisorsOf(operation, window));
}

std::unique_ptr<FixedStep> MakeMaxPoolStep(const FixedOperation& operation) {
  Require(operation.outputs.size() == 1, "its indices are wanted");
  FixedOperation pool = operation;
  // Its numbers are compared, whatever they mean.
  if (!pool.inputs[0].grid) pool.inputs[0].grid = Grid{{1.0f}, {0}};
  return std::make_unique<MaxPoolStep>(
      NumberType(operation) == DType::kInt16,
      WindowOf(pool, operation.node.Ints("kernel_shape"), true));
}

}  // namespace squint
