// One group of a panel (gemv.h): where its parts lie, its decoding, and the
// sums over it. Included once per Highway target.
#if defined(SQUINT_KERNELS_GEMV_GROUP_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SQUINT_KERNELS_GEMV_GROUP_INL_H_
#undef SQUINT_KERNELS_GEMV_GROUP_INL_H_
#else
#define SQUINT_KERNELS_GEMV_GROUP_INL_H_
#endif

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <cstdint>
#include <utility>

#include "squint/kernels/gemv/gemv.h"

HWY_BEFORE_NAMESPACE();
namespace squint {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using FloatTag = hn::ScalableTag<float>;
using WordTag = hn::RebindToUnsigned<FloatTag>;
using IntTag = hn::RebindToSigned<FloatTag>;
using FloatVector = hn::Vec<FloatTag>;
using WordVector = hn::Vec<WordTag>;
using IntVector = hn::Vec<IntTag>;
constexpr int kLanes = HWY_LANES(float);
constexpr int kGemvNv = 4;
constexpr int kGemvNr = kGemvNv * kLanes;
// Rows of the tile, and vectors that it takes at once: sums, words and the
// numbers of x must fit the registers. Four sums in flight at least hide the
// latency of multiply-add.
#if HWY_TARGET <= HWY_AVX3 || HWY_TARGET == HWY_NEON
constexpr int kGemvMr = 4;
constexpr int VectorsOf(int) { return kGemvNv; }
#elif HWY_TARGET == HWY_AVX2
constexpr int kGemvMr = 4;
constexpr int VectorsOf(int rows) { return rows <= 2 ? kGemvNv : kGemvNv / 2; }
#else
constexpr int kGemvMr = 2;
constexpr int VectorsOf(int rows) { return rows == 1 ? kGemvNv : kGemvNv / 2; }
#endif

constexpr int64_t FieldsOf(int bits) { return 32 / bits; }

struct GroupParts {
  const uint8_t* scales;
  const uint8_t* zeros;
  const uint8_t* words;  // [steps][kGemvNr] of 32 bits
  int64_t steps;
  const uint8_t* end;
};

constexpr int64_t HeaderBytes(bool half_scales, bool has_zeros) {
  return kGemvNr * ((half_scales ? 2 : 4) + (has_zeros ? 1 : 0));
}

// The group of `depth` rows of K at `at`.
HWY_INLINE GroupParts PartsOf(const uint8_t* at, int64_t depth, int bits,
                              bool half_scales, bool has_zeros) {
  GroupParts parts;
  parts.scales = at;
  parts.zeros = at + kGemvNr * (half_scales ? 2 : 4);
  parts.words = at + HeaderBytes(half_scales, has_zeros);
  parts.steps = (depth + FieldsOf(bits) - 1) / FieldsOf(bits);
  parts.end = parts.words + parts.steps * kGemvNr * 4;
  return parts;
}

HWY_INLINE FloatVector LoadScale(const uint8_t* scales, bool half, int v) {
  const FloatTag d;
  if (!half) {
    return hn::LoadU(d, reinterpret_cast<const float*>(scales) + v * kLanes);
  }
  const hn::Rebind<hwy::float16_t, FloatTag> dh;
  return hn::PromoteTo(
      d, hn::LoadU(
             dh, reinterpret_cast<const hwy::float16_t*>(scales) + v * kLanes));
}

HWY_INLINE IntVector LoadZero(const uint8_t* zeros, int v) {
  const IntTag d;
  const hn::Rebind<uint8_t, IntTag> db;
  return hn::PromoteTo(d, hn::LoadU(db, zeros + v * kLanes));
}

HWY_INLINE WordVector LoadWord(const uint8_t* words, int v) {
  const WordTag d;
  return hn::LoadU(d, reinterpret_cast<const uint32_t*>(words) + v * kLanes);
}

// Whether zero points are subtracted from each weight. Up to 4 bits they are
// not: that is one instruction of four. What they make is subtracted from the
// sum over the group, where 15 at most stands for a weight that is about 3: a
// loss of two bits of 24. 8-bit weights would lose more, and four instructions
// are as fast as memory for them. Rows whose numbers are not finite, or whose
// sums are not, would lose everything.
constexpr bool SubtractsEarly(int bits, bool finite) {
  return bits == 8 || !finite;
}

// (q - zero) * 2^(kBits * j) of field j, or q * 2^(kBits * j) where zeros come
// later; the last field is shifted down.
template <int kBits, bool kEarly, int j>
HWY_INLINE FloatVector Field(WordVector word, IntVector zero) {
  const WordTag dw;
  const IntTag di;
  const FloatTag df;
  constexpr bool kLast = j == FieldsOf(kBits) - 1;
  constexpr int kShift = kLast ? 0 : kBits * j;
  constexpr uint32_t kMask = ((1u << kBits) - 1) << kShift;
  const auto q = hn::BitCast(di, kLast ? hn::ShiftRight<32 - kBits>(word)
                                       : hn::And(word, hn::Set(dw, kMask)));
  if constexpr (kEarly) {
    return hn::ConvertTo(df, hn::Sub(q, hn::ShiftLeft<kShift>(zero)));
  } else {
    return hn::ConvertTo(df, q);
  }
}

// What x is multiplied by where it meets field j.
HWY_INLINE float FieldScale(int bits, int64_t j) {
  if (j == FieldsOf(bits) - 1) return 1.0f;
  return 1.0f / static_cast<float>(uint32_t{1} << (bits * j));
}

HWY_INLINE IntVector ZeroOf(const GroupParts& group, const PackedGroups& w,
                            int v) {
  return w.has_zeros ? LoadZero(group.zeros, v) : hn::Set(IntTag(), w.zero);
}

// The sum over a group, scaled and added to that over the groups before.
template <bool kEarly>
HWY_INLINE FloatVector AddSum(FloatVector sum, float x_sum,
                              const GroupParts& group, const PackedGroups& w,
                              int v, FloatVector total) {
  const FloatTag d;
  if constexpr (!kEarly) {
    const auto zero = hn::ConvertTo(d, ZeroOf(group, w, v));
    sum = hn::NegMulAdd(zero, hn::Set(d, x_sum), sum);
  }
  return hn::MulAdd(sum, LoadScale(group.scales, w.half_scales, v), total);
}

// Far enough for the memory's latency, and across the borders of pages, where
// the processor's own prefetching stops.
HWY_INLINE void FetchAhead(const uint8_t* words) {
  constexpr int64_t kAhead = 3072;
#pragma GCC unroll 4
  for (int64_t line = 0; line < kGemvNr * 4; line += 64) {
    hwy::Prefetch(words + kAhead + line);
  }
}

// Rows that go with a group.
struct RowsOfGroup {
  const float* x;  // at the group
  int64_t x_stride;
  const float* x_sums;  // over the group, of each row
  int64_t x_sums_stride;
  float* totals;  // [row][kGemvNr]
};

template <int kBits, bool kEarly, int kRows, int kVectors, int j>
HWY_INLINE void AddField(const WordVector (&word)[kVectors],
                         const IntVector (&zero)[kVectors],
                         const float* HWY_RESTRICT x, int64_t x_stride,
                         FloatVector (&sum)[kRows][kVectors]) {
  const FloatTag d;
  FloatVector factor[kRows];
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r) factor[r] = hn::Set(d, x[r * x_stride + j]);
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) {
    const auto weight = Field<kBits, kEarly, j>(word[v], zero[v]);
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
      sum[r][v] = hn::MulAdd(factor[r], weight, sum[r][v]);
    }
  }
}

