// Tiles of sums on their way out: bytes whose bias and multiplier are those of
// their columns. Included once per Highway target.
#if defined(SQUINT_KERNELS_QGEMM_TILE_STORE_INL_H_) == \
    defined(HWY_TARGET_TOGGLE)
#ifdef SQUINT_KERNELS_QGEMM_TILE_STORE_INL_H_
#undef SQUINT_KERNELS_QGEMM_TILE_STORE_INL_H_
#else
#define SQUINT_KERNELS_QGEMM_TILE_STORE_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "squint/kernels/qgemm/real_columns-inl.h"
#include "squint/kernels/qgemm/requantize-inl.h"
#include "squint/kernels/qgemm/tile_place.h"
#include "squint/kernels/qgemm/wide_store-inl.h"

HWY_BEFORE_NAMESPACE();
namespace squint {
namespace HWY_NAMESPACE {

// What the columns of a tile share, read once for all of its rows: a bias and a
// multiplier of each. kClamps: not by packing.
template <bool kAdds, bool kClamps>
class ColumnStore {
 public:
  // For the columns from `column` on; see HasColumnStore.
  ColumnStore(const Requantization& r, int64_t column)
      : bias_(r.bias + column),
        multiplier_(r.multiplier + column),
        addition_(r.addition),
        added_(r.addition.added + (kAdds ? column : 0)),
        low_(hn::Set(RealTag(), r.low)),
        high_(hn::Set(RealTag(), r.high)),
        zero_(r.zero),
        is_signed_(r.stored_is_signed()) {}

  // Two neighbouring vectors, `at` columns further.
  HWY_INLINE void Store(IntVector first, IntVector second, int64_t row,
                        int64_t at, uint8_t* out) const {
    StoreTwo(Stored(first, row, at), Stored(second, row, at + kIntLanes),
             is_signed_, out);
  }

#if HWY_TARGET == HWY_AVX2
  // Two vectors of `row` and of the row below it, `stride` bytes further.
  HWY_INLINE void StoreRows(IntVector a, IntVector b, IntVector c, IntVector d,
                            int64_t row, int64_t at, uint8_t* out,
                            int64_t stride) const {
    const auto upper =
        Words(Rounded(a, row, at), Rounded(b, row, at + kIntLanes));
    const auto lower =
        Words(Rounded(c, row + 1, at), Rounded(d, row + 1, at + kIntLanes));
    // Packs work on halves; the permutation puts the quarters in order.
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    const __m256i bytes = _mm256_permutevar8x32_epi32(
        is_signed_ ? _mm256_packs_epi16(upper, lower)
                   : _mm256_packus_epi16(upper, lower),
        order);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out),
                     _mm256_castsi256_si128(bytes));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + stride),
                     _mm256_extracti128_si256(bytes, 1));
  }
#endif

 private:
  // Rounded, but for the zero point, unless something is added.
  HWY_INLINE IntVector Rounded(IntVector sum, int64_t row, int64_t at) const {
    const IntTag d;
    const RealTag df;
    auto v = hn::Mul(hn::ConvertTo(df, hn::Add(sum, hn::LoadU(d, bias_ + at))),
                     hn::LoadU(df, multiplier_ + at));
    if constexpr (kClamps || kAdds) v = hn::Min(hn::Max(v, low_), high_);
    if constexpr (!kAdds) return RoundToInt(v);
    const uint8_t* from = added_ + row * addition_.row_stride + at;
    const auto other =
        addition_.added_is_signed
            ? LoadBytes(reinterpret_cast<const int8_t*>(from), kIntLanes)
            : LoadBytes(from, kIntLanes);
    const auto own =
        hn::Add(hn::Round(v), hn::Set(df, static_cast<float>(zero_)));
    return RoundedBetween(AddStored(own, other, addition_), addition_.low,
                          addition_.high);
  }
  HWY_INLINE IntVector Stored(IntVector sum, int64_t row, int64_t at) const {
    const auto q = Rounded(sum, row, at);
    return kAdds ? q : hn::Add(q, hn::Set(IntTag(), zero_));
  }
#if HWY_TARGET == HWY_AVX2
  HWY_INLINE __m256i Words(IntVector a, IntVector b) const {
    const __m256i words = _mm256_packs_epi32(a.raw, b.raw);
    return kAdds ? words
                 : _mm256_adds_epi16(
                       words, _mm256_set1_epi16(static_cast<int16_t>(zero_)));
  }
#endif

  const int32_t* bias_;
  const float* multiplier_;
  const ByteAddition& addition_;
  const uint8_t* added_;
  RealVector low_;
  RealVector high_;
  int32_t zero_;
  bool is_signed_;
};

