// Weights of 4 bits, and products of rows with them.
//
// Four bytes hold eight weights: byte i has weight i in its lower half and
// weight i + 4 in its upper one, so that both halves are a mask, or a shift and
// a mask, away from four bytes that meet four neighbours of x. What that makes
// is 16 times the weight, with its sign where it belongs; sums are divided in
// the end, exactly. Rows are filled up with 0 to whole words.
#ifndef SQUINT_KERNELS_FIXED_NIBBLES_H_
#define SQUINT_KERNELS_FIXED_NIBBLES_H_

#include <stdint.h>

/* 16 times weight k of a row. */
static inline int32_t squint_nibble(const int8_t* w, int32_t k) {
  const uint8_t byte = (uint8_t)w[k / 8 * 4 + k % 4];
  return (int8_t)(k % 8 < 4 ? byte << 4 : byte & 0xf0);
}

#endif  // SQUINT_KERNELS_FIXED_NIBBLES_H_
