// For tests: tensors of 8-bit integers.
#ifndef SQUINT_OPS_BYTE_EXAMPLES_H_
#define SQUINT_OPS_BYTE_EXAMPLES_H_

#include <utility>

#include "squint/ops/op_examples.h"

namespace squint {

// Pseudo-random integers over the whole type.
template <typename T>
Tensor Bytes(Dims dims, uint32_t seed = 1) {
  const Tensor ramp = Ramp(std::move(dims), 0.0f, 256.0f, seed);
  Tensor result(DTypeOf<T>(), ramp.dims());
  for (int64_t i = 0; i < ramp.size(); ++i) {
    result.mutable_data<T>()[i] =
        static_cast<T>(static_cast<int>(ramp.data<float>()[i]));
  }
  return result;
}

}  // namespace squint

#endif  // SQUINT_OPS_BYTE_EXAMPLES_H_
