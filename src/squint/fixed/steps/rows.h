// Rows by weights: dense layers and 1x1 convolutions.
#ifndef SQUINT_FIXED_STEPS_ROWS_H_
#define SQUINT_FIXED_STEPS_ROWS_H_

#include <memory>

#include "squint/fixed/step.h"

namespace squint {

// Input 0 has `rows` rows of `columns.depth`; output 0 gets `columns.count`
// results for each. Weights of 4 bits are packed.
std::unique_ptr<FixedStep> MakeRowsStep(int64_t rows,
                                        const squint_columns& columns,
                                        FixedWeights weights, int32_t zero_y);

}  // namespace squint

#endif  // SQUINT_FIXED_STEPS_ROWS_H_
