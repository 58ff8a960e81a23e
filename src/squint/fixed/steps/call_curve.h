// The call of a curve.
#ifndef SQUINT_FIXED_STEPS_CALL_CURVE_H_
#define SQUINT_FIXED_STEPS_CALL_CURVE_H_

#include "squint/fixed/step.h"
#include "squint/fixed/steps/curve.h"
#include "squint/kernels/fixed/clamp_16.h"
#include "squint/kernels/fixed/curve.h"

namespace squint {

// Of `count` numbers.
template <typename Machine, typename From, typename To>
void CallCurve(Machine& m, const Curve& curve, int32_t count, const From& x,
               const To& y) {
  if (curve.limits) {
    m.Call(SQUINT_KERNEL("clamp_16", squint_clamp_16), m.Number(count),
           m.Number(curve.limits->low), m.Number(curve.limits->high), x, y);
    return;
  }
  m.Call(SQUINT_KERNEL("curve", squint_curve_16), m.Number(count),
         m.Array("first", curve.first), m.Array("bits", curve.bits),
         m.Array("points", curve.points), x, y);
}

}  // namespace squint

#endif  // SQUINT_FIXED_STEPS_CALL_CURVE_H_
