// Parameters of what is normalized.
#ifndef SQUINT_OPS_ROW_PARAMETER_H_
#define SQUINT_OPS_ROW_PARAMETER_H_

#include "squint/tensor/tensor.h"

namespace squint {

// Whether element i of a row, which is x from `axis` on, reads element i %
// size of the parameter: right for parameters that lie along the last axes,
// which is what exporters write.
bool LiesAlongRow(const Dims& parameter, const Dims& x, int axis);

}  // namespace squint

#endif  // SQUINT_OPS_ROW_PARAMETER_H_
