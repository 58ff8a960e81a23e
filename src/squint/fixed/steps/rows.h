// Rows by weights: the call of whichever kernel takes them.
#ifndef SQUINT_FIXED_STEPS_ROWS_H_
#define SQUINT_FIXED_STEPS_ROWS_H_

#include <cstdint>

#include "squint/fixed/step.h"
#include "squint/fixed/steps/lead.h"
#include "squint/kernels/fixed/rows.h"
#include "squint/kernels/fixed/rows_16.h"
#include "squint/kernels/fixed/rows_long.h"
#include "squint/kernels/fixed/rows_nibbles.h"

namespace squint {

// `rows`: how many, as the machine takes a number.
template <typename Machine, typename Count>
void CallRows(Machine& m, const Count& rows, const squint_columns& columns,
              const FixedWeights& weights, int32_t zero_y) {
  if (!weights.long_bias.empty()) {
    m.Call(SQUINT_KERNEL("rows_long", squint_rows_long), rows,
           m.Params("squint_columns", columns), m.Weights(weights),
           m.Array("bias", weights.long_bias), m.Number(zero_y), m.In(0),
           m.Out(0));
    return;
  }
  const auto call = [&](const auto&... kernel) {
    m.Call(kernel..., rows, m.Params("squint_columns", columns),
           m.Weights(weights), m.Number(zero_y), m.In(0), m.Out(0));
  };
  if (weights.wide) {
    call(SQUINT_KERNEL("rows_16", squint_rows_16));
  } else if (weights.nibbles) {
    call(SQUINT_KERNEL("rows_nibbles", squint_rows_nibbles));
  } else {
    call(SQUINT_KERNEL("rows", squint_rows));
  }
}

// In bytes.
inline int64_t LeadOfRows(int64_t rows, const squint_columns& columns,
                          const FixedWeights& weights) {
  const int64_t together = weights.long_bias.empty() ? 2 : 1;
  return (weights.wide ? 2 : 1) *
         LeadOfRows(rows, columns.depth, columns.count, together);
}

}  // namespace squint

#endif  // SQUINT_FIXED_STEPS_ROWS_H_
