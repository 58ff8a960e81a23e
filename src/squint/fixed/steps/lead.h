// How far a result must begin before the input it lies over
// (FixedStep::Lead): at every moment, the end of what is written must not be
// beyond the first byte that is still to be read. These count numbers: bytes
// are as many, or twice as many.
#ifndef SQUINT_FIXED_STEPS_LEAD_H_
#define SQUINT_FIXED_STEPS_LEAD_H_

#include <cstdint>

#include "squint/kernels/fixed/window.h"

namespace squint {

// Pixels of a windowed kernel, in their order, with `channels` of the result.
// `gathered`: so many pixels are read whole before they are written; 0: a pixel
// is written while it is read.
int64_t LeadOfWindow(const squint_window& window, int64_t channels,
                     int64_t gathered);

// Of rows by weights, `together` of which are read while their results are
// written.
int64_t LeadOfRows(int64_t rows, int64_t depth, int64_t columns,
                   int64_t together);

}  // namespace squint

#endif  // SQUINT_FIXED_STEPS_LEAD_H_
