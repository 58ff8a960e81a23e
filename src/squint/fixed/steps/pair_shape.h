// Two operands and their result as loops.
#ifndef SQUINT_FIXED_STEPS_PAIR_SHAPE_H_
#define SQUINT_FIXED_STEPS_PAIR_SHAPE_H_

#include "squint/kernels/fixed/pair.h"
#include "squint/tensor/tensor.h"

namespace squint {

// As few loops as say how a and b are broadcast; zero points are 0.
// Error{kUnsupported} where four are not enough.
squint_pair PairShape(const Dims& a, const Dims& b, const Dims& y);

}  // namespace squint

#endif  // SQUINT_FIXED_STEPS_PAIR_SHAPE_H_
