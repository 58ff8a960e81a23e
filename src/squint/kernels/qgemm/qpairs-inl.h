// Products of pairs of int16, the way to multiply without dot products of four
// bytes: what the tile of qtile-inl.h adds up. Included once per Highway
// target.
#if defined(SQUINT_KERNELS_QGEMM_QPAIRS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SQUINT_KERNELS_QGEMM_QPAIRS_INL_H_
#undef SQUINT_KERNELS_QGEMM_QPAIRS_INL_H_
#else
#define SQUINT_KERNELS_QGEMM_QPAIRS_INL_H_
#endif

#include <hwy/highway.h>

#include <cstdint>
#include <cstring>

#include "squint/kernels/qgemm/requantize-inl.h"

HWY_BEFORE_NAMESPACE();
namespace squint {
namespace HWY_NAMESPACE {

// Lanes of a and b are pairs of int16, the two k of one column:
// sum + a.low * b.low + a.high * b.high.
template <class V>
HWY_INLINE V AddProducts(V a, V b, V sum) {
#if HWY_ARCH_X86 && HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128
  const hn::DFromV<V> d;
  const hn::Repartition<int16_t, hn::DFromV<V>> pairs;
  V unused = hn::Zero(d);
  return hn::ReorderWidenMulAccumulate(d, hn::BitCast(pairs, a),
                                       hn::BitCast(pairs, b), sum, unused);
#elif HWY_TARGET == HWY_NEON && HWY_ARCH_ARM_A64
  const int16x8_t x = vreinterpretq_s16_s32(a.raw);
  const int16x8_t y = vreinterpretq_s16_s32(b.raw);
  const int32x4_t low = vmull_s16(vget_low_s16(x), vget_low_s16(y));
  const int32x4_t high = vmull_high_s16(x, y);
  return V{vaddq_s32(sum.raw, vpaddq_s32(low, high))};
#else
  const auto low = [](V v) { return hn::ShiftRight<16>(hn::ShiftLeft<16>(v)); };
  const auto first = hn::Mul(low(a), low(b));
  const auto second = hn::Mul(hn::ShiftRight<16>(a), hn::ShiftRight<16>(b));
  return hn::Add(sum, hn::Add(first, second));
#endif
}

HWY_INLINE IntVector LoadPairs(const int16_t* HWY_RESTRICT pairs) {
  const IntTag d;
  return hn::LoadU(d, reinterpret_cast<const int32_t*>(pairs));
}

// Bytes are widened on the way into the register: shuffles, which x86 CPUs do
// beside their multiplications.
HWY_INLINE IntVector LoadPairs(const int8_t* HWY_RESTRICT pairs) {
  const IntTag d;
#if HWY_TARGET == HWY_SCALAR
  return hn::Set(d, int32_t{pairs[1]} * 65536 + (pairs[0] & 0xFFFF));
#else
  const hn::Repartition<int16_t, IntTag> wide;
  const hn::Rebind<int8_t, decltype(wide)> bytes;
  return hn::BitCast(d, hn::PromoteTo(wide, hn::LoadU(bytes, pairs)));
#endif
}

// The sums of a tile by one pair of every row and column. a: row r at
// a + r * a_stride; b: the pairs of all columns, T is int16_t or int8_t.
template <int kRows, int kNv, typename T>
HWY_INLINE void AddPair(const int16_t* HWY_RESTRICT a, int64_t a_stride,
                        const T* HWY_RESTRICT b, IntVector (&sum)[kRows][kNv]) {
  const IntTag d;
  IntVector column[kNv];
#pragma GCC unroll 4
  for (int v = 0; v < kNv; ++v) column[v] = LoadPairs(b + v * 2 * kIntLanes);
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
    int32_t pair;
    std::memcpy(&pair, a + r * a_stride, sizeof(pair));
    const IntVector row = hn::Set(d, pair);
#pragma GCC unroll 4
    for (int v = 0; v < kNv; ++v) {
      sum[r][v] = AddProducts(row, column[v], sum[r][v]);
    }
  }
}

// Arm multiplies four int16 by one lane of others and adds: half the
// instructions of AddProducts, once the two k of eight columns lie apart.
#undef SQUINT_PAIRS_BY_LANES
#if HWY_TARGET == HWY_NEON && HWY_ARCH_ARM_A64
#define SQUINT_PAIRS_BY_LANES

struct EightColumns {
  int16x8_t even;  // k
  int16x8_t odd;
};
HWY_INLINE EightColumns LoadEightColumns(const int16_t* b) {
  const int16x8_t left = vld1q_s16(b);
  const int16x8_t right = vld1q_s16(b + 8);
  return {vuzp1q_s16(left, right), vuzp2q_s16(left, right)};
}
HWY_INLINE EightColumns LoadEightColumns(const int8_t* b) {
  const int16x8_t pairs = vreinterpretq_s16_s8(vld1q_s8(b));
  return {vshrq_n_s16(vshlq_n_s16(pairs, 8), 8), vshrq_n_s16(pairs, 8)};
}

// One pair of the four in each x.
template <int kPair, int kRows, typename T>
HWY_INLINE void AddPairLanes(const int16x8_t (&x)[kRows],
                             const T* HWY_RESTRICT b,
                             IntVector (&sum)[kRows][2]) {
  const EightColumns w = LoadEightColumns(b);
  constexpr int kEven = 2 * kPair;
  constexpr int kOdd = kEven + 1;
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
    int32x4_t left = sum[r][0].raw;
    int32x4_t right = sum[r][1].raw;
    left = vmlal_laneq_s16(left, vget_low_s16(w.even), x[r], kEven);
    right = vmlal_high_laneq_s16(right, w.even, x[r], kEven);
    left = vmlal_laneq_s16(left, vget_low_s16(w.odd), x[r], kOdd);
    right = vmlal_high_laneq_s16(right, w.odd, x[r], kOdd);
    sum[r][0] = IntVector{left};
    sum[r][1] = IntVector{right};
  }
}

// AddPair for kPairsOfVector pairs and two vectors.
constexpr int64_t kPairsOfVector = 4;
template <int kRows, typename T>
HWY_INLINE void AddFourPairs(const int16_t* HWY_RESTRICT a, int64_t a_stride,
                             const T* HWY_RESTRICT b,
                             IntVector (&sum)[kRows][2]) {
  constexpr int kStep = 2 * 2 * kIntLanes;  // of b, for one pair
  int16x8_t x[kRows];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) x[r] = vld1q_s16(a + r * a_stride);
  AddPairLanes<0>(x, b, sum);
  AddPairLanes<1>(x, b + kStep, sum);
  AddPairLanes<2>(x, b + 2 * kStep, sum);
  AddPairLanes<3>(x, b + 3 * kStep, sum);
}
#endif

}  // namespace HWY_NAMESPACE
}  // namespace squint
HWY_AFTER_NAMESPACE();

#endif  // SQUINT_KERNELS_QGEMM_QPAIRS_INL_H_
