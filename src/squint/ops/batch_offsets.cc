#include "squint/ops/batch_offsets.h"

#include <utility>

namespace squint {

std::vector<int64_t> BatchOffsets(const Dims& operand, const Dims& batch,
                                  int64_t matrix) {
  Dims strides = StridesOf(operand);
  for (int64_t& stride : strides) stride *= matrix;
  return StridedBatchOffsets(operand, strides, batch);
}

std::vector<int64_t> StridedBatchOffsets(const Dims& operand,
                                         const Dims& strides,
                                         const Dims& batch) {
  std::vector<int64_t> offsets{0};
  const size_t missing = batch.size() - operand.size();
  for (size_t axis = 0; axis < batch.size(); ++axis) {
    const bool moves = axis >= missing && operand[axis - missing] != 1;
    const int64_t step = moves ? strides[axis - missing] : 0;
    std::vector<int64_t> next;
    for (const int64_t base : offsets) {
      for (int64_t i = 0; i < batch[axis]; ++i) {
        next.push_back(base + i * step);
      }
    }
    offsets = std::move(next);
  }
  return offsets;
}

Dims BroadcastBatch(const Dims& a, const Dims& b) {
  const Dims& longer = a.size() >= b.size() ? a : b;
  const Dims& shorter = a.size() >= b.size() ? b : a;
  Dims batch = longer;
  const size_t missing = longer.size() - shorter.size();
  for (size_t i = 0; i < shorter.size(); ++i) {
    if (batch[missing + i] == 1) batch[missing + i] = shorter[i];
  }
  return batch;
}

}  // namespace squint