template <int kBits, bool kEarly, int kRows, int kVectors, size_t... j>
HWY_INLINE void AddFields(const WordVector (&word)[kVectors],
                          const IntVector (&zero)[kVectors],
                          const float* HWY_RESTRICT x, int64_t x_stride,
                          FloatVector (&sum)[kRows][kVectors],
                          std::index_sequence<j...>) {
  (AddField<kBits, kEarly, kRows, kVectors, static_cast<int>(j)>(word, zero, x,
                                                                 x_stride, sum),
   ...);
}

// The sums over a group of kRows rows from `row` on, for some of its vectors.
// Memory is fetched once, for the first ones of the first rows.
template <int kBits, bool kEarly, int kRows, int kVectors>
HWY_INLINE void AddVectors(const GroupParts& group, const PackedGroups& w,
                           const RowsOfGroup& rows, int64_t row, int first) {
  constexpr int64_t kFields = FieldsOf(kBits);
  const FloatTag d;
  const float* HWY_RESTRICT x = rows.x + row * rows.x_stride;
  IntVector zero[kVectors];
  FloatVector sum[kRows][kVectors];
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) {
    zero[v] = ZeroOf(group, w, first + v);
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) sum[r][v] = hn::Zero(d);
  }
  const bool fetches = row == 0 && first == 0;
  const uint8_t* words = group.words;
  for (int64_t s = 0; s < group.steps; ++s, words += kGemvNr * 4) {
    if (fetches) FetchAhead(words);
    WordVector word[kVectors];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) word[v] = LoadWord(words, first + v);
    AddFields<kBits, kEarly>(word, zero, x + s * kFields, rows.x_stride, sum,
                             std::make_index_sequence<kFields>());
  }
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r) {
    const float x_sum = rows.x_sums[(row + r) * rows.x_sums_stride];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      float* total = rows.totals + (row + r) * kGemvNr + (first + v) * kLanes;
      hn::StoreU(AddSum<kEarly>(sum[r][v], x_sum, group, w, first + v,
                                hn::LoadU(d, total)),
                 d, total);
    }
  }
}

// The same for all vectors.
template <int kBits, bool kEarly, int kRows>
HWY_NOINLINE void AddGroup(const GroupParts& group, const PackedGroups& w,
                           const RowsOfGroup& rows, int64_t row) {
  constexpr int kVectors = VectorsOf(kRows);
  for (int first = 0; first < kGemvNv; first += kVectors) {
    AddVectors<kBits, kEarly, kRows, kVectors>(group, w, rows, row, first);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace squint
HWY_AFTER_NAMESPACE();

#endif  // SQUINT_KERNELS_GEMV_GROUP_INL_H_
