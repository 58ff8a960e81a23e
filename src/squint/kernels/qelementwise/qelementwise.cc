#include "squint/kernels/qelementwise/qelementwise.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "squint/base/threads.h"
#include "squint/kernels/elementwise/pieces.h"
#include "squint/kernels/isa/isa.h"
#include "squint/kernels/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "squint/kernels/qelementwise/qelementwise.cc"
#include <hwy/foreach_target.h>
// After foreach_target.
#include <hwy/highway.h>

#include "squint/kernels/qgemm/requantize-inl.h"

HWY_BEFORE_NAMESPACE();
namespace squint {
namespace HWY_NAMESPACE {

#undef SQUINT_PERMUTES_BYTES
#if HWY_TARGET == HWY_AVX3 && HWY_COMPILER_GCC_ACTUAL
#define SQUINT_PERMUTES_BYTES 1
HWY_PUSH_ATTRIBUTES("avx512vbmi")
namespace permuted {

// Whole vectors of LookUpPiece; returns where the rest begins. A permutation
// takes one of 128 bytes; the index' highest bit tells of which half.
int64_t LookUpVectors(const uint8_t* table, const uint8_t* in, int64_t count,
                      uint8_t* out) {
  const __m512i a = _mm512_loadu_si512(table);
  const __m512i b = _mm512_loadu_si512(table + 64);
  const __m512i c = _mm512_loadu_si512(table + 128);
  const __m512i d = _mm512_loadu_si512(table + 192);
  int64_t i = 0;
  for (; i + 64 <= count; i += 64) {
    const __m512i index = _mm512_loadu_si512(in + i);
    const __m512i lower = _mm512_permutex2var_epi8(a, index, b);
    const __m512i upper = _mm512_permutex2var_epi8(c, index, d);
    _mm512_storeu_si512(out + i, _mm512_mask_mov_epi8(
                                     lower, _mm512_movepi8_mask(index), upper));
  }
  return i;
}

}  // namespace permuted
HWY_POP_ATTRIBUTES
#else
#define SQUINT_PERMUTES_BYTES 0
#endif

// out[i] = table[in[i]], of 256 entries; in may be out.
void LookUpPiece(const uint8_t* table, const uint8_t* in, int64_t count,
                 uint8_t* out) {
  int64_t i = 0;
#if SQUINT_PERMUTES_BYTES
  if (MayUseAvx512Vbmi()) i = permuted::LookUpVectors(table, in, count, out);
#endif
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
  // Sixteen tables of sixteen. Less the first of a table's bytes, those of the
  // table are below 16; with 0x70 added others have their highest bit, for
  // which the shuffle gives 0.
  constexpr int kTables = 16;
  const hn::ScalableTag<uint8_t> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (; i + lanes <= count; i += lanes) {
    auto index = hn::LoadU(d, in + i);
    auto found = hn::Zero(d);
#pragma GCC unroll 16
    for (int t = 0; t < kTables; ++t) {
      const auto entries = hn::LoadDup128(d, table + t * kTables);
      const auto own = hn::SaturatedAdd(index, hn::Set(d, uint8_t{0x70}));
      found = hn::Or(found, hn::TableLookupBytesOr0(entries, own));
      index = hn::Sub(index, hn::Set(d, uint8_t{kTables}));
    }
    hn::StoreU(found, d, out + i);
  }
#endif
  for (; i < count; ++i) out[i] = table[in[i]];
}

// Steps from the zero point that the type can hold.
struct ByteSteps {
  float low;
  float high;
  int32_t zero;

