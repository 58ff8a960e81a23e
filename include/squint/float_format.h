// How the products of float operators are made.
#ifndef SQUINT_FLOAT_FORMAT_H_
#define SQUINT_FLOAT_FORMAT_H_

#include <cstdint>

namespace squint {

// kBf16: MatMul, Gemm and convolutions that compute in float round both of
// their factors to bfloat16 (half to even) and add the exact products in
// float32; depthwise convolutions, whose time is not the products', and all
// other operators stay float32. CPUs with AVX512_BF16 (Cooper Lake, Sapphire
// Rapids, Zen 4 and later) multiply two pairs of factors at once so; others
// give the same numbers, no faster than float32. A result is off by 2^-8 of its
// sum of absolute products at most. Quantized operators are not changed.
enum class FloatFormat : uint8_t { kFloat32, kBf16 };

// Whether kBf16 is run by instructions for it here.
bool HasFastBf16();

}  // namespace squint

#endif  // SQUINT_FLOAT_FORMAT_H_
