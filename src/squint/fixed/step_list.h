// The functions of step_list.inc and real_step_list.inc, one family a file in
// steps/.
#ifndef SQUINT_FIXED_STEP_LIST_H_
#define SQUINT_FIXED_STEP_LIST_H_

#include <memory>

#include "squint/fixed/operation.h"

namespace squint {

#define SQUINT_STEP(type, maker) \
  std::unique_ptr<FixedStep> maker(const FixedOperation& operation);
#include "squint/fixed/step_list.inc"
// Movement is declared twice, which says the same.
#include "squint/fixed/real_step_list.inc"
#undef SQUINT_STEP

}  // namespace squint

#endif  // SQUINT_FIXED_STEP_LIST_H_
