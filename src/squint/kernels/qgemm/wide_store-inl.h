// Tiles of sums to bytes with AVX-512: any number of columns, from
// registers with and without an addition. Included once per Highway target.
#if defined(SQUINT_KERNELS_QGEMM_WIDE_STORE_INL_H_) == \
    defined(HWY_TARGET_TOGGLE)
#ifdef SQUINT_KERNELS_QGEMM_WIDE_STORE_INL_H_
#undef SQUINT_KERNELS_QGEMM_WIDE_STORE_INL_H_
#else
#define SQUINT_KERNELS_QGEMM_WIDE_STORE_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "squint/kernels/qgemm/real_columns-inl.h"
#include "squint/kernels/qgemm/requantize-inl.h"
#include "squint/kernels/qgemm/tile_place.h"

HWY_BEFORE_NAMESPACE();
namespace squint {
namespace HWY_NAMESPACE {

#if HWY_TARGET == HWY_AVX3

// Bias and multiplier of kNv vectors of columns, of which some are in use: read
// where they lie, or copied where reading on would pass their end.
template <int kNv>
class ColumnParameters {
 public:
  ColumnParameters(const Requantization& r, int64_t column, int64_t columns)
      : bias_(r.bias + column), multiplier_(r.multiplier + column) {
    if (r.is_padded || columns == kNv * kIntLanes) return;
    const auto count = static_cast<size_t>(columns);
    std::memset(bias_copy_, 0, sizeof(bias_copy_));
    std::memset(multiplier_copy_, 0, sizeof(multiplier_copy_));
    std::memcpy(bias_copy_, bias_, count * sizeof(int32_t));
    std::memcpy(multiplier_copy_, multiplier_, count * sizeof(float));
    bias_ = bias_copy_;
    multiplier_ = multiplier_copy_;
  }
  ColumnParameters(const ColumnParameters&) = delete;
  ColumnParameters& operator=(const ColumnParameters&) = delete;

  // Vector v.
  HWY_INLINE RealVector Scaled(IntVector sum, int v) const {
    const IntTag d;
    const RealTag df;
    const auto bias = hn::LoadU(d, bias_ + v * kIntLanes);
    return hn::Mul(hn::ConvertTo(df, hn::Add(sum, bias)),
                   hn::LoadU(df, multiplier_ + v * kIntLanes));
  }
  // Rounded; converting and packing clamps it.
  HWY_INLINE __m512i Steps(IntVector sum, int v) const {
    return RoundToInt(Scaled(sum, v)).raw;
  }

 private:
  const int32_t* bias_;
  const float* multiplier_;
  int32_t bias_copy_[kNv * kIntLanes];
  float multiplier_copy_[kNv * kIntLanes];
};

// The first `columns` bytes, without a mask: masked stores of bytes take Zen 4
// some twenty cycles.
HWY_INLINE void StoreSome(__m512i bytes, int64_t columns, uint8_t* out) {
  __m256i half = _mm512_castsi512_si256(bytes);
  if ((columns & 32) != 0) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), half);
    out += 32;
    half = _mm512_extracti64x4_epi64(bytes, 1);
  }
  __m128i quarter = _mm256_castsi256_si128(half);
  if ((columns & 16) != 0) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), quarter);
    out += 16;
    quarter = _mm256_extracti128_si256(half, 1);
  }
  if ((columns & 8) != 0) {
    _mm_storel_epi64(reinterpret_cast<__m128i*>(out), quarter);
    out += 8;
    quarter = _mm_srli_si128(quarter, 8);
  }
  auto rest = static_cast<uint64_t>(_mm_cvtsi128_si64(quarter));
  for (int64_t i = 0; i < (columns & 7); ++i, rest >>= 8) {
    out[i] = static_cast<uint8_t>(rest);
  }
}

// The first `count` bytes, zeros behind them.
HWY_INLINE __m128i LoadSome(const uint8_t* from, int64_t count) {
  if (count >= kIntLanes) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
  }
  if (count == 8) {
    return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from));
  }
  alignas(16) uint8_t some[16] = {};
  for (int64_t i = 0; i < count; ++i) some[i] = from[i];
  return _mm_load_si128(reinterpret_cast<const __m128i*>(some));
}

// Rows of bytes: 64 at most from four vectors, of which packs put four of each
// in every quarter of the register.
class ByteRows {
 public:
  ByteRows(int64_t columns, bool is_signed)
      : columns_(columns), is_signed_(is_signed) {}

  HWY_INLINE void Store(__m512i first, __m512i second, uint8_t* out) const {
    const __m512i order =
        _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    const __m512i bytes = _mm512_permutexvar_epi32(
        order, is_signed_ ? _mm512_packs_epi16(first, second)
                          : _mm512_packus_epi16(first, second));
    if (columns_ == 64) {
      _mm512_storeu_si512(out, bytes);
    } else {
      StoreSome(bytes, columns_, out);
    }
  }

 private:
  int64_t columns_;
  bool is_signed_;
};

