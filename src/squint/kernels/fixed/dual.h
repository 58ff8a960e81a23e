// Four bytes as two pairs of 16 bits, for cores that multiply pairs.
#ifndef SQUINT_KERNELS_FIXED_DUAL_H_
#define SQUINT_KERNELS_FIXED_DUAL_H_

#include <stdint.h>
#include <string.h>

#if defined(__ARM_FEATURE_SIMD32) && !defined(__ARM_FEATURE_MVE)
#include <arm_acle.h>

/* Bytes 0 and 2 of four, then 1 and 3, as pairs of 16 bits. */
typedef struct squint_pairs {
  int16x2_t even;
  int16x2_t odd;
} squint_pairs;

static inline int32_t squint_load_word(const int8_t* bytes) {
  int32_t word;
  memcpy(&word, bytes, sizeof word);
  return word;
}

static inline squint_pairs squint_pairs_of(int32_t word) {
  squint_pairs pairs;
  pairs.even = __sxtb16(word);
  /* Rotated on the way, which no intrinsic says. */
  __asm__("sxtb16 %0, %1, ror #8" : "=r"(pairs.odd) : "r"(word));
  return pairs;
}

static inline squint_pairs squint_load_pairs(const int8_t* bytes) {
  return squint_pairs_of(squint_load_word(bytes));
}

static inline int32_t squint_dot_pairs(squint_pairs a, squint_pairs b,
                                       int32_t sum) {
  return __smlad(a.odd, b.odd, __smlad(a.even, b.even, sum));
}

#endif

#endif  // SQUINT_KERNELS_FIXED_DUAL_H_
