// Stacks of matrices that are broadcast against each other.
#ifndef SQUINT_OPS_BATCH_OFFSETS_H_
#define SQUINT_OPS_BATCH_OFFSETS_H_

#include <cstdint>
#include <vector>

#include "squint/tensor/tensor.h"

namespace squint {

// All axes but the last two of each operand -> those of the result.
Dims BroadcastBatch(const Dims& a, const Dims& b);

// Where each matrix of the result's batch finds its operand: its number among
// the operand's matrices times `matrix`.
std::vector<int64_t> BatchOffsets(const Dims& operand, const Dims& batch,
                                  int64_t matrix);
// The same where the operand's axes have strides of their own.
std::vector<int64_t> StridedBatchOffsets(const Dims& operand,
                                         const Dims& strides,
                                         const Dims& batch);

}  // namespace squint

#endif  // SQUINT_OPS_BATCH_OFFSETS_H_
