// Equality as the ONNX backend tests judge it.
#ifndef SQUINT_TESTS_CONFORMANCE_DIFFERENCE_H_
#define SQUINT_TESTS_CONFORMANCE_DIFFERENCE_H_

#include <string>

#include "squint/tensor/tensor.h"

namespace squint {

// Empty when `got` equals `want`, else what differs, in words: the type, the
// shape, or the first element with |got - want| > 1e-7 + 1e-3 |want| (floats;
// NaN equals NaN) or got != want (all other types).
std::string Difference(const Tensor& got, const Tensor& want);

}  // namespace squint

#endif  // SQUINT_TESTS_CONFORMANCE_DIFFERENCE_H_
