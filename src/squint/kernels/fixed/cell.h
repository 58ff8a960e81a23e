// What a step of LSTM and of GRU have in common.
//
// The sum before a gate is made of the input's part g, 8 bits on a grid, and of
// the product of the state, 8 bits on another one, with the weights. Both are
// brought to 12 fractional bits; beyond +-8 the functions of gates are flat.
// Gates and states have 15 fractional bits, cells 11, up to +-16.
#ifndef SQUINT_KERNELS_FIXED_CELL_H_
#define SQUINT_KERNELS_FIXED_CELL_H_

#include <stdint.h>

#include "squint/kernels/fixed/channel.h"
#include "squint/kernels/fixed/dot.h"
#include "squint/kernels/fixed/fixed_point.h"

typedef struct squint_cell {
  int32_t steps;
  int32_t batch;
  int32_t hidden;
  int32_t reverse;      /* the last step first */
  int32_t g_multiplier; /* of g as a sum */
  int32_t g_shift;
  int32_t zero_g;
  int32_t q_multiplier; /* of a state as what is multiplied */
  int32_t q_shift;
  int32_t zero_q;
  int32_t y_multiplier; /* of a state as a result */
  int32_t y_shift;
  int32_t zero_y;
} squint_cell;

/* Functions of gates at 0, 1/32 .. 8, with 15 fractional bits. */
typedef struct squint_curves {
  const int16_t* sigmoid;
  const int16_t* tanh;
} squint_curves;

static inline int32_t squint_input_sum(squint_cell cell, int8_t g) {
  return squint_scale(g - cell.zero_g, cell.g_multiplier, cell.g_shift);
}

/* Products of the state with columns n and n + 1. */
static inline void squint_state_sums(squint_weights weights, int32_t n,
                                     int32_t hidden, const int8_t* q,
                                     int32_t sums[2]) {
  sums[0] = weights.bias[n];
  sums[1] = weights.bias[n + 1];
  squint_dot_1x2(q, weights.w + n * hidden, hidden, sums);
  for (int32_t i = 0; i < 2; ++i) {
    sums[i] =
        squint_scale(sums[i], weights.multiplier[n + i], weights.shift[n + i]);
  }
}

/* Between two numbers of a curve, 0 <= x < 2^15. */
static inline int32_t squint_curve(const int16_t* curve, int32_t x) {
  const int16_t* const at = curve + (x >> 7);
  return at[0] + (((at[1] - at[0]) * (x & 127) + 64) >> 7);
}

static inline int32_t squint_sigmoid(squint_curves curves, int32_t sum) {
  const int32_t x = squint_clamp(sum, -INT16_MAX, INT16_MAX);
  return x < 0 ? (1 << 15) - squint_curve(curves.sigmoid, -x)
               : squint_curve(curves.sigmoid, x);
}

static inline int32_t squint_tanh(squint_curves curves, int32_t sum) {
  const int32_t x = squint_clamp(sum, -INT16_MAX, INT16_MAX);
  return x < 0 ? -squint_curve(curves.tanh, -x) : squint_curve(curves.tanh, x);
}

/* a * b, where one of them has 15 fractional bits. */
static inline int32_t squint_part(int32_t a, int32_t b) {
  return (a * b + (1 << 14)) >> 15;
}

#endif  // SQUINT_KERNELS_FIXED_CELL_H_
