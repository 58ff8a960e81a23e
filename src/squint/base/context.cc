#include "squint/base/context.h"

#include "squint/base/error.h"

namespace squint {

void Context::ThrowIfCancelled() const {
  if (cancel != nullptr && cancel->load(std::memory_order_relaxed)) {
    throw Error(ErrorCode::kCancelled, "cancelled");
  }
}

}  // namespace squint
