// Makes a stored tensor what a model input wants, or says why it cannot.
#ifndef SQUINT_DATA_CONFORM_H_
#define SQUINT_DATA_CONFORM_H_

#include <cstdint>

#include "squint/data/dataset.h"

namespace squint {

// - One rank less than the input: a batch axis of 1 is put in front.
// - The dtype widens without asking where no meaning can be lost: integers
//   to a larger or, value by value checked, smaller integer type; 8- and
//   16-bit integers and other floats to a float. Float to integer, and 32- or
//   64-bit integers to float, must be asked for ("dtype" in a .json).
// - The dimensions must be those of the input where it has fixed ones.
// - NaN and Inf are errors.
// Error{kInvalidArgument} names the input and what was expected.
Tensor ConformToInput(const Tensor& stored, const InputSpec& input);

// Error{kInvalidArgument} when a float tensor holds NaN or Inf.
void CheckFinite(const Tensor& tensor);

// A label: one integer. Error{kInvalidArgument} otherwise.
int64_t LabelOf(const Tensor& tensor);

}  // namespace squint

#endif  // SQUINT_DATA_CONFORM_H_
