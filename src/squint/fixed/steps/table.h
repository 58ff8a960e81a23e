// Bytes of constants.
#ifndef SQUINT_FIXED_STEPS_TABLE_H_
#define SQUINT_FIXED_STEPS_TABLE_H_

#include <vector>

#include "squint/tensor/tensor.h"

namespace squint {

// The bytes of a tensor of 8-bit integers, unsigned ones by their bits.
std::vector<int8_t> BytesOf(const Tensor& tensor);

}  // namespace squint

#endif  // SQUINT_FIXED_STEPS_TABLE_H_
