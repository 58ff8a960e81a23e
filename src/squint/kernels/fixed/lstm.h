// LSTM behind the product with its input:
//
//   s = g + h R;  c' = sigmoid(s_f) c + sigmoid(s_i) tanh(s_n)
//   h' = sigmoid(s_o) tanh(c')
//
// g has a row for each step and batch, gate by gate: i, o, f, n. The columns of
// R are interleaved, the four gates of a unit side by side, with all biases.
#ifndef SQUINT_KERNELS_FIXED_LSTM_H_
#define SQUINT_KERNELS_FIXED_LSTM_H_

#include <stdint.h>

#include "squint/kernels/fixed/cell.h"
#include "squint/kernels/fixed/state.h"

/* Unit j of one row: its state and cell. */
static inline void squint_lstm_unit(squint_cell cell, squint_weights r,
                                    squint_curves curves, int32_t j,
                                    const int8_t* g, const int8_t* q, int8_t* h,
                                    int8_t* c) {
  const int32_t n = cell.hidden;
  int32_t io[2], fn[2];
  squint_state_sums(r, 4 * j, n, q, io);
  squint_state_sums(r, 4 * j + 2, n, q, fn);
  const int32_t in =
      squint_sigmoid(curves, squint_input_sum(cell, g[j]) + io[0]);
  const int32_t out =
      squint_sigmoid(curves, squint_input_sum(cell, g[n + j]) + io[1]);
  const int32_t keep =
      squint_sigmoid(curves, squint_input_sum(cell, g[2 * n + j]) + fn[0]);
  const int32_t fresh =
      squint_tanh(curves, squint_input_sum(cell, g[3 * n + j]) + fn[1]);
  /* 26 fractional bits, less than 2^31 */
  const int32_t both = keep * squint_get16(c, j) + ((in * fresh + 8) >> 4);
  squint_set16(c, j, (both + (1 << 14)) >> 15);
  squint_set16(h, j,
               squint_part(out, squint_tanh(curves, 2 * squint_get16(c, j))));
}

/* h, c: [batch][hidden] numbers of 16 bits, from the first state to the last.
   y: states of all steps, or NULL. q: room for a row's state in 8 bits. */
static void squint_lstm(const squint_cell* shape, const squint_weights* r,
                        const int16_t* sigmoid, const int16_t* tanh,
                        const int8_t* g, int8_t* h, int8_t* c, int8_t* q,
                        int8_t* y) {
  const squint_cell cell = *shape;
  const squint_weights weights = *r;
  const int32_t n = cell.hidden;
  squint_curves curves;
  curves.sigmoid = sigmoid;
  curves.tanh = tanh;
  for (int32_t row = 0; row < cell.batch; ++row, h += 2 * n, c += 2 * n) {
    for (int32_t i = 0; i < cell.steps; ++i) {
      const int32_t step = cell.reverse ? cell.steps - 1 - i : i;
      const int32_t at = step * cell.batch + row;
      squint_round_states(n, cell.q_multiplier, cell.q_shift, cell.zero_q, h,
                          q);
      for (int32_t j = 0; j < n; ++j) {
        squint_lstm_unit(cell, weights, curves, j, g + at * 4 * n, q, h, c);
      }
      if (y != NULL) {
        squint_round_states(n, cell.y_multiplier, cell.y_shift, cell.zero_y, h,
                            y + at * n);
      }
    }
  }
}

#endif  // SQUINT_KERNELS_FIXED_LSTM_H_
