// Axes that one number stands for.
#ifndef SQUINT_FIXED_STEPS_REDUCED_AXES_H_
#define SQUINT_FIXED_STEPS_REDUCED_AXES_H_

#include "squint/fixed/operation.h"
#include "squint/kernels/fixed/reduce.h"

namespace squint {

// All of an image.
squint_reduced WholeImages(const FixedOperation& operation);
// Those that a reduction lists, which must be neighbours.
squint_reduced ListedAxes(const FixedOperation& operation);

}  // namespace squint

#endif  // SQUINT_FIXED_STEPS_REDUCED_AXES_H_
