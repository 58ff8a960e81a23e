// GRU behind the product with its input:
//
//   z, r = sigmoid(g_zr + h R);  h' = n + z (h - n)
//   n = tanh(g_n + (r h) Rn), or, with the reset behind the product,
//   n = tanh(g_n + bias + r (h Rn))
//
// g has a row for each step and batch, gate by gate: z, r, n. The columns of R
// are interleaved, z and r of a unit side by side. Biases are in the weights
// but for the one beside the reset.
#ifndef SQUINT_KERNELS_FIXED_GRU_H_
#define SQUINT_KERNELS_FIXED_GRU_H_

#include <stdint.h>

#include "squint/kernels/fixed/cell.h"
#include "squint/kernels/fixed/state.h"

/* Gates z and r of one row as 16 bits, and r h as 8 bits. */
static inline void squint_gru_gates(squint_cell cell, squint_weights weights,
                                    squint_curves curves, const int8_t* g,
                                    const int8_t* h, const int8_t* q, int8_t* z,
                                    int8_t* r, int8_t* kept) {
  const int32_t n = cell.hidden;
  for (int32_t j = 0; j < n; ++j) {
    int32_t sums[2];
    squint_state_sums(weights, 2 * j, n, q, sums);
    squint_set16(
        z, j, squint_sigmoid(curves, squint_input_sum(cell, g[j]) + sums[0]));
    squint_set16(
        r, j,
        squint_sigmoid(curves, squint_input_sum(cell, g[n + j]) + sums[1]));
    kept[j] =
        squint_requantize(squint_part(squint_get16(r, j), squint_get16(h, j)),
                          cell.q_multiplier, cell.q_shift, cell.zero_q);
  }
}

/* The new state of one row. r: NULL where the reset is in `q` already. */
static inline void squint_gru_state(squint_cell cell, squint_weights weights,
                                    const int32_t* bias, squint_curves curves,
                                    const int8_t* g, const int8_t* q,
                                    const int8_t* z, const int8_t* r,
                                    int8_t* h) {
  const int32_t n = cell.hidden;
  for (int32_t j = 0; j < n; ++j) {
    int32_t sum =
        squint_scale(squint_dot(q, weights.w + j * n, n, weights.bias[j]),
                     weights.multiplier[j], weights.shift[j]);
    if (r != NULL) {
      sum = bias[j] +
            (int32_t)(((int64_t)squint_get16(r, j) * sum + (1 << 14)) >> 15);
    }
    const int32_t fresh =
        squint_tanh(curves, squint_input_sum(cell, g[2 * n + j]) + sum);
    const int32_t change = squint_get16(h, j) - fresh;
    squint_set16(h, j, fresh + squint_part(squint_get16(z, j), change));
  }
}

/* h: [batch][hidden] numbers of 16 bits, from the first state to the last. y:
   states of all steps, or NULL. bias: NULL where the reset stands before the
   product. scratch: 6 bytes a unit. */
static void squint_gru(const squint_cell* shape, const squint_weights* r,
                       const squint_weights* fresh, const int32_t* bias,
                       const int16_t* sigmoid, const int16_t* tanh,
                       const int8_t* g, int8_t* h, int8_t* scratch, int8_t* y) {
  const squint_cell cell = *shape;
  const int32_t n = cell.hidden;
  int8_t* const update = scratch;
  int8_t* const reset = scratch + 2 * n;
  int8_t* const q = scratch + 4 * n;
  int8_t* const kept = scratch + 5 * n;
  squint_curves curves;
  curves.sigmoid = sigmoid;
  curves.tanh = tanh;
  for (int32_t row = 0; row < cell.batch; ++row, h += 2 * n) {
    for (int32_t i = 0; i < cell.steps; ++i) {
      const int32_t step = cell.reverse ? cell.steps - 1 - i : i;
      const int32_t at = step * cell.batch + row;
      squint_round_states(n, cell.q_multiplier, cell.q_shift, cell.zero_q, h,
                          q);
      squint_gru_gates(cell, *r, curves, g + at * 3 * n, h, q, update, reset,
                       kept);
      squint_gru_state(cell, *fresh, bias, curves, g + at * 3 * n,
                       bias == NULL ? kept : q, update,
                       bias == NULL ? NULL : reset, h);
      if (y != NULL) {
        squint_round_states(n, cell.y_multiplier, cell.y_shift, cell.zero_y, h,
                            y + at * n);
      }
    }
  }
}

#endif  // SQUINT_KERNELS_FIXED_GRU_H_
