// Add, Sub and Mul of two tensors, with what is broadcast.
#include <algorithm>
#include <array>

#include "squint/fixed/step_list.h"
#include "squint/kernels/fixed/add.h"
#include "squint/kernels/fixed/mul.h"
#include "squint/ops/broadcast.h"

namespace squint {
namespace {

constexpr size_t kAxes = 4;  // loops of squint_pair

// An axis of the result and the steps of both operands along it.
struct Axis {
  int64_t size = 1;
  int64_t a = 0;
  int64_t b = 0;
};

// As few axes as say the same.
std::vector<Axis> MergedAxes(const Dims& a, const Dims& b, const Dims& y) {
  const Dims a_steps = BroadcastStrides(a, y);
  const Dims b_steps = BroadcastStrides(b, y);
  std::vector<Axis> axes;
  for (size_t i = 0; i < y.size(); ++i) {
    if (y[i] == 1) continue;
    const Axis next = {y[i], a_steps[i], b_steps[i]};
    if (!axes.empty() && axes.back().a == next.a * next.size &&
        axes.back().b == next.b * next.size) {
      axes.back() = {axes.back().size * next.size, next.a, next.b};
    } else {
      axes.push_back(next);
    }
  }
  Require(axes.size() <= kAxes, "it broadcasts along too many axes");
  axes.insert(axes.begin(), kAxes - axes.size(), Axis());
  return axes;
}

squint_pair PairOf(const FixedOperation& operation) {
  const std::vector<Axis> axes =
      MergedAxes(operation.inputs[0].dims, operation.inputs[1].dims,
                 operation.outputs[0].dims);
  return {.size_0 = Size(axes[0].size),
          .size_1 = Size(axes[1].size),
          .size_2 = Size(axes[2].size),
          .size_3 = Size(axes[3].size),
          .a_0 = Size(axes[0].a),
          .a_1 = Size(axes[1].a),
          .a_2 = Size(axes[2].a),
          .a_3 = Size(axes[3].a),
          .b_0 = Size(axes[0].b),
          .b_1 = Size(axes[1].b),
          .b_2 = Size(axes[2].b),
          .b_3 = Size(axes[3].b),
          .zero_a = GridOf(operation.inputs[0]).zero,
          .zero_b = GridOf(operation.inputs[1]).zero};
}

// Operands that have a number for each result may be overwritten by them.
class PairStep {
 public:
  explicit PairStep(const FixedOperation& operation)
      : pair_(PairOf(operation)), zero_y_(GridOf(operation.outputs[0]).zero) {
    const int64_t size = ElementCount(operation.outputs[0].dims);
    for (size_t i = 0; i < whole_.size(); ++i) {
      whole_[i] = ElementCount(operation.inputs[i].dims) == size;
    }
  }

 protected:
  squint_pair pair_;
  int32_t zero_y_;
  std::array<bool, 2> whole_;
};

class AddStep : public StepOf<AddStep>, PairStep {
 public:
  AddStep(const FixedOperation& operation, int32_t sign) : PairStep(operation) {
    constexpr double kLeftShift = 1 << 20;
    const double a = GridOf(operation.inputs[0]).scale;
    const double b = GridOf(operation.inputs[1]).scale;
    const double y = GridOf(operation.outputs[0]).scale;
    const double common = 2 * std::max(a, b);
    const FixedFactor fa = FactorOf(a / common);
    const FixedFactor fb = FactorOf(b / common);
    const FixedFactor sum = FactorOf(common / (kLeftShift * y));
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
    m.Call(SQUINT_KERNEL("add", squint_add), m.Params("squint_pair", pair_),
           m.Params("squint_add_factors", factors_), m.Number(zero_y_), m.In(0),
           m.In(1), m.Out(0));
  }
  bool InPlace(size_t input) const override { return whole_[input]; }

 private:
  squint_add_factors factors_;
};

class MulStep : public StepOf<MulStep>, PairStep {
 public:
  explicit MulStep(const FixedOperation& operation)
      : PairStep(operation),
        factor_(FactorOf(GridOf(operation.inputs[0]).scale *
                         GridOf(operation.inputs[1]).scale /
                         GridOf(operation.outputs[0]).scale)) {}
  template <typename Machine>
  void Do(Machine& m) const {
    m.Call(SQUINT_KERNEL("mul", squint_mul), m.Params("squint_pair", pair_),
           m.Number(factor_.multiplier), m.Number(factor_.shift),
           m.Number(zero_y_), m.In(0), m.In(1), m.Out(0));
  }
  bool InPlace(size_t input) const override { return whole_[input]; }

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
