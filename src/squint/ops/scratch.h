// Scratch of a step, in pieces of whole cache lines.
#ifndef SQUINT_OPS_SCRATCH_H_
#define SQUINT_OPS_SCRATCH_H_

#include <cstddef>

namespace squint {

// Bytes of the lines that `bytes` take.
constexpr size_t Padded(size_t bytes) { return (bytes + 63) / 64 * 64; }

}  // namespace squint

#endif  // SQUINT_OPS_SCRATCH_H_
