// For `prepare` functions that also serve as `prepare_stored`: which inputs
// are given as they are stored.
#ifndef SQUINT_OPS_STORED_INPUTS_H_
#define SQUINT_OPS_STORED_INPUTS_H_

#include <algorithm>
#include <cstddef>

#include "squint/ops/op.h"

namespace squint {

inline bool IsStored(const PrepareContext& context, size_t i) {
  return i < context.stored.size() && context.stored[i] != nullptr;
}

inline bool AnyStored(const PrepareContext& context) {
  return std::ranges::any_of(
      context.stored,
      [](const QuantParams* params) { return params != nullptr; });
}

}  // namespace squint

#endif  // SQUINT_OPS_STORED_INPUTS_H_