  explicit ByteSteps(const ByteGrid& grid)
      : low(static_cast<float>(grid.lowest() - grid.zero)),
        high(static_cast<float>(grid.highest() - grid.zero)),
        zero(grid.zero) {}
};

HWY_INLINE IntVector ClampedToSteps(RealVector v, const ByteSteps& steps) {
  return hn::Add(RoundedBetween(v, steps.low, steps.high),
                 hn::Set(IntTag(), steps.zero));
}

HWY_INLINE RealVector LoadReals(const float* in, int64_t count) {
  const RealTag df;
  if (count >= kIntLanes) return hn::LoadU(df, in);
  HWY_ALIGN float some[kIntLanes] = {};
  for (int64_t i = 0; i < count; ++i) some[i] = in[i];
  return hn::Load(df, some);
}

// Comparisons, since minima of a NaN differ between instruction sets.
RealRange RangeOfPiece(const float* in, int64_t count) {
  constexpr int kSums = 4;
  const RealTag df;
  RealVector low[kSums];
  RealVector high[kSums];
  for (int v = 0; v < kSums; ++v) low[v] = high[v] = hn::Zero(df);
  for (int64_t i = 0; i < count; i += kSums * kIntLanes) {
    for (int v = 0; v < kSums; ++v) {
      const int64_t at = i + v * kIntLanes;
      const auto x = at < count ? LoadReals(in + at, count - at) : hn::Zero(df);
      low[v] = hn::IfThenElse(hn::Lt(x, low[v]), x, low[v]);
      high[v] = hn::IfThenElse(hn::Gt(x, high[v]), x, high[v]);
    }
  }
  const auto lowest = hn::Min(hn::Min(low[0], low[1]), hn::Min(low[2], low[3]));
  const auto highest =
      hn::Max(hn::Max(high[0], high[1]), hn::Max(high[2], high[3]));
  return {hn::GetLane(hn::MinOfLanes(df, lowest)),
          hn::GetLane(hn::MaxOfLanes(df, highest))};
}

void QuantizePiece(const float* in, int64_t count, const ByteGrid& grid,
                   uint8_t* out) {
  const RealTag df;
  const ByteSteps steps(grid);
  const auto scale = hn::Set(df, grid.scale);
  for (int64_t i = 0; i < count; i += kIntLanes) {
    const int64_t rest = std::min<int64_t>(kIntLanes, count - i);
    const auto v = hn::Div(LoadReals(in + i, rest), scale);
    const auto real = hn::IfThenElse(hn::Eq(v, v), v, hn::Zero(df));
    StoreBytes(ClampedToSteps(real, steps), grid.is_signed, rest, out + i);
  }
}

template <typename T>
void DequantizePiece(const T* in, int64_t count, const ByteGrid& grid,
                     float* out) {
  const RealTag df;
  const auto scale = hn::Set(df, grid.scale);
  const auto zero = hn::Set(df, static_cast<float>(grid.zero));
  int64_t i = 0;
  for (; i + kIntLanes <= count; i += kIntLanes) {
    const auto q = LoadBytes(in + i, kIntLanes);
    hn::StoreU(hn::Mul(hn::Sub(q, zero), scale), df, out + i);
  }
  for (; i < count; ++i) {
    out[i] = static_cast<float>(in[i] - grid.zero) * grid.scale;
  }
}

void DequantizeAny(const void* in, int64_t at, int64_t count,
                   const ByteGrid& grid, float* out) {
  if (grid.is_signed) {
    DequantizePiece(static_cast<const int8_t*>(in) + at, count, grid, out);
  } else {
    DequantizePiece(static_cast<const uint8_t*>(in) + at, count, grid, out);
  }
}

// a and b as stored; a is the addition's own.
struct Sum {
  ByteAddition addition;

  HWY_INLINE RealVector operator()(RealVector a, RealVector b) const {
    return AddStored(a, b, addition);
  }
  // The zero point is part of the sum.
  static ByteGrid Stored(ByteGrid y) {
    y.zero = 0;
    return y;
  }
};

struct Product {
  float a_zero, b_zero, ratio;

