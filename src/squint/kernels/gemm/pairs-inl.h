// Sources of rows and panels for products of bfloat16 (Products::kBf16), and
// their tile. Two neighbouring k make a pair, which lies in the room of a
// float: the first in its lower half, the second, 0 beyond the end, in its
// upper one. So the loops of gemm-inl.h run over pairs as over floats. A is
// read as rows of pairs, [m][pairs], B as right panels, [pairs][kNr].
// Included once per Highway target.
#if defined(SQUINT_KERNELS_GEMM_PAIRS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SQUINT_KERNELS_GEMM_PAIRS_INL_H_
#undef SQUINT_KERNELS_GEMM_PAIRS_INL_H_
#else
#define SQUINT_KERNELS_GEMM_PAIRS_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>

#include "squint/kernels/gemm/gemm-inl.h"
#include "squint/kernels/isa/isa.h"

// The compiler can be told to use the instruction in a part of a file, as in
// qrows/quad-inl.h.
#undef SQUINT_BF16_DOT
#if HWY_COMPILER_GCC_ACTUAL && HWY_TARGET == HWY_AVX3
#define SQUINT_BF16_DOT 1
#else
#define SQUINT_BF16_DOT 0
#endif

HWY_BEFORE_NAMESPACE();
namespace squint {
namespace HWY_NAMESPACE {

constexpr int64_t PairsOf(int64_t k) { return (k + 1) / 2; }

// Of the CPU: a product of pairs in vectors of this target's size.
inline bool HasBf16Dot() { return SQUINT_BF16_DOT && MayUseAvx512Bf16(); }

using PairBitsTag = hn::RebindToUnsigned<FloatTag>;
using PairBits = hn::Vec<PairBitsTag>;

// v rounded to bfloat16, half to even, in the upper half of each lane; the
// lower one holds anything. NaN stays NaN, what is too large becomes infinite.
HWY_INLINE PairBits RoundedBits(FloatVector v) {
  const PairBitsTag d;
  const auto bits = hn::BitCast(d, v);
  const auto last = hn::And(hn::ShiftRight<16>(bits), hn::Set(d, 1u));
  const auto rounded = hn::Add(bits, hn::Add(last, hn::Set(d, 0x7FFFu)));
  const auto quiet = hn::Or(bits, hn::Set(d, 0x400000u));
  return hn::IfThenElse(hn::RebindMask(d, hn::IsNaN(v)), quiet, rounded);
}

HWY_INLINE FloatVector PairOf(FloatVector first, FloatVector second) {
  const PairBitsTag d;
  const auto upper = hn::And(RoundedBits(second), hn::Set(d, 0xFFFF0000u));
  return hn::BitCast(FloatTag(),
                     hn::Or(hn::ShiftRight<16>(RoundedBits(first)), upper));
}

// ---- the tile

namespace imitated {
struct Halves {
  // Spelled out: gcc gives implicit ones no target, so they cannot inline
  // those of NEON's vectors.
  HWY_INLINE Halves() {}
  HWY_INLINE Halves(FloatVector even, FloatVector odd)
      : first(even), second(odd) {}

