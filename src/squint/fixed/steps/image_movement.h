// Data movement that can run in patches: every so many pixels of an image, and
// more channels for each.
#ifndef SQUINT_FIXED_STEPS_IMAGE_MOVEMENT_H_
#define SQUINT_FIXED_STEPS_IMAGE_MOVEMENT_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "squint/fixed/operation.h"

namespace squint {

// What stands for the elements that Pad puts around.
inline constexpr int32_t kBorderSource = -1;

// `sources`: where each element of the result [1, height, width, channels] lies
// in an operand of bytes. Null where it is none of the two.
std::unique_ptr<FixedStep> MakeImageMovement(
    const FixedOperation& operation, const std::vector<int32_t>& sources,
    int32_t border);

}  // namespace squint

#endif  // SQUINT_FIXED_STEPS_IMAGE_MOVEMENT_H_
