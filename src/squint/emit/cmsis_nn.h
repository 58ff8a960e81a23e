// Kernels of Arm's CMSIS-NN (github.com/ARM-software/CMSIS-NN, sources of the
// user) in place of our own, where both give the same bytes.
//
// CMSIS-NN compiled with CMSIS_NN_USE_SINGLE_ROUNDING rounds as we do; with two
// roundings, results would differ by a step. What its three versions do, plain
// C, for dual MACs and for Helium, is the same while no sum and no factor
// leaves 32 bits: each step is checked by its own weights, and keeps our kernel
// where it might.
//
// Those kernels read and write in orders of their own, so that results of
// products and pools do not lie over their inputs, and want scratch memory,
// which is counted at what the hungriest of the three versions takes.
#ifndef SQUINT_EMIT_CMSIS_NN_H_
#define SQUINT_EMIT_CMSIS_NN_H_

#include <memory>

#include "squint/emit/network.h"
#include "squint/fixed/step.h"

namespace squint {

// Where functions of these kernels' headers begin (emit/cmsis_nn).
inline constexpr std::string_view kCmsisKernel = "cmsis_";

// The network with steps that call CMSIS-NN where they may. They run our
// kernels here.
FixedNetwork WithCmsisNn(FixedNetwork network);

// The step with our own kernels: itself, unless it is one of the above.
std::shared_ptr<const FixedStep> OwnStep(
    const std::shared_ptr<const FixedStep>& step);

}  // namespace squint

#endif  // SQUINT_EMIT_CMSIS_NN_H_
