// Inputs that are one number: sizes, rates, steps.
#ifndef SQUINT_OPS_SINGLE_NUMBER_H_
#define SQUINT_OPS_SINGLE_NUMBER_H_

#include <initializer_list>

#include "squint/ops/op.h"

namespace squint {

// Error{kInvalidModel} for a present input of a known size other than one.
inline void RequireSingleNumbers(const InferContext& context,
                                 std::initializer_list<size_t> inputs) {
  for (const size_t i : inputs) {
    const Dim count = context.shape(i).count();
    if (context.has_input(i) && count.value() && !count.is(1)) {
      Fail(ErrorCode::kInvalidModel, "input {} has shape {}, expected a number",
           i, context.shape(i).ToString());
    }
  }
}

}  // namespace squint

#endif  // SQUINT_OPS_SINGLE_NUMBER_H_
