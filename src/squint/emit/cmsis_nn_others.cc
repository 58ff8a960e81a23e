// Sums, products and pools as calls of CMSIS-NN.
#include "squint/emit/cmsis_nn_step.h"
#include "squint/kernels/fixed/add_factors.h"
#include "squint/kernels/fixed/pair.h"
#include "squint/kernels/fixed/window.h"

namespace squint {
namespace {

constexpr int64_t kLargestInput = 255;  // without its zero point

// How many numbers two operands of one size have; nullopt where one of them is
// broadcast.
std::optional<int32_t> SizeOf(const squint_pair& p) {
  const bool in_line = p.size_0 == 1 && p.size_1 == 1 && p.size_2 == 1 &&
                       p.a_3 == 1 && p.b_3 == 1;
  return in_line ? std::optional<int32_t>(p.size_3) : std::nullopt;
}

// Reads a few numbers and writes their results before the next.
class PairCall : public CmsisStep {
 public:
  PairCall(std::shared_ptr<const FixedStep> own, const squint_pair& pair,
           int32_t zero_y)
      : CmsisStep(std::move(own)), pair_(pair), zero_y_(zero_y) {}
  std::optional<int64_t> Lead(size_t, const Patch*) const override { return 0; }

 protected:
  squint_pair pair_;
  int32_t zero_y_;
};

class AddCall : public PairCall {
 public:
  AddCall(std::shared_ptr<const FixedStep> own, const squint_pair& pair,
          const squint_add_factors& factors, int32_t zero_y)
      : PairCall(std::move(own), pair, zero_y), factors_(factors) {}
  void Write(StepWriter& m) const override {
    m.Call("cmsis_add", "squint_cmsis_add", nullptr, m.Number(pair_.size_3),
           m.Number(pair_.zero_a), m.Number(pair_.zero_b),
           m.Params("squint_add_factors", factors_), m.Number(zero_y_), m.In(0),
           m.In(1), m.Out(0));
  }

 private:
  squint_add_factors factors_;
};

class MulCall : public PairCall {
 public:
  MulCall(std::shared_ptr<const FixedStep> own, const squint_pair& pair,
          int32_t multiplier, int32_t shift, int32_t zero_y)
      : PairCall(std::move(own), pair, zero_y),
        multiplier_(multiplier),
        shift_(CmsisShift(multiplier, shift)) {}
  void Write(StepWriter& m) const override {
    m.Call("cmsis_mul", "squint_cmsis_mul", nullptr, m.Number(pair_.size_3),
           m.Number(pair_.zero_a), m.Number(pair_.zero_b),
           m.Number(multiplier_), m.Number(shift_), m.Number(zero_y_), m.In(0),
           m.In(1), m.Out(0));
  }

 private:
  int32_t multiplier_;
  int32_t shift_;
};

class MaxPoolCall : public CmsisStep {
 public:
  MaxPoolCall(std::shared_ptr<const FixedStep> own, const squint_window& window)
      : CmsisStep(std::move(own)), window_(window) {}
  void Write(StepWriter& m) const override {
    m.Call("cmsis_max_pool", "squint_cmsis_max_pool", nullptr,
           m.Params("squint_window", window_), m.In(0), m.Out(0));
  }

 private:
  squint_window window_;
};

// Whether every window along an axis has a tap inside, side by side.
bool HasTaps(int32_t in, int32_t out, int32_t taps, int32_t stride,
             int32_t step, int32_t pad) {
  return step == 1 && pad < taps && (out - 1) * stride - pad < in;
}

}  // namespace

// (pair, factors, zero_y, a, b, y)
std::shared_ptr<const FixedStep> CmsisAdd(
    const RecordedCall& call, std::shared_ptr<const FixedStep> own) {
  const auto pair = call.Struct<squint_pair>(0);
  const auto factors = call.Struct<squint_add_factors>(1);
  constexpr int64_t kOperand = kLargestInput << 20;
  constexpr int64_t kSum = int64_t{1} << 28;  // of two halves of that, rounded
  const bool fits =
      CmsisCanScale(kOperand, factors.a_multiplier, factors.a_shift) &&
      CmsisCanScale(kOperand, factors.b_multiplier, factors.b_shift) &&
      CmsisCanScale(kSum, factors.sum_multiplier, factors.sum_shift);
  const auto is_zero = [](int32_t multiplier) { return multiplier == 0; };
  if (!SizeOf(pair) || factors.b_sign != 1 || !fits ||
      is_zero(factors.a_multiplier) || is_zero(factors.b_multiplier) ||
      is_zero(factors.sum_multiplier)) {
    return nullptr;
  }
  return std::make_shared<AddCall>(std::move(own), pair, factors,
                                   call.Number(2));
}

// (pair, multiplier, shift, zero_y, a, b, y)
std::shared_ptr<const FixedStep> CmsisMul(
    const RecordedCall& call, std::shared_ptr<const FixedStep> own) {
  const auto pair = call.Struct<squint_pair>(0);
  const int32_t multiplier = call.Number(1);
  const int32_t shift = call.Number(2);
  if (!SizeOf(pair) ||
      !CmsisCanScale(kLargestInput * kLargestInput, multiplier, shift)) {
    return nullptr;
  }
  return std::make_shared<MulCall>(std::move(own), pair, multiplier, shift,
                                   call.Number(3));
}

// (window, x, y)
std::shared_ptr<const FixedStep> CmsisMaxPool(
    const RecordedCall& call, std::shared_ptr<const FixedStep> own) {
  const auto w = call.Struct<squint_window>(0);
  if (!HasTaps(w.in_h, w.out_h, w.taps_h, w.stride_h, w.step_h, w.pad_top) ||
      !HasTaps(w.in_w, w.out_w, w.taps_w, w.stride_w, w.step_w, w.pad_left)) {
    return nullptr;
  }
  return std::make_shared<MaxPoolCall>(std::move(own), w);
}

}  // namespace squint
