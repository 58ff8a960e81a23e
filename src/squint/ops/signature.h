// What a node must have before its operator looks at it.
#ifndef SQUINT_OPS_SIGNATURE_H_
#define SQUINT_OPS_SIGNATURE_H_

#include "squint/ops/op.h"

namespace squint {

// Error{kInvalidModel} when a required input or the first output is absent,
// or when inputs differ that must have one type. Operators may rely on it.
void CheckSignature(const InferContext& context);

}  // namespace squint

#endif  // SQUINT_OPS_SIGNATURE_H_
