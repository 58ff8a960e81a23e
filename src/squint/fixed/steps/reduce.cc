// Pools over whole images, and reductions along neighbouring axes.
#include "squint/fixed/step_list.h"
#include "squint/fixed/steps/reduced_axes.h"
#include "squint/kernels/fixed/extreme.h"
#include "squint/kernels/fixed/extreme_16.h"
#include "squint/kernels/fixed/sum.h"
#include "squint/kernels/fixed/sum_16.h"

namespace squint {
namespace {

class SumStep : public StepOf<SumStep> {
 public:
  // `divisor`: 1 for sums, the count for means.
  SumStep(const FixedOperation& operation, const squint_reduced& shape,
          int32_t divisor)
      : wide_(NumberType(operation) == DType::kInt16), shape_(shape) {
    const FixedGrid x = GridOf(operation.inputs[0], NumberType(operation));
    const FixedGrid y = GridOf(operation.outputs[0], NumberType(operation));
    zero_ = x.zero;
    factor_ = FactorOf(x.scale / (y.scale * divisor));
    zero_y_ = y.zero;
    Require(shape.reduced < (wide_ ? 1 << 15 : 1 << 23),
            "its sums may not fit 32 bits");
  }
  template <typename Machine>
  void Do(Machine& m) const {
    const auto call = [&](const auto&... kernel) {
      m.Call(kernel..., m.Params("squint_reduced", shape_), m.Number(zero_),
             m.Number(factor_.multiplier), m.Number(factor_.shift),
             m.Number(zero_y_), m.In(0), m.Out(0));
    };
    wide_ ? call(SQUINT_KERNEL("sum_16", squint_sum_of_16))
          : call(SQUINT_KERNEL("sum", squint_sum));
  }

 private:
  bool wide_;
  squint_reduced shape_;
  int32_t zero_ = 0;
  FixedFactor factor_;
  int32_t zero_y_ = 0;
};

class ExtremeStep : public StepOf<ExtremeStep> {
 public:
  ExtremeStep(bool wide, const squint_reduced& shape, int32_t sign)
      : wide_(wide), shape_(shape), sign_(sign) {}
  template <typename Machine>
  void Do(Machine& m) const {
    const auto call = [&](const auto&... kernel) {
      m.Call(kernel..., m.Params("squint_reduced", shape_), m.Number(sign_),
             m.In(0), m.Out(0));
    };
    wide_ ? call(SQUINT_KERNEL("extreme_16", squint_extreme_16))
          : call(SQUINT_KERNEL("extreme", squint_extreme));
  }

 private:
  bool wide_;
  squint_reduced shape_;
  int32_t sign_;
};

std::unique_ptr<FixedStep> MakeExtreme(const FixedOperation& operation,
                                       const squint_reduced& shape,
                                       int32_t sign) {
  const FixedOperand& x = operation.inputs[0];
  const FixedOperand& y = operation.outputs[0];
  const DType type = NumberType(operation);
  Require(x.dtype == type && y.dtype == type,
          "it computes with other types than int8 or int16");
  Require(!x.grid || (y.grid && x.grid->scales == y.grid->scales &&
                      x.grid->zeros == y.grid->zeros),
          "its result has another scale than its operand");
  return std::make_unique<ExtremeStep>(type == DType::kInt16, shape, sign);
}

}  // namespace

std::unique_ptr<FixedStep> MakeGlobalAverageStep(
    const FixedOperation& operation) {
  const squint_reduced shape = WholeImages(operation);
  return std::make_unique<SumStep>(operation, shape, shape.reduced);
}

std::unique_ptr<FixedStep> MakeGlobalMaxStep(const FixedOperation& operation) {
  return MakeExtreme(operation, WholeImages(operation), 1);
}

std::unique_ptr<FixedStep> MakeReduceMeanStep(const FixedOperation& operation) {
  const squint_reduced shape = ListedAxes(operation);
  return std::make_unique<SumStep>(operation, shape, shape.reduced);
}

std::unique_ptr<FixedStep> MakeReduceSumStep(const FixedOperation& operation) {
  return std::make_unique<SumStep>(operation, ListedAxes(operation), 1);
}

std::unique_ptr<FixedStep> MakeReduceMaxStep(const FixedOperation& operation) {
  return MakeExtreme(operation, ListedAxes(operation), 1);
}

std::unique_ptr<FixedStep> MakeReduceMinStep(const FixedOperation& operation) {
  return MakeExtreme(operation, ListedAxes(operation), -1);
}

}  // namespace squint
