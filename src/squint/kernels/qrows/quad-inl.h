// What both forms of the tile of qrows.h need (quad_tile-inl.h). Included once
// per Highway target.
#if defined(SQUINT_KERNELS_QROWS_QUAD_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SQUINT_KERNELS_QROWS_QUAD_INL_H_
#undef SQUINT_KERNELS_QROWS_QUAD_INL_H_
#else
#define SQUINT_KERNELS_QROWS_QUAD_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "squint/kernels/isa/isa.h"
#include "squint/kernels/qgemm/qtile-inl.h"
#include "squint/kernels/qrows/qrows.h"

// The compiler can be told to use the dot product in a part of a file: between
// HWY_PUSH_ATTRIBUTES(SQUINT_QUAD_TARGET) and HWY_POP_ATTRIBUTES. x has to be
// a QuadOperand: Arm's takes numbers with a sign on both sides, so that x is
// taken SQUINT_QUAD_LOWER lower, and sums begin with as many times the sum of
// the weights. It has a form that takes one of four quads for x.
#undef SQUINT_QUAD_DOT
#undef SQUINT_QUAD_LOWER
#undef SQUINT_QUAD_LANE_RAW
#undef SQUINT_QUAD_TARGET
#undef SQUINT_QUAD_DOT_RAW
#if HWY_COMPILER_GCC_ACTUAL && HWY_TARGET == HWY_AVX3
#define SQUINT_QUAD_DOT 1
#define SQUINT_QUAD_TARGET "avx512vnni"
#define SQUINT_QUAD_DOT_RAW(x, w, sum) \
  _mm512_dpbusd_epi32((sum).raw, (x).raw, (w).raw)
#elif HWY_COMPILER_GCC_ACTUAL && HWY_TARGET == HWY_AVX2
#define SQUINT_QUAD_DOT 1
#define SQUINT_QUAD_TARGET "avxvnni"
#define SQUINT_QUAD_DOT_RAW(x, w, sum) \
  _mm256_dpbusd_avx_epi32((sum).raw, (x).raw, (w).raw)
#elif HWY_COMPILER_GCC_ACTUAL && HWY_TARGET == HWY_NEON && HWY_ARCH_ARM_A64
#define SQUINT_QUAD_DOT 1
#define SQUINT_QUAD_LOWER 128
#define SQUINT_QUAD_TARGET "arch=armv8.2-a+crypto+dotprod"
#define SQUINT_QUAD_DOT_RAW(x, w, sum)                \
  vdotq_s32((sum).raw, vreinterpretq_s8_s32((x).raw), \
            vreinterpretq_s8_s32((w).raw))
#define SQUINT_QUAD_LANE_RAW(x, lane, w, sum)               \
  vdotq_laneq_s32((sum).raw, vreinterpretq_s8_s32((w).raw), \
                  vreinterpretq_s8_s32((x).raw), lane)
#else
#define SQUINT_QUAD_DOT 0
#endif
#ifndef SQUINT_QUAD_LOWER
#define SQUINT_QUAD_LOWER 0
#endif

#undef SQUINT_QUAD_BYTES
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_SSE4
#define SQUINT_QUAD_BYTES 1
#else
#define SQUINT_QUAD_BYTES 0
#endif