// A row of numbers counted from `zero`; packing clamps them.
template <int kNv>
HWY_INLINE void StorePacked(const __m512i (&steps)[kNv], __m512i zero,
                            const ByteRows& rows, uint8_t* out) {
  constexpr int kLast = kNv - 1;
  const __m512i first = _mm512_adds_epi16(
      _mm512_packs_epi32(steps[0], steps[std::min(1, kLast)]), zero);
  __m512i second = first;
  if constexpr (kNv > 2) {
    second =
        _mm512_adds_epi16(_mm512_packs_epi32(steps[2], steps[kLast]), zero);
  }
  rows.Store(first, second, out);
}

// Real results, or kFunction of them, in steps; of whole vectors of columns.
template <int kNv, RealFunction kFunction>
class RealSteps {
 public:
  RealSteps(const Requantization& r, int64_t column, int64_t /*columns*/)
      : reals_(r, column),
        step_(hn::Set(RealTag(), r.step)),
        low_(hn::Set(RealTag(), r.low)),
        high_(hn::Set(RealTag(), r.high)),
        factor_(r.factor == nullptr ? nullptr : r.factor + column) {}

  // Vector v; NaN as 0.
  HWY_INLINE __m512i Steps(IntVector sum, int v) const {
    auto result = Applied(kFunction, reals_.Real(sum, v * kIntLanes));
    if constexpr (kFunction != RealFunction::kNone) {
      if (factor_ != nullptr) {
        result = hn::Mul(result, hn::LoadU(RealTag(), factor_ + v * kIntLanes));
      }
    }
    const __m512 real = hn::Div(result, step_).raw;
    const __mmask16 is_number = _mm512_cmp_ps_mask(real, real, _CMP_ORD_Q);
    const __m512 raised = _mm512_max_ps(real, low_.raw);
    return _mm512_cvtps_epi32(
        _mm512_maskz_min_ps(is_number, raised, high_.raw));
  }

 private:
  RealColumns<kNv> reals_;
  RealVector step_;
  RealVector low_;
  RealVector high_;
  const float* factor_;  // null: none
};

// Bytes of what a source of steps makes of sums: ColumnParameters or RealSteps.
template <int kNv, class Source>
class StepColumns {
 public:
  StepColumns(const Requantization& r, int64_t column, int64_t columns)
      : source_(r, column, columns),
        rows_(columns, r.is_signed),
        zero_(_mm512_set1_epi16(static_cast<int16_t>(r.zero))) {}

  HWY_INLINE void Store(const IntVector (&sum)[kNv], int64_t /*row*/,
                        uint8_t* out) const {
    __m512i steps[kNv];
#pragma GCC unroll 4
    for (int v = 0; v < kNv; ++v) steps[v] = source_.Steps(sum[v], v);
    StorePacked(steps, zero_, rows_, out);
  }

 private:
  Source source_;
  ByteRows rows_;
  __m512i zero_;
};

// Bytes of rounded sums with stored bytes added: see ByteAddition.
template <int kNv>
class AddedColumns {
 public:
  AddedColumns(const Requantization& r, int64_t column, int64_t columns)
      : parameters_(r, column, columns),
        rows_(columns, r.addition.is_signed),
        columns_(columns),
        added_(r.addition.added + column),
        row_stride_(r.addition.row_stride),
        added_is_signed_(r.addition.added_is_signed),
        own_last_(r.addition.own_last),
        own_(hn::Set(RealTag(), r.addition.own)),
        other_(hn::Set(RealTag(), r.addition.other)),
        fixed_(hn::Set(RealTag(), r.addition.fixed)),
        low_(hn::Set(RealTag(), r.low)),
        high_(hn::Set(RealTag(), r.high)),
        zero_(hn::Set(RealTag(), static_cast<float>(r.zero))) {}

  HWY_INLINE void Store(const IntVector (&sum)[kNv], int64_t row,
                        uint8_t* out) const {
    const uint8_t* from = added_ + row * row_stride_;
    RealVector own[kNv];
    RealVector other[kNv];
#pragma GCC unroll 4
    for (int v = 0; v < kNv; ++v) own[v] = Own(sum[v], v);
    // Branches for a row, not for each of its vectors.
    if (added_is_signed_) {
#pragma GCC unroll 4
      for (int v = 0; v < kNv; ++v) {
        other[v].raw = _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(Added(from, v)));
      }
    } else {
#pragma GCC unroll 4
      for (int v = 0; v < kNv; ++v) {
        other[v].raw = _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(Added(from, v)));
      }
    }
    if (own_last_) {
#pragma GCC unroll 4
      for (int v = 0; v < kNv; ++v) {
        own[v] = FusedMultiplyAdd(own_, own[v],
                                  FusedMultiplyAdd(other_, other[v], fixed_));
      }
    } else {
#pragma GCC unroll 4
      for (int v = 0; v < kNv; ++v) {
        own[v] = FusedMultiplyAdd(other_, other[v],
                                  FusedMultiplyAdd(own_, own[v], fixed_));
      }
    }
    __m512i steps[kNv];
