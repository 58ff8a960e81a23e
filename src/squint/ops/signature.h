// What a node must have before its operator looks at it.
#ifndef SQUINT_OPS_SIGNATURE_H_
#define SQUINT_OPS_SIGNATURE_H_

#include "squint/ops/op.h"

namespace squint {

// Error{kInvalidModel} when a required input or the first output is absent,
// when there are more inputs or outputs than the operator has, when an input
// is of a kind that it does not take, or when inputs differ that must have
// one type. Operators may rely on it. One that has no row is not checked.
void CheckSignature(const InferContext& context);

// The same for no more than the first input and the first output, for
// upgrades that read them: they see nodes that nothing has checked.
void RequireFirst(const Node& node);

// Whether the operator has a row here: every one of op_list.inc does.
bool HasSignature(std::string_view op_type);

}  // namespace squint

#endif  // SQUINT_OPS_SIGNATURE_H_
