// Networks that must fit a flash memory.
#ifndef SQUINT_EMIT_FLASH_LIMIT_H_
#define SQUINT_EMIT_FLASH_LIMIT_H_

#include <cstdint>

#include "squint/emit/emit.h"

namespace squint {

// Bytes of code that a network reaches in CMSIS-NN at most, at -O2 (the test of
// that name measures it).
inline constexpr int64_t kCmsisCodeBound = 24 * 1024;

// Error{kBudgetNotMet} where constants, parameters and code take more than
// `limit` bytes: by how much, and which layers hold most.
void CheckFlash(const EmittedModel& model, int64_t limit);

}  // namespace squint

#endif  // SQUINT_EMIT_FLASH_LIMIT_H_
