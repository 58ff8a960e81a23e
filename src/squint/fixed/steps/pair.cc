// Add, Sub and Mul of two tensors, with what is broadcast.
#include <algorithm>
#include <array>

#include "squint/fixed/step_list.h"
#include "squint/fixed/steps/pair_shape.h"
#include "squint/kernels/fixed/add.h"
#include "squint/kernels/fixed/add_16.h"
#include "squint/kernels/fixed/mul.h"
#include "squint/kernels/fixed/mul_16.h"

namespace squint {
namespace {

squint_pair PairOf(const FixedOperation& operation) {
  const DType type = NumberType(operation);
  squint_pair pair =
      PairShape(operation.inputs[0].dims, operation.inputs[1].dims,
                operation.outputs[0].dims);
  pair.zero_a = GridOf(operation.inputs[0], type).zero;
  pair.zero_b = GridOf(operation.inputs[1], type).zero;
  return pair;
}

// Operands that have a number for each result may be overwritten by them.
std::optional<int64_t> LeadOver(bool whole) {
  return whole ? std::optional<int64_t>(0) : std::nullopt;
}

class PairStep {
 public:
  explicit PairStep(const FixedOperation& operation)
      : wide_(NumberType(operation) == DType::kInt16),
        pair_(PairOf(operation)),
        zero_y_(GridOf(operation.outputs[0], NumberType(operation)).zero) {
    const int64_t size = ElementCount(operation.outputs[0].dims);
    for (size_t i = 0; i < whole_.size(); ++i) {
      whole_[i] = ElementCount(operation.inputs[i].dims) == size;
    }
  }

 protected:
  // Both have a number for each result, or one for each channel.
  bool IsByPixelOf(int64_t pixels, int64_t channels) const {
    const squint_pair& p = pair_;
    const bool flat = p.size_2 == 1 && p.size_3 == pixels * channels;
    const bool by_channel = p.size_2 == pixels && p.size_3 == channels;
    const auto in_line = [&](bool whole, int32_t outer, int32_t inner) {
      return flat ? inner == (whole ? 1 : 0)
                  : outer == (whole ? p.size_3 : 0) && inner <= 1;
    };
    return !wide_ && p.size_0 == 1 && p.size_1 == 1 && (flat || by_channel) &&
           in_line(whole_[0], p.a_2, p.a_3) && in_line(whole_[1], p.b_2, p.b_3);
  }

  bool wide_;
  squint_pair pair_;
  int32_t zero_y_;
  std::array<bool, 2> whole_;
};

class AddStep : public StepOf<AddStep>, PairStep {
 public:
  AddStep(const FixedOperation& operation, int32_t sign) : PairStep(operation) {
    const DType type = NumberType(operation);
    const double a = GridOf(operation.inputs[0], type).scale;
    const double b = GridOf(operation.inputs[1], type).scale;
    const double y = GridOf(operation.outputs[0], type).scale;
    const bool symmetric = pair_.zero_a == 0 && pair_.zero_b == 0;
    up_ = !wide_ ? 20 : symmetric ? 15 : 14;
    const double common = 2 * std::max(a, b);
    const FixedFactor fa = FactorOf(a / common);
    const FixedFactor fb = FactorOf(b / common);
    const FixedFactor sum = FactorOf(common / ((1 << up_) * y));
    factors_ = {.a_multiplier = fa.multiplier,
                .a_shift = fa.shift,
                .b_multiplier = fb.multiplier,
                .b_shift = fb.shift,
                .b_sign = sign,
                .sum_multiplier = sum.multiplier,
                .sum_shift = sum.shift};
  }
  template <typename Machine>
  void Do(Machine& m) const {
    if (wide_) {
      m.Call(SQUINT_KERNEL("add_16", squint_add_16), m.Pair(pair_),
             m.Params("squint_add_factors", factors_), m.Number(up_),
             m.Number(zero_y_), m.In(0), m.In(1), m.Out(0));
      return;
    }
    m.Call(SQUINT_KERNEL("add", squint_add), m.Pair(pair_),
           m.Params("squint_add_factors", factors_), m.Number(zero_y_), m.In(0),
           m.In(1), m.Out(0));
  }
  std::optional<int64_t> Lead(size_t input, const Patch*) const override {
    return LeadOver(whole_[input]);
  }
  bool IsByPixel(int64_t pixels, int64_t channels) const override {
    return IsByPixelOf(pixels, channels);
  }

 private:
  int32_t up_ = 0;  // bits that operands get on their common scale
  squint_add_factors factors_;
};

class MulStep : public StepOf<MulStep>, PairStep {
 public:
  explicit MulStep(const FixedOperation& operation) : PairStep(operation) {
    const DType type = NumberType(operation);
    factor_ = FactorOf(GridOf(operation.inputs[0], type).scale *
                       GridOf(operation.inputs[1], type).scale /
                       GridOf(operation.outputs[0], type).scale);
  }
  template <typename Machine>
  void Do(Machine& m) const {
    const auto call = [&](const auto&... kernel) {
      m.Call(kernel..., m.Pair(pair_), m.Number(factor_.multiplier),
             m.Number(factor_.shift), m.Number(zero_y_), m.In(0), m.In(1),
             m.Out(0));
    };
    wide_ ? call(SQUINT_KERNEL("mul_16", squint_mul_16))
          : call(SQUINT_KERNEL("mul", squint_mul));
  }
  std::optional<int64_t> Lead(size_t input, const Patch*) const override {
    return LeadOver(whole_[input]);
  }
  bool IsByPixel(int64_t pixels, int64_t channels) const override {
    return IsByPixelOf(pixels, channels);
  }

 private:
  FixedFactor factor_;
};

void CheckPair(const FixedOperation& operation) {
  Require(operation.has(0) && operation.has(1) && operation.inputs.size() == 2,
          "it has not two operands");
}

}  // namespace

std::unique_ptr<FixedStep> MakeAddStep(const FixedOperation& operation) {
  CheckPair(operation);
  return std::make_unique<AddStep>(operation, 1);
}

std::unique_ptr<FixedStep> MakeSubStep(const FixedOperation& operation) {
  CheckPair(operation);
  return std::make_unique<AddStep>(operation, -1);
}

std::unique_ptr<FixedStep> MakeMulStep(const FixedOperation& operation) {
  CheckPair(operation);
  return std::make_unique<MulStep>(operation);
}

}  // namespace squint
