// Which instruction sets the Highway kernels are compiled for. Include before
// hwy/highway.h (Highway reads the macro). Left out to bound compile time:
// SSSE3 (older than 2008), AVX3_DL (adds nothing for float32), and the
// length-agnostic SVE and RVV, whose vectors cannot stand in arrays.
#ifndef SQUINT_KERNELS_SIMD_H_
#define SQUINT_KERNELS_SIMD_H_

#define HWY_DISABLED_TARGETS                                                   \
  (HWY_SSSE3 | HWY_AVX3_DL | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | \
   HWY_RVV)

#endif  // SQUINT_KERNELS_SIMD_H_
