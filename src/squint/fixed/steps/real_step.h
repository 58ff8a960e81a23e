// Steps that compute with real numbers.
#ifndef SQUINT_FIXED_STEPS_REAL_STEP_H_
#define SQUINT_FIXED_STEPS_REAL_STEP_H_

#include "squint/fixed/operation.h"

namespace squint {

// Derived as of StepOf; it calls kernels of kernels/real.
template <typename Derived>
class RealStepOf : public StepOf<Derived> {
 public:
  bool is_real() const override { return true; }
};

// Error{kUnsupported} unless these inputs and all results are float32.
inline void RequireReal(const FixedOperation& operation, size_t inputs) {
  for (size_t i = 0; i < inputs; ++i) {
    Require(operation.has(i) && operation.inputs[i].dtype == DType::kFloat32,
            "it reads other numbers than float32");
  }
  for (const FixedOperand& y : operation.outputs) {
    Require(y.has() && y.dtype == DType::kFloat32,
            "it makes other numbers than float32");
  }
}

}  // namespace squint

#endif  // SQUINT_FIXED_STEPS_REAL_STEP_H_