// From row kRow and vector kV on. A recursion, not a loop: `sum` stays in
// registers only where every place in it is a constant.
template <int kRow, int kV, class Columns, int kRows, int kNv>
HWY_INLINE void StoreFrom(const IntVector (&sum)[kRows][kNv],
                          const Columns& columns, const TilePlace& to) {
  static_assert(kNv % 2 == 0);
  constexpr int kStep = HWY_TARGET == HWY_AVX2 ? 2 : 1;
  if constexpr (kRow < kRows) {
    if (kRow >= to.rows) return;
    constexpr int64_t kAt = kV * kIntLanes;
    const int64_t row = to.row + kRow;
    uint8_t* out = to.out + kRow * to.stride + kAt;
#if HWY_TARGET == HWY_AVX2
    constexpr int kBelow = std::min(kRow + 1, kRows - 1);
    if (kRow + 1 < to.rows) {
      columns.StoreRows(sum[kRow][kV], sum[kRow][kV + 1], sum[kBelow][kV],
                        sum[kBelow][kV + 1], row, kAt, out, to.stride);
    } else {
      columns.Store(sum[kRow][kV], sum[kRow][kV + 1], row, kAt, out);
    }
#else
    columns.Store(sum[kRow][kV], sum[kRow][kV + 1], row, kAt, out);
#endif
    if constexpr (kV + 2 < kNv) {
      StoreFrom<kRow, kV + 2>(sum, columns, to);
    } else {
      StoreFrom<kRow + kStep, 0>(sum, columns, to);
    }
  }
}

template <int kRow, int kV, int kRows, int kNv>
HWY_INLINE void StoreRealsFrom(const IntVector (&sum)[kRows][kNv],
                               const RealColumns<kNv>& columns,
                               const TilePlace& to) {
  if constexpr (kRow < kRows) {
    if (kRow >= to.rows) return;
    constexpr int64_t kAt = kV * kIntLanes;
    columns.Store(sum[kRow][kV], kAt,
                  to.out + kRow * to.stride + kAt * int64_t{sizeof(float)});
    if constexpr (kV + 1 < kNv) {
      StoreRealsFrom<kRow, kV + 1>(sum, columns, to);
    } else {
      StoreRealsFrom<kRow + 1, 0>(sum, columns, to);
    }
  }
}

template <class Columns, int kRows, int kNv>
HWY_INLINE void StoreTileBy(const IntVector (&sum)[kRows][kNv],
                            const TilePlace& to) {
  StoreFrom<0, 0>(sum, Columns(to.requantization, to.column), to);
}

// Rows of two vectors of sums, one pair of vectors after the other.
template <class Each>
HWY_INLINE void ForPairs(const int32_t* sums, int vectors, const TilePlace& to,
                         const Each& each) {
  const IntTag d;
  for (int64_t r = 0; r < to.rows; ++r, sums += vectors * kIntLanes) {
    for (int64_t at = 0; at < to.columns; at += int64_t{2} * kIntLanes) {
      each(hn::Load(d, sums + at), hn::Load(d, sums + at + kIntLanes), r, at);
    }
  }
}

// Bytes of ragged columns, by way of whole ones.
HWY_INLINE void StoreRagged(const int32_t* sums, int vectors,
                            const TilePlace& to) {
  const ColumnStore<false, true> columns(to.requantization, to.column);
  constexpr int64_t kTwo = int64_t{2} * kIntLanes;
  HWY_ALIGN uint8_t whole[kTwo];
  ForPairs(sums, vectors, to,
           [&](IntVector first, IntVector second, int64_t r, int64_t at) {
             columns.Store(first, second, to.row + r, at, whole);
             uint8_t* out = to.out + r * to.stride + at;
             const int64_t count = std::min(kTwo, to.columns - at);
             int64_t i = 0;
             if constexpr (kTwo >= 8) {
               for (; i + 8 <= count; i += 8) {
                 std::memcpy(out + i, whole + i, 8);
               }
             }
             for (; i < count; ++i) out[i] = whole[i];
           });
}

// Of one tile, on its way through memory.
constexpr int kMostTileVectors = 32;

// Whole columns of results of a function, two or four vectors of them: one loop
// a stage, since a vector waits long for each, and loops have many vectors on
// their way; steps with AVX-512 in one, whose rows are long enough.
template <RealFunction kFunction>
HWY_INLINE void StoreFunction(const int32_t* sums, int vectors,
                              const TilePlace& to) {
  const Requantization& q = to.requantization;
  const IntTag d;
  const RealTag df;
#if HWY_TARGET == HWY_AVX3
  if (q.step != 0 && HasRealColumns(q)) {
    return vectors == 4 ? StoreFunctionSteps<4, kFunction>(sums, to)
                        : StoreFunctionSteps<2, kFunction>(sums, to);
  }
#endif
  const int64_t count = to.rows * vectors;
  HWY_ALIGN float reals[kMostTileVectors * kIntLanes];
  for (int64_t i = 0; i < count; ++i) {
    hn::Store(
        RealBefore(hn::Load(d, sums + i * kIntLanes), q, to.row + i / vectors,
                   to.column + i % vectors * kIntLanes, kIntLanes),
        df, reals + i * kIntLanes);
  }
  for (int64_t i = 0; i < count; ++i) {
    float* at = reals + i * kIntLanes;
    auto real = Applied(kFunction, hn::Load(df, at));
    if (q.factor != nullptr) {
      real = hn::Mul(
          real, hn::LoadU(df, q.factor + to.column + i % vectors * kIntLanes));
    }
    hn::Store(real, df, at);
  }
  for (int64_t i = 0; i < count; i += 2) {
    const float* at = reals + i * kIntLanes;
    StoreRealVectors(hn::Load(df, at), hn::Load(df, at + kIntLanes), q,
                     to.out + i / vectors * to.stride +
                         i % vectors * kIntLanes * q.result_bytes());
  }
}

