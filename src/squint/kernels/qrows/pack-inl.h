// What the packing of both tiles of qrows.h needs: weights of several outputs
// side by side, and their sums. Included once per Highway target.
#if defined(SQUINT_KERNELS_QROWS_PACK_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SQUINT_KERNELS_QROWS_PACK_INL_H_
#undef SQUINT_KERNELS_QROWS_PACK_INL_H_
#else
#define SQUINT_KERNELS_QROWS_PACK_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <vector>

#include "squint/kernels/aligned.h"
#include "squint/kernels/qrows/qrows.h"

HWY_BEFORE_NAMESPACE();
namespace squint {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET != HWY_SCALAR

// Half of the way to the transposed square, or a third of it with eight rows.
template <class D, size_t kSide>
HWY_INLINE void TurnRows(D d, const hn::Vec<D> (&a)[kSide],
                         hn::Vec<D> (&turned)[kSide]) {
#pragma GCC unroll 4
  for (size_t i = 0; i < kSide / 2; ++i) {
    turned[2 * i] = hn::InterleaveLower(d, a[i], a[i + kSide / 2]);
    turned[2 * i + 1] = hn::InterleaveUpper(d, a[i], a[i + kSide / 2]);
  }
}

// 16 bytes of as many outputs as they have units, as units of outputs: output
// j, unit u from from[j * stride + u * sizeof(Unit)] to
// to[u * to_stride + j * sizeof(Unit)].
template <typename Unit>
HWY_INLINE void TurnSquare(const int8_t* from, int64_t stride, int8_t* to,
                           int64_t to_stride) {
  constexpr int kSide = 16 / sizeof(Unit);
  const hn::FixedTag<Unit, kSide> d;
  using Row = hn::Vec<decltype(d)>;
  Row a[kSide];
  Row b[kSide];
#pragma GCC unroll 8
  for (int j = 0; j < kSide; ++j) {
    a[j] = hn::LoadU(d, reinterpret_cast<const Unit*>(from + j * stride));
  }
  TurnRows(d, a, b);
  TurnRows(d, b, a);
  if constexpr (kSide == 8) TurnRows(d, a, b);
#pragma GCC unroll 8
  for (int u = 0; u < kSide; ++u) {
    hn::StoreU(kSide == 8 ? b[u] : a[u], d,
               reinterpret_cast<Unit*>(to + u * to_stride));
  }
}

#endif

// Bytes [begin, end) of each output.
template <int64_t kUnit>
void InterleaveSome(const int8_t* from, int64_t stride, int64_t outputs,
                    int64_t begin, int64_t end, int64_t width, int8_t* to) {
  for (int64_t j = 0; j < outputs; ++j) {
    const int8_t* in = from + j * stride;
    int8_t* out = to + j * kUnit;
    int64_t d = begin;
    for (; d + kUnit <= end; d += kUnit) {
      std::memcpy(out + d * width, in + d, kUnit);
    }
    std::memcpy(out + d * width, in + d, static_cast<size_t>(end - d));
  }
}

// Weights of `outputs` outputs, `stride` apart, `depth` of each, as
// [depth / kUnit][width][kUnit].
template <int64_t kUnit>
void Interleave(const int8_t* from, int64_t stride, int64_t outputs,
                int64_t depth, int64_t width, int8_t* to) {
  int64_t whole = 0;  // outputs, and bytes of them, by squares
  int64_t bytes = 0;
#if HWY_TARGET != HWY_SCALAR
  using Unit = std::conditional_t<kUnit == 2, uint16_t, uint32_t>;
  static_assert(sizeof(Unit) == kUnit);
  constexpr int64_t kSide = 16 / kUnit;
  whole = outputs / kSide * kSide;
  bytes = depth / 16 * 16;
  for (int64_t d = 0; d < bytes; d += 16) {
    for (int64_t j = 0; j < whole; j += kSide) {
      TurnSquare<Unit>(from + j * stride + d, stride,
                       to + d * width + j * kUnit, width * kUnit);
    }
  }
#endif
  InterleaveSome<kUnit>(from, stride, whole, bytes, depth, width, to);
  InterleaveSome<kUnit>(from + whole * stride, stride, outputs - whole, 0,
                        depth, width, to + whole * kUnit);
}

// Of `count` weights.
inline int32_t SumOfWeights(const int8_t* weights, int64_t count) {
  int64_t sum = 0;
  int64_t i = 0;
#if HWY_TARGET != HWY_SCALAR
  // Bytes 128 higher, which are added without a sign, eight at a time.
  const hn::ScalableTag<uint8_t> d;
  const hn::Repartition<uint64_t, decltype(d)> d64;
  const auto sign = hn::Set(d, uint8_t{0x80});
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto* bytes = reinterpret_cast<const uint8_t*>(weights);
  auto sums = hn::Zero(d64);
  for (; i + lanes <= count; i += lanes) {
    sums = hn::Add(sums, hn::SumsOf8(hn::Xor(hn::LoadU(d, bytes + i), sign)));
  }
  sum = static_cast<int64_t>(hn::GetLane(hn::SumOfLanes(d64, sums))) - 128 * i;
#endif
  for (; i < count; ++i) sum += weights[i];
  return static_cast<int32_t>(sum);
}

// Of each of [outputs][terms].
inline std::vector<int32_t> SumsOf(const int8_t* weights, int64_t outputs,
                                   int64_t terms) {
  std::vector<int32_t> sums;
  sums.reserve(static_cast<size_t>(outputs));
  for (int64_t j = 0; j < outputs; ++j) {
    sums.push_back(SumOfWeights(weights + j * terms, terms));
  }
  return sums;
}

// Room for `bytes` of packed weights, and their sums.
inline RowWeights Unfilled(const RowWeightsShape& s, const int8_t* weights,
                           int64_t bytes, bool in_quads) {
  RowWeights packed{s, AllocateAligned<std::byte>(bytes),
                    static_cast<size_t>(bytes)};
  packed.in_quads = in_quads;
  packed.sums = SumsOf(weights, s.outputs, s.terms());
  return packed;
}

}  // namespace HWY_NAMESPACE
}  // namespace squint
HWY_AFTER_NAMESPACE();

#endif  // SQUINT_KERNELS_QROWS_PACK_INL_H_
