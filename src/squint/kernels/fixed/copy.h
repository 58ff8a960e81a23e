// Data movement: Transpose, Slice, Concat, Pad, Resize ... are strided copies.
#ifndef SQUINT_KERNELS_FIXED_COPY_H_
#define SQUINT_KERNELS_FIXED_COPY_H_

#include <stdint.h>
#include <string.h>

#include "squint/kernels/fixed/copy_shape.h"

static void squint_copy(const squint_copy_shape* shape, const int8_t* x,
                        int8_t* y) {
  const squint_copy_shape s = *shape;
  for (int32_t a = 0; a < s.size_0; ++a) {
    for (int32_t b = 0; b < s.size_1; ++b) {
      for (int32_t c = 0; c < s.size_2; ++c) {
        for (int32_t d = 0; d < s.size_3; ++d) {
          const int8_t* from =
              x + s.x_start + a * s.x_0 + b * s.x_1 + c * s.x_2 + d * s.x_3;
          int8_t* to =
              y + s.y_start + a * s.y_0 + b * s.y_1 + c * s.y_2 + d * s.y_3;
          for (int32_t e = 0; e < s.size_4; ++e) {
            memcpy(to, from, (size_t)s.run);
            from += s.x_4;
            to += s.y_4;
          }
        }
      }
    }
  }
}

#endif  // SQUINT_KERNELS_FIXED_COPY_H_
