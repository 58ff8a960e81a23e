// How many bits the numbers of a tensor need, whatever its type offers: weights
// of 6 bits are stored as int8.
#ifndef SQUINT_TENSOR_HELD_BITS_H_
#define SQUINT_TENSOR_HELD_BITS_H_

#include "squint/tensor/tensor.h"

namespace squint {

// The fewest bits, at least 2, whose two's complement has every number of an
// int8 tensor: [-32, 31] is 6. Of other types, those of the type. Reads the
// tensor piece by piece.
int HeldBits(const Tensor& integers);

}  // namespace squint

#endif  // SQUINT_TENSOR_HELD_BITS_H_