#pragma GCC unroll 4
    for (int v = 0; v < kNv; ++v) steps[v] = RoundToInt(own[v]).raw;
    StorePacked(steps, _mm512_setzero_si512(), rows_, out);
  }

 private:
  HWY_INLINE RealVector Own(IntVector sum, int v) const {
    const auto own = hn::Min(hn::Max(parameters_.Scaled(sum, v), low_), high_);
    constexpr int kToEven = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
    return hn::Add(RealVector{_mm512_roundscale_ps(own.raw, kToEven)}, zero_);
  }
  HWY_INLINE __m128i Added(const uint8_t* from, int v) const {
    return LoadSome(from + v * kIntLanes, columns_ - v * kIntLanes);
  }

  ColumnParameters<kNv> parameters_;
  ByteRows rows_;
  int64_t columns_;
  const uint8_t* added_;
  int64_t row_stride_;
  bool added_is_signed_;
  bool own_last_;
  RealVector own_;
  RealVector other_;
  RealVector fixed_;
  RealVector low_;
  RealVector high_;
  RealVector zero_;
};

// No sum of stored numbers reaches 2^31, so that packing clamps it to the
// type's ends.
inline bool AddsBelowInt32(const ByteAddition& a) {
  constexpr float kMost = 1 << 30;
  constexpr float kByte = 256;
  return kByte * (std::abs(a.own) + std::abs(a.other)) + std::abs(a.fixed) <
         kMost;
}

// From row kRow on. A recursion, not a loop: see StoreFrom.
template <int kRow, class Columns, int kRows, int kNv>
HWY_INLINE void StoreRowsFrom(const IntVector (&sum)[kRows][kNv],
                              const Columns& columns, const TilePlace& to) {
  if constexpr (kRow < kRows) {
    if (kRow >= to.rows) return;
    columns.Store(sum[kRow], to.row + kRow, to.out + kRow * to.stride);
    StoreRowsFrom<kRow + 1>(sum, columns, to);
  }
}

// Rows of kNv vectors of sums in memory. One copy for tiles of every height.
template <int kNv, class Columns>
HWY_NOINLINE void StoreRowsOf(const int32_t* sums, const Columns& columns,
                              const TilePlace& to) {
  const IntTag d;
  uint8_t* out = to.out;
  for (int64_t r = 0; r < to.rows; ++r, out += to.stride) {
    IntVector sum[kNv];
#pragma GCC unroll 4
    for (int v = 0; v < kNv; ++v, sums += kIntLanes) sum[v] = hn::Load(d, sums);
    columns.Store(sum, to.row + r, out);
  }
}

// Whole columns of what a function makes, kNv vectors a row, in steps.
template <int kNv, RealFunction kFunction>
HWY_INLINE void StoreFunctionSteps(const int32_t* sums, const TilePlace& to) {
  using Columns = StepColumns<kNv, RealSteps<kNv, kFunction>>;
  StoreRowsOf<kNv>(sums, Columns(to.requantization, to.column, kNv * kIntLanes),
                   to);
}

// What is long comes from registers in the usual tiles of the usual products
// alone, lest every shape has its copy.
template <bool kUsual, class Columns, int kRows, int kNv>
HWY_INLINE void StoreLong(const IntVector (&sum)[kRows][kNv],
                          const Columns& columns, const TilePlace& to) {
  if constexpr (kUsual && kRows * kNv == 24 && kNv % 2 == 0) {
    StoreRowsFrom<0>(sum, columns, to);
  } else {
    HWY_ALIGN int32_t sums[kRows * kNv * kIntLanes];
#pragma GCC unroll 12
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
      for (int v = 0; v < kNv; ++v) {
        hn::Store(sum[r][v], IntTag(), sums + (r * kNv + v) * kIntLanes);
      }
    }
    StoreRowsOf<kNv>(sums, columns, to);
  }
}

// False if the parameters are others: nothing is stored then.
template <bool kUsual, int kRows, int kNv>
HWY_INLINE bool StoreByRows(const IntVector (&sum)[kRows][kNv],
                            const TilePlace& to) {
  const Requantization& q = to.requantization;
  if (HasRealColumns(q) && q.function == RealFunction::kNone &&
      q.factor == nullptr && q.step != 0 && to.columns >= kNv * kIntLanes) {
    using Columns = StepColumns<kNv, RealSteps<kNv, RealFunction::kNone>>;
    StoreLong<kUsual>(sum, Columns(q, to.column, kNv * kIntLanes), to);
    return true;
  }
  if (!HasColumnStore(q)) return false;
  const int64_t columns = std::min<int64_t>(to.columns, kNv * kIntLanes);
  if (q.addition.added == nullptr && q.clamps_by_packing) {
    using Columns = StepColumns<kNv, ColumnParameters<kNv>>;
    StoreRowsFrom<0>(sum, Columns(q, to.column, columns), to);
    return true;
  }
  if (q.addition.added != nullptr && AddsBelowInt32(q.addition)) {
    StoreLong<kUsual>(sum, AddedColumns<kNv>(q, to.column, columns), to);
    return true;
  }
  return false;
}

#endif

}  // namespace HWY_NAMESPACE
}  // namespace squint
HWY_AFTER_NAMESPACE();

#endif  // SQUINT_KERNELS_QGEMM_WIDE_STORE_INL_H_
