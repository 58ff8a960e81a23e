// Two tensors, the result of which is [1][1][pixels][channels], on a part of
// its pixels.
#ifndef SQUINT_KERNELS_FIXED_PATCH_PAIR_H_
#define SQUINT_KERNELS_FIXED_PATCH_PAIR_H_

#include "squint/kernels/fixed/pair.h"
#include "squint/kernels/fixed/span.h"

static inline squint_pair squint_patch_pair(const squint_pair* whole,
                                            const squint_span* rows,
                                            const squint_span* columns) {
  squint_pair pair = *whole;
  pair.size_2 = rows->out * columns->out;
  return pair;
}

#endif  // SQUINT_KERNELS_FIXED_PATCH_PAIR_H_