  Product(const ByteGrid& a, const ByteGrid& b, const ByteGrid& y)
      : a_zero(static_cast<float>(a.zero)),
        b_zero(static_cast<float>(b.zero)),
        ratio(a.scale * b.scale / y.scale) {}
  HWY_INLINE RealVector operator()(RealVector a, RealVector b) const {
    const RealTag df;
    return hn::Mul(hn::Mul(hn::Sub(a, hn::Set(df, a_zero)),
                           hn::Sub(b, hn::Set(df, b_zero))),
                   hn::Set(df, ratio));
  }
};

template <typename A, typename B, class F>
HWY_NOINLINE void CombineRow(const F& f, const A* a, int64_t a_stride,
                             const B* b, int64_t b_stride, int64_t count,
                             const ByteSteps& steps, bool is_signed,
                             uint8_t* y) {
  const RealTag df;
  const auto fixed_a = hn::Set(df, static_cast<float>(*a));
  const auto fixed_b = hn::Set(df, static_cast<float>(*b));
  for (int64_t i = 0; i < count; i += kIntLanes) {
    const int64_t rest = std::min<int64_t>(kIntLanes, count - i);
    const auto x = a_stride == 0 ? fixed_a : LoadBytes(a + i, rest);
    const auto z = b_stride == 0 ? fixed_b : LoadBytes(b + i, rest);
    StoreBytes(ClampedToSteps(f(x, z), steps), is_signed, rest, y + i);
  }
}

// Types are those of the grids.
template <class F>
void Combine(const F& f, const void* a, int64_t a_at, int64_t a_stride,
             bool a_signed, const void* b, int64_t b_at, int64_t b_stride,
             bool b_signed, int64_t count, const ByteGrid& grid, uint8_t* y) {
  const ByteSteps steps(grid);
  const auto with_b = [&](const auto* left) {
    if (b_signed) {
      CombineRow(f, left, a_stride, static_cast<const int8_t*>(b) + b_at,
                 b_stride, count, steps, grid.is_signed, y);
    } else {
      CombineRow(f, left, a_stride, static_cast<const uint8_t*>(b) + b_at,
                 b_stride, count, steps, grid.is_signed, y);
    }
  };
  if (a_signed) {
    with_b(static_cast<const int8_t*>(a) + a_at);
  } else {
    with_b(static_cast<const uint8_t*>(a) + a_at);
  }
}

void AddRow(const void* a, int64_t a_at, int64_t a_stride,
            const ByteGrid& a_grid, const void* b, int64_t b_at,
            int64_t b_stride, const ByteGrid& b_grid, int64_t count,
            const ByteGrid& y_grid, uint8_t* y) {
  // The zero point lies within the sum, so that the steps count from 0.
  const bool a_alone = a_stride == 0 && b_stride != 0;
  Combine(Sum{AdditionOf(a_grid, b_grid, y_grid, !a_alone)}, a, a_at, a_stride,
          a_grid.is_signed, b, b_at, b_stride, b_grid.is_signed, count,
          Sum::Stored(y_grid), y);
}

void MultiplyRow(const void* a, int64_t a_at, int64_t a_stride,
                 const ByteGrid& a_grid, const void* b, int64_t b_at,
                 int64_t b_stride, const ByteGrid& b_grid, int64_t count,
                 const ByteGrid& y_grid, uint8_t* y) {
  Combine(Product(a_grid, b_grid, y_grid), a, a_at, a_stride, a_grid.is_signed,
          b, b_at, b_stride, b_grid.is_signed, count, y_grid, y);
}

}  // namespace HWY_NAMESPACE
}  // namespace squint
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace squint {
namespace {

HWY_EXPORT(LookUpPiece);
HWY_EXPORT(RangeOfPiece);
HWY_EXPORT(QuantizePiece);
HWY_EXPORT(DequantizeAny);
HWY_EXPORT(AddRow);
HWY_EXPORT(MultiplyRow);

}  // namespace

ByteAddition AdditionOf(const ByteGrid& own, const ByteGrid& other,
                        const ByteGrid& sum, bool own_last) {
  ByteAddition a;
  a.added_is_signed = other.is_signed;
  a.own = own.scale / sum.scale;
  a.other = other.scale / sum.scale;
  const float own_part = a.own * static_cast<float>(own.zero);
  const float other_part = a.other * static_cast<float>(other.zero);
  a.fixed = static_cast<float>(sum.zero) - (own_part + other_part);
  a.own_last = own_last;
  a.low = static_cast<float>(sum.lowest());
  a.high = static_cast<float>(sum.highest());
  a.is_signed = sum.is_signed;
  return a;
}

RealRange RangeOfReals(const float* in, int64_t count, ThreadPool& pool) {
  constexpr int64_t kMaxPieces = 64;
  const int64_t piece =
      std::max<int64_t>(kPiece, (count + kMaxPieces - 1) / kMaxPieces);
  RealRange ranges[kMaxPieces];
  pool.ParallelFor(static_cast<size_t>(count), static_cast<size_t>(piece),
                   [&](size_t begin, size_t end) {
                     ranges[static_cast<int64_t>(begin) / piece] =
                         HWY_DYNAMIC_DISPATCH(RangeOfPiece)(
                             in + begin, static_cast<int64_t>(end - begin));
                   });
  RealRange whole;
  for (const RealRange& range : ranges) {
    whole.low = std::min(whole.low, range.low);
    whole.high = std::max(whole.high, range.high);
  }
  return whole;
}

void QuantizeToBytes(const float* in, int64_t count, const ByteGrid& grid,
                     void* out, ThreadPool& pool) {
  ForEachPieceOf(count, pool, [&](int64_t begin, int64_t length) {
    HWY_DYNAMIC_DISPATCH(QuantizePiece)
    (in + begin, length, grid, static_cast<uint8_t*>(out) + begin);
  });
}

void DequantizeBytes(const void* in, int64_t count, const ByteGrid& grid,
                     float* out, ThreadPool& pool) {
  ForEachPieceOf(count, pool, [&](int64_t begin, int64_t length) {
    HWY_DYNAMIC_DISPATCH(DequantizeAny)(in, begin, length, grid, out + begin);
  });
}

void LookUp(const uint8_t* table, const void* in, int64_t count, void* out,
            ThreadPool& pool) {
  ForEachPieceOf(count, pool, [&](int64_t begin, int64_t length) {
    HWY_DYNAMIC_DISPATCH(LookUpPiece)
    (table, static_cast<const uint8_t*>(in) + begin, length,
     static_cast<uint8_t*>(out) + begin);
  });
}

void LookUpChannels(const uint8_t* tables, const void* in, int64_t in_stride,
                    int64_t outer, int64_t channels, int64_t inner, void* out,
                    ThreadPool& pool) {
  constexpr int64_t kEntries = 256;
  const int64_t row = channels * inner;
  const int64_t grain =
      std::max<int64_t>(1, kPiece / std::max<int64_t>(1, row));
  pool.ParallelFor(static_cast<size_t>(outer), static_cast<size_t>(grain),
                   [&](size_t begin, size_t end) {
                     for (auto i = static_cast<int64_t>(begin);
                          i < static_cast<int64_t>(end); ++i) {
                       const uint8_t* from =
                           static_cast<const uint8_t*>(in) + i * in_stride;
                       uint8_t* to = static_cast<uint8_t*>(out) + i * row;
                       for (int64_t c = 0; c < channels; ++c) {
                         const uint8_t* table = tables + c * kEntries;
                         for (int64_t j = 0; j < inner; ++j)
                           *to++ = table[*from++];
                       }
                     }
                   });
}

namespace {

// A short row of one operand that is the same for many rows of the other,
// written one after the other so that whole vectors of both can be read:
// channels beside pixels.
class RepeatedRow {
 public:
  // `of_a`: of the first operand.
  RepeatedRow(const BroadcastPlan& plan, bool of_a) : of_a_(of_a) {
    if (plan.axes < 2) return;
    const auto last = static_cast<size_t>(plan.axes - 1);
    const auto& short_one = of_a ? plan.a_stride : plan.b_stride;
    const auto& whole = of_a ? plan.b_stride : plan.a_stride;
    length_ = plan.size[last];
    many_ = plan.size[last - 1];
    pays_ = length_ <= kLongest && many_ >= kFewest && short_one[last] == 1 &&
            short_one[last - 1] == 0 && whole[last] == 1 &&
            whole[last - 1] == length_;
  }
  bool pays() const { return pays_; }

  // f(a, b, count, y offset) for pieces; `a`, `b`: the operands.
  template <class F>
  void ForEach(const BroadcastPlan& plan, const uint8_t* a, const uint8_t* b,
               ThreadPool& pool, const F& f) const {
    const int64_t at_once = std::min(many_, kBytes / length_);
    const int64_t pieces = (many_ + at_once - 1) / at_once;
    pool.ParallelFor(
        static_cast<size_t>(plan.rows / many_ * pieces),
        static_cast<size_t>(std::max<int64_t>(1, kPiece / kBytes)),
        [&](size_t begin, size_t end) {
          uint8_t copies[kBytes];
          int64_t copied = -1;
          for (auto i = static_cast<int64_t>(begin);
               i < static_cast<int64_t>(end); ++i) {
            const int64_t first = i % pieces * at_once;
            const int64_t at = i / pieces * many_ + first;
            int64_t a_at = 0;
            int64_t b_at = 0;
            RowOffsets(plan, at, &a_at, &b_at);
            const int64_t from = of_a_ ? a_at : b_at;
            const uint8_t* row = (of_a_ ? a : b) + from;
            for (int64_t c = 0; copied != from && c < at_once; ++c) {
              std::copy_n(row, length_, copies + c * length_);
            }
            copied = from;
            f(of_a_ ? copies : a + a_at, of_a_ ? b + b_at : copies,
              std::min(at_once, many_ - first) * length_, at * length_);
          }
        });
  }

 private:
  static constexpr int64_t kLongest = 256;
  static constexpr int64_t kFewest = 4;  // rows
  static constexpr int64_t kBytes = 2048;
  bool of_a_;
  int64_t length_ = 0;
  int64_t many_ = 0;
  bool pays_ = false;
};

// AddRow or MultiplyRow.
using RowFunction = decltype(&HWY_STATIC_DISPATCH(AddRow));

void CombineBytes(RowFunction combine, const BroadcastPlan& plan, const void* a,
                  const ByteGrid& a_grid, const void* b, const ByteGrid& b_grid,
                  void* y, const ByteGrid& y_grid, ThreadPool& pool) {
  auto* out = static_cast<uint8_t*>(y);
  for (const bool of_a : {false, true}) {
    const RepeatedRow repeated(plan, of_a);
    if (!repeated.pays()) continue;
    return repeated.ForEach(plan, static_cast<const uint8_t*>(a),
                            static_cast<const uint8_t*>(b), pool,
                            [&](const uint8_t* left, const uint8_t* right,
                                int64_t count, int64_t k) {
                              combine(left, 0, 1, a_grid, right, 0, 1, b_grid,
                                      count, y_grid, out + k);
                            });
  }
  ForEachPiece(plan, pool,
               [&](int64_t i, int64_t a_stride, int64_t j, int64_t b_stride,
                   int64_t count, int64_t k) {
                 combine(a, i, a_stride, a_grid, b, j, b_stride, b_grid, count,
                         y_grid, out + k);
               });
}

}  // namespace

void AddBytes(const BroadcastPlan& plan, const void* a, const ByteGrid& a_grid,
              const void* b, const ByteGrid& b_grid, void* y,
              const ByteGrid& y_grid, ThreadPool& pool) {
  CombineBytes(HWY_DYNAMIC_DISPATCH(AddRow), plan, a, a_grid, b, b_grid, y,
               y_grid, pool);
}

void MultiplyBytes(const BroadcastPlan& plan, const void* a,
                   const ByteGrid& a_grid, const void* b,
                   const ByteGrid& b_grid, void* y, const ByteGrid& y_grid,
                   ThreadPool& pool) {
  CombineBytes(HWY_DYNAMIC_DISPATCH(MultiplyRow), plan, a, a_grid, b, b_grid, y,
               y_grid, pool);
}

}  // namespace squint
#endif  // HWY_ONCE