// A tile of sums, an even number of vectors a row, with any parameters: what
// is not stored from registers. One copy for tiles of every height.
inline HWY_NOINLINE void StoreSums(const int32_t* sums, int vectors,
                                   const TilePlace& to) {
  const Requantization& q = to.requantization;
  const bool whole = to.columns % (2 * kIntLanes) == 0;
  if (q.is_real && to.columns == vectors * kIntLanes) {
    if (q.function == RealFunction::kGelu) {
      return StoreFunction<RealFunction::kGelu>(sums, vectors, to);
    }
    if (q.function == RealFunction::kGeluByTanh) {
      return StoreFunction<RealFunction::kGeluByTanh>(sums, vectors, to);
    }
  }
  const bool adds = q.addition.added != nullptr;
  if (HasColumnStore(q) && whole && adds) {
    const ColumnStore<true, true> columns(q, to.column);
    return ForPairs(sums, vectors, to,
                    [&](IntVector a, IntVector b, int64_t r, int64_t at) {
                      columns.Store(a, b, to.row + r, at,
                                    to.out + r * to.stride + at);
                    });
  }
  if (HasColumnStore(q) && q.is_padded && !adds) {
    return StoreRagged(sums, vectors, to);
  }
  const bool by_row = q.bias_column + q.multiplier_column == 0 && !adds;
  ForPairs(sums, vectors, to,
           [&](IntVector a, IntVector b, int64_t r, int64_t at) {
             const int64_t row = to.row + r;
             const int64_t column = to.column + at;
             const int64_t left = to.columns - at;
             uint8_t* out = to.out + r * to.stride + at * q.result_bytes();
             if (left >= 2 * kIntLanes && q.is_real) {
               return StoreColumnReals(a, b, q, row, column, out);
             }
             if (left >= 2 * kIntLanes && by_row) {
               return StoreRowBytes(a, b, q, row, out);
             }
             StoreRequantized(a, q, row, column,
                              std::min<int64_t>(kIntLanes, left), out);
             if (left <= kIntLanes) return;
             StoreRequantized(b, q, row, column + kIntLanes,
                              std::min<int64_t>(kIntLanes, left - kIntLanes),
                              out + kIntLanes * q.result_bytes());
           });
}

// From registers where that is usual and short, else by StoreSums. `kUsual`:
// of the product that most CPUs of the target use.
template <bool kUsual = false, int kRows, int kNv>
HWY_INLINE void StoreTile(const IntVector (&sum)[kRows][kNv],
                          const TilePlace& to) {
#if HWY_TARGET == HWY_AVX3
  if (StoreByRows<kUsual>(sum, to)) return;
#endif
  const Requantization& q = to.requantization;
  constexpr bool kPacks = HWY_TARGET == HWY_AVX2;
  if constexpr (kNv % 2 == 0) {
    if (HasColumnStore(q) && q.addition.added == nullptr &&
        to.columns >= kNv * kIntLanes && (!kPacks || q.clamps_by_packing)) {
      return StoreTileBy<ColumnStore<false, !kPacks>>(sum, to);
    }
  }
  if (HasRealColumns(q) && q.function == RealFunction::kNone && q.step == 0 &&
      to.columns >= kNv * kIntLanes) {
    return StoreRealsFrom<0, 0>(sum, RealColumns<kNv>(q, to.column), to);
  }
  const IntTag d;
  constexpr int kEven = (kNv + 1) / 2 * 2;
  static_assert(kRows * kEven <= kMostTileVectors);
  HWY_ALIGN int32_t sums[kRows * kEven * kIntLanes];
#pragma GCC unroll 12
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kNv; ++v) {
      hn::Store(sum[r][v], d, sums + (r * kEven + v) * kIntLanes);
    }
    if constexpr (kEven > kNv) {
      hn::Store(hn::Zero(d), d, sums + (r * kEven + kNv) * kIntLanes);
    }
  }
  StoreSums(sums, kEven, to);
}

}  // namespace HWY_NAMESPACE
}  // namespace squint
HWY_AFTER_NAMESPACE();

#endif  // SQUINT_KERNELS_QGEMM_TILE_STORE_INL_H_
