// How the exact sum of an integer product becomes an 8-bit number.
#ifndef SQUINT_KERNELS_QGEMM_REQUANTIZATION_H_
#define SQUINT_KERNELS_QGEMM_REQUANTIZATION_H_

#include <cstdint>

namespace squint {

// A tensor that is added to a requantized result, as QLinearAdd adds them:
//   y = round_half_even(clamp(v, low, high)),
//   v = fma(own, q, fma(other, added, fixed)), or with the two exchanged.
// `fixed` holds all zero points, so low and high are the type's.
struct ByteAddition {
  const uint8_t* added = nullptr;  // like the result; null: nothing is added
  int64_t row_stride = 0;
  bool added_is_signed = false;
  float own = 0;
  float other = 0;
  float fixed = 0;
  bool own_last = true;
  float low = 0;
  float high = 255;
  bool is_signed = false;  // y
};

// What a real result goes through on its way out (kernels/elementwise).
enum class RealFunction : uint8_t { kNone, kGelu, kGeluByTanh };

// Columns of the widest panel of any instruction set.
inline constexpr int64_t kColumnPadding = 64;

// For the sum at row i, column j (docs/numerics.md, "Integer operators"):
//   v = float(sum + bias(i, j)) * multiplier(i, j)
//   q = round_half_even(clamp(v, low, high)) + zero
// low and high are counted from the zero point: qmin - zero, qmax - zero.
struct Requantization {
  const int32_t* bias = nullptr;  // null: none
  int64_t bias_row = 0;
  int64_t bias_column = 0;  // 0 or 1
  const float* multiplier = nullptr;
  int64_t multiplier_row = 0;
  int64_t multiplier_column = 0;  // 0 or 1
  float low = 0;
  float high = 255;
  int32_t zero = 0;
  bool is_signed = false;  // the result is int8, else uint8
  // The result is f(v + added[j]) * factor[j], a float32, or what of it is
  // there; the four above are not used. With a `step` that is quantized by it:
  //   q = round_half_even(clamp(f / step, low, high)) + zero, NaN as 0.
  bool is_real = false;
  RealFunction function = RealFunction::kNone;
  float step = 0;
  // No |v| reaches 2^31, and low and high are the type's ends: converting v
  // and packing clamp it.
  bool clamps_by_packing = false;
  // bias and multiplier of columns can be read kColumnPadding further.
  bool is_padded = false;
  // What is added to q; not with real results.
  ByteAddition addition = {};
  const float* added = nullptr;
  const float* factor = nullptr;  // with steps alone

  int64_t result_bytes() const { return is_real && step == 0 ? 4 : 1; }
  bool stored_is_signed() const {
    return addition.added == nullptr ? is_signed : addition.is_signed;
  }
};

}  // namespace squint

#endif  // SQUINT_KERNELS_QGEMM_REQUANTIZATION_H_