  FloatVector first;
  FloatVector second;
};
HWY_INLINE Halves HalvesOf(FloatVector pairs) {
  const PairBitsTag d;
  const auto bits = hn::BitCast(d, pairs);
  return {hn::BitCast(FloatTag(), hn::ShiftLeft<16>(bits)),
          hn::BitCast(FloatTag(), hn::And(bits, hn::Set(d, 0xFFFF0000u)))};
}
HWY_INLINE FloatVector AddPair(const Halves& x, const Halves& y,
                               FloatVector sum) {
  return hn::MulAdd(x.first, y.first, hn::MulAdd(x.second, y.second, sum));
}
#define SQUINT_PAIR_FACTOR HalvesOf
#define SQUINT_PAIR_PRODUCT AddPair
#include "squint/kernels/gemm/pair_tile-inl.h"
#undef SQUINT_PAIR_FACTOR
#undef SQUINT_PAIR_PRODUCT
}  // namespace imitated

#if SQUINT_BF16_DOT
HWY_PUSH_ATTRIBUTES("avx512bf16")
namespace native {
#define SQUINT_PAIR_FACTOR(pairs) pairs
#define SQUINT_PAIR_PRODUCT(x, y, sum)                               \
  FloatVector {                                                      \
    _mm512_dpbf16_ps((sum).raw, reinterpret_cast<__m512bh>((x).raw), \
                     reinterpret_cast<__m512bh>((y).raw))            \
  }
#include "squint/kernels/gemm/pair_tile-inl.h"
#undef SQUINT_PAIR_FACTOR
#undef SQUINT_PAIR_PRODUCT
}  // namespace native
HWY_POP_ATTRIBUTES
#endif

inline void MultiplyPairs(int64_t k, const LeftRows& left, const float* b,
                          int64_t b_stride, const TileOutput& out) {
#if SQUINT_BF16_DOT
  if (HasBf16Dot()) return native::PairTileFor(k, left, b, b_stride, out);
#endif
  imitated::PairTileFor(k, left, b, b_stride, out);
}

// ---- rows of A

// `count` floats, `stride` apart, as pairs.
HWY_INLINE void PairRow(const float* in, int64_t stride, int64_t count,
                        float* out) {
  const FloatTag d;
  constexpr int64_t kStep = 2 * kLanes;
  FloatVector first, second;
  for (; count >= kStep && stride == 1; count -= kStep, in += kStep) {
    hn::LoadInterleaved2(d, in, first, second);
    hn::StoreU(PairOf(first, second), d, out);
    out += kLanes;
  }
  for (; count > 0; count -= kStep, in += kStep * stride, out += kLanes) {
    HWY_ALIGN float some[kStep] = {};
    HWY_ALIGN float pairs[kLanes];
    const int64_t left = std::min(count, kStep);
    for (int64_t i = 0; i < left; ++i) some[i] = in[i * stride];
    hn::LoadInterleaved2(d, some, first, second);
    hn::Store(PairOf(first, second), d, pairs);
    std::copy_n(pairs, PairsOf(left), out);
  }
}

// Rows packed beforehand.
struct PairRows {
  static void Tile(int64_t k, const LeftRows& left, const float* b,
                   int64_t b_stride, const TileOutput& out) {
    MultiplyPairs(k, left, b, b_stride, out);
  }
  const float* data;  // of one matrix
  int64_t pairs;      // of a row
  LeftRows Get(int64_t k_begin, int64_t, int64_t row_begin, int64_t, float*,
               int64_t* step) const {
    *step = kMr * pairs;
    return {data + row_begin * pairs + k_begin, pairs};
  }
};

// Rows packed into the worker's buffer.
struct PairedRows {
  static void Tile(int64_t k, const LeftRows& left, const float* b,
                   int64_t b_stride, const TileOutput& out) {
    MultiplyPairs(k, left, b, b_stride, out);
  }
  MatrixView a;
  int64_t depth;  // floats of a row
  LeftRows Get(int64_t k_begin, int64_t k, int64_t row_begin, int64_t rows,
               float* buffer, int64_t* step) const {
    *step = kMr * k;
    for (int64_t r = 0; r < rows; ++r) {
      PairRow(a.data + (row_begin + r) * a.row_stride +
                  2 * k_begin * a.column_stride,
              a.column_stride, std::min(2 * k, depth - 2 * k_begin),
              buffer + r * k);
    }
    return {buffer, k};
  }
};

// ---- panels of B

// `count` floats, `stride` apart; zeros beyond.
HWY_INLINE FloatVector SomeOf(const float* in, int64_t stride, int64_t count) {
  const FloatTag d;
  if (count >= kLanes && stride == 1) return hn::LoadU(d, in);
  HWY_ALIGN float some[kLanes] = {};
  for (int64_t i = 0; i < std::min<int64_t>(count, kLanes); ++i) {
    some[i] = in[i * stride];
  }
  return hn::Load(d, some);
}

// `depth` rows of B, `columns` of each, as one right panel.
HWY_INLINE void PairPanel(const MatrixView& b, int64_t depth, int64_t columns,
                          float* out) {
  const FloatTag d;
  const float* in = b.data;
  for (int64_t p = 0; p < depth; p += 2, in += 2 * b.row_stride) {
    for (int64_t v = 0; v < kNr; v += kLanes, out += kLanes) {
      const float* at = in + v * b.column_stride;
      const auto first = SomeOf(at, b.column_stride, columns - v);
      const auto second = p + 1 < depth ? SomeOf(at + b.row_stride,
                                                 b.column_stride, columns - v)
                                        : hn::Zero(d);
      hn::StoreU(PairOf(first, second), d, out);
    }
  }
}

// Panels packed into the worker's buffer. (Those packed beforehand are a
// PackedRight of pairs.)
struct PairedColumns {
  MatrixView b;
  int64_t depth;  // rows of B
  void Get(int64_t k_begin, int64_t k, int64_t column, int64_t columns,
           float* buffer, Panel* panels) const {
    MatrixView part = b;
    part.data += 2 * k_begin * b.row_stride + column * b.column_stride;
    for (int64_t j = 0; j * kNr < columns; ++j) {
      float* target = buffer + j * kPanelFloats;
      PairPanel(part, std::min(2 * k, depth - 2 * k_begin), columns - j * kNr,
                target);
      panels[j] = {target, kNr};
      part.data += kNr * b.column_stride;
    }
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace squint
HWY_AFTER_NAMESPACE();

#endif  // SQUINT_KERNELS_GEMM_PAIRS_INL_H_