HWY_BEFORE_NAMESPACE();
namespace squint {
namespace HWY_NAMESPACE {

// Of the CPU: a dot product of four bytes in vectors of this target's size.
inline bool HasQuadDot() {
#if SQUINT_QUAD_DOT && HWY_TARGET == HWY_AVX3
  return MayUseAvx512Vnni();
#elif SQUINT_QUAD_DOT && HWY_TARGET == HWY_NEON
  return MayUseNeonDot();
#elif SQUINT_QUAD_DOT
  return MayUseAvxVnni();
#else
  return false;
#endif
}

// Bytes of x, as the CPU's dot product takes them.
HWY_INLINE IntVector QuadOperand(IntVector x) {
#if SQUINT_QUAD_LOWER
  static_assert(SQUINT_QUAD_LOWER == 128);
  return hn::Xor(x, hn::Set(IntTag(), static_cast<int32_t>(0x80808080)));
#else
  return x;
#endif
}

// sum + x0 * w0 + x1 * w1 + x2 * w2 + x3 * w3 in each lane; x: uint8, w: int8.
template <class V>
HWY_INLINE V QuadDotImitated(V x, V w, V sum) {
#if HWY_TARGET == HWY_SCALAR
  const int32_t xs = hn::GetLane(x);
  const int32_t ws = hn::GetLane(w);
  int32_t total = hn::GetLane(sum);
  for (int i = 0; i < 32; i += 8) {
    total += (xs >> i & 0xFF) * static_cast<int8_t>(ws >> i & 0xFF);
  }
  return hn::Set(IntTag(), total);
#else
  const hn::DFromV<V> d;
  const hn::Repartition<int16_t, decltype(d)> pairs;
  const hn::Repartition<uint16_t, decltype(d)> unsigned_pairs;
  const auto bytes = hn::BitCast(unsigned_pairs, x);
  const auto even = hn::And(bytes, hn::Set(unsigned_pairs, uint16_t{0xFF}));
  const auto odd = hn::ShiftRight<8>(bytes);
  const auto weights = hn::BitCast(pairs, w);
  const auto even_w = hn::ShiftRight<8>(hn::ShiftLeft<8>(weights));
  const auto odd_w = hn::ShiftRight<8>(weights);
  sum = AddProducts(hn::BitCast(d, even), hn::BitCast(d, even_w), sum);
  return AddProducts(hn::BitCast(d, odd), hn::BitCast(d, odd_w), sum);
#endif
}

// The same where |w0| + |w1| and |w2| + |w3| are 128 at most, so that no sum of
// two products saturates.
#if SQUINT_QUAD_BYTES
#if HWY_TARGET == HWY_AVX2
// Read from memory by each product: with a register of its own the tile of
// 6 x 16 has one too few, and a sum goes by way of the stack.
alignas(32) inline constexpr int16_t kOnes[16] = {1, 1, 1, 1, 1, 1, 1, 1,
                                                  1, 1, 1, 1, 1, 1, 1, 1};
#endif

HWY_INLINE IntVector QuadDotOfBytes(IntVector x, IntVector w, IntVector sum) {
#if HWY_TARGET == HWY_AVX3
  const auto pairs = _mm512_maddubs_epi16(x.raw, w.raw);
  const auto quads = _mm512_madd_epi16(pairs, _mm512_set1_epi16(1));
#elif HWY_TARGET == HWY_AVX2
  const auto pairs = _mm256_maddubs_epi16(x.raw, w.raw);
  __m256i quads;
  asm("vpmaddwd %2, %1, %0"
      : "=x"(quads)
      : "x"(pairs), "m"(*reinterpret_cast<const __m256i*>(kOnes)));
#else
  const auto pairs = _mm_maddubs_epi16(x.raw, w.raw);
  const auto quads = _mm_madd_epi16(pairs, _mm_set1_epi16(1));
#endif
  return hn::Add(sum, IntVector{quads});
}
#endif

// Vectors of outputs in a panel, and rows: sums, a step's vectors of weights
// and x must fit the registers, 32 or 16. With Arm's dot product these are 24,
// a vector of 4 quads for each row, and weights one by one. A narrow panel
// takes more rows at once, so that enough sums are under way: a sum that waits
// for the one before it waits 5 cycles, in which x86 adds to ten others.
#undef SQUINT_QUAD_WIDE
#if HWY_TARGET <= HWY_AVX3 || HWY_TARGET == HWY_NEON
#define SQUINT_QUAD_WIDE 1
#else
#define SQUINT_QUAD_WIDE 0
#endif
constexpr int kQuadNv = SQUINT_QUAD_WIDE ? 4 : 2;
constexpr int kQuadNr = kQuadNv * kIntLanes;
// Rows of a tile on a panel of so many vectors.
constexpr int QuadMr(int vectors) {
  if (vectors > kQuadNv / 2) return 6;
  return HWY_TARGET == HWY_NEON ? 8 : 12;
}
constexpr int kQuadMr = QuadMr(kQuadNv);

struct QuadTileArgs {
  int64_t taps;
  int64_t quads;  // of one tap
  const uint8_t* const* places;
  int64_t tap_stride;  // places of one tap
  const std::byte* weights;
  const int32_t* start;  // what the sums of a row begin with; null: 0
  int64_t row;           // of the result
  int64_t rows;
  int64_t column;
  int64_t columns;
  uint8_t* out;
  int64_t out_stride;
  const Requantization& requantization;
  const int32_t* row_bias = nullptr;  // of each row; null: none
};

#if SQUINT_QUAD_DOT
// A panel of so many vectors by the CPU's dot product: HasQuadDot is true. In
// qrows.cc, which has the only copy of its tiles.
void QuadDotPanel(const QuadTileArgs& args, int64_t rows, int vectors);
#endif

HWY_INLINE IntVector QuadStart([[maybe_unused]] const QuadTileArgs& args,
                               [[maybe_unused]] int vector) {
  const IntTag d;
#if SQUINT_QUAD_LOWER
  if (args.start != nullptr) {
    return hn::Load(d, args.start + vector * kIntLanes);
  }
#endif
  return hn::Zero(d);
}

// Vectors of the panel that begins at this column.
inline int QuadVectors(int64_t column, int64_t outputs) {
  const int64_t left = (outputs - column + kIntLanes - 1) / kIntLanes;
  return static_cast<int>(std::min<int64_t>(kQuadNv, left));
}

inline int64_t QuadsOf(int64_t depth) {
  return (depth + kRowQuad - 1) / kRowQuad;
}

}  // namespace HWY_NAMESPACE
}  // namespace squint
HWY_AFTER_NAMESPACE();

#endif  // SQUINT_KERNELS_QROWS_QUAD_INL_H_
