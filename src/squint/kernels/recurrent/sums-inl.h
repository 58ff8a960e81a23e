// What the states of a few samples give each column of a panel
// (state_weights.h). Included once per Highway target.
#if defined(SQUINT_KERNELS_RECURRENT_SUMS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SQUINT_KERNELS_RECURRENT_SUMS_INL_H_
#undef SQUINT_KERNELS_RECURRENT_SUMS_INL_H_
#else
#define SQUINT_KERNELS_RECURRENT_SUMS_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "squint/kernels/qrows/quad-inl.h"
#include "squint/kernels/recurrent/panel-inl.h"
#include "squint/kernels/recurrent/recurrent.h"

// Signs can be moved from one operand to the other: the sum of two products
// of magnitudes up to 128 with weights up to 127 fits int16.
#undef SQUINT_STATE_SIGNS
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_SSE4
#define SQUINT_STATE_SIGNS 1
#else
#define SQUINT_STATE_SIGNS 0
#endif

HWY_BEFORE_NAMESPACE();
namespace squint {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

constexpr int kMaxCellRows = 3;

// ---- states in float32

HWY_INLINE V LoadWeights(const float* weights) {
  return hn::Load(D(), weights);
}
HWY_INLINE V LoadWeights(const int8_t* weights) {
  const hn::RebindToSigned<D> wide;
  const hn::Rebind<int8_t, D> narrow;
  return hn::ConvertTo(D(), hn::PromoteTo(wide, hn::LoadU(narrow, weights)));
}

// Rows of `depth` states, x_stride floats apart, times kNv vectors of columns;
// added up in order.
template <typename T, int kRows, int kNv>
HWY_INLINE void SumStates(int64_t depth, const float* HWY_RESTRICT x,
                          int64_t x_stride, const T* HWY_RESTRICT weights,
                          V (&sum)[kRows][kNv]) {
  const D d;
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
    for (int v = 0; v < kNv; ++v) sum[r][v] = hn::Zero(d);
  }
  for (int64_t p = 0; p < depth; ++p, weights += kPanelColumns) {
#pragma GCC unroll 8
    for (int v = 0; v < kNv; ++v) {
      const V weight = LoadWeights(weights + v * kCellLanes);
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
        sum[r][v] =
            hn::MulAdd(hn::Set(d, x[r * x_stride + p]), weight, sum[r][v]);
      }
    }
  }
}

// One group after the other, by kNv vectors.
template <typename T, int kRows>
HWY_NOINLINE void PanelStates(const StateWeights& r, const CellStep& step,
                              int64_t block, int64_t sample,
                              float* HWY_RESTRICT sums) {
  constexpr int kNv = kRows == 1 ? kCellVectors : kCellVectors / 2;
  const D d;
  const int64_t groups = (r.hidden + r.group - 1) / r.group;
  const float* x = step.product + sample * r.hidden;
  const T* panel = reinterpret_cast<const T*>(r.data.get()) +
                   block * r.hidden * kPanelColumns;
  std::fill_n(sums, kRows * kPanelColumns, 0.0f);
  for (int64_t g = 0; g < groups; ++g) {
    const int64_t begin = g * r.group;
    const int64_t depth = std::min(r.group, r.hidden - begin);
    for (int64_t column = 0; column < kPanelColumns;
         column += kNv * kCellLanes) {
      V sum[kRows][kNv];
      SumStates(depth, x + begin, r.hidden,
                panel + begin * kPanelColumns + column, sum);
#pragma GCC unroll 8
      for (int v = 0; v < kNv; ++v) {
        const int64_t at = column + v * kCellLanes;
#pragma GCC unroll 8
        for (int row = 0; row < kRows; ++row) {
          float* total = sums + row * kPanelColumns + at;
          if constexpr (std::is_same_v<T, float>) {
            hn::Store(sum[row][v], d, total);
          } else {
            const V scale = hn::Load(
                d, r.scales.get() + (block * groups + g) * kPanelColumns + at);
            hn::Store(hn::MulAdd(sum[row][v], scale, hn::Load(d, total)), d,
                      total);
          }
        }
      }
    }
  }
}

template <typename T>
void PanelStatesOf(const StateWeights& r, const CellStep& step, int64_t block,
                   int64_t sample, int64_t rows, float* sums) {
  switch (rows) {
    case 1:
      return PanelStates<T, 1>(r, step, block, sample, sums);
    case 2:
      return PanelStates<T, 2>(r, step, block, sample, sums);
    default:
      return PanelStates<T, 3>(r, step, block, sample, sums);
  }
}

// ---- states in int8

// int8 as the uint8 128 higher, four a lane.
HWY_INLINE IntVector Raised(IntVector x) {
  return hn::Xor(x, hn::Set(IntTag(), static_cast<int32_t>(0x80808080)));
}

namespace imitated_states {
#define SQUINT_STATE_OPERAND Raised
#define SQUINT_STATE_PRODUCT QuadDotImitated
#include "squint/kernels/recurrent/quad_sums-inl.h"
#undef SQUINT_STATE_OPERAND
#undef SQUINT_STATE_PRODUCT
}  // namespace imitated_states

#if SQUINT_QUAD_DOT
HWY_PUSH_ATTRIBUTES(SQUINT_QUAD_TARGET)
namespace native_states {
#if SQUINT_QUAD_LOWER
#define SQUINT_STATE_OPERAND(bytes) bytes
#else
#define SQUINT_STATE_OPERAND Raised
#endif
#define SQUINT_STATE_PRODUCT(x, w, sum) \
  IntVector { SQUINT_QUAD_DOT_RAW(x, w, sum) }
#include "squint/kernels/recurrent/quad_sums-inl.h"
#undef SQUINT_STATE_OPERAND
#undef SQUINT_STATE_PRODUCT
}  // namespace native_states
HWY_POP_ATTRIBUTES
#endif

#if SQUINT_STATE_SIGNS
HWY_INLINE IntVector AddBySigns(IntVector x, IntVector w, IntVector sum) {
#if HWY_TARGET == HWY_AVX2
  const auto pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(x.raw),
                                          _mm256_sign_epi8(w.raw, x.raw));
  const auto quads = _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
#else
  const auto pairs =
      _mm_maddubs_epi16(_mm_abs_epi8(x.raw), _mm_sign_epi8(w.raw, x.raw));
  const auto quads = _mm_madd_epi16(pairs, _mm_set1_epi16(1));
#endif
  return hn::Add(sum, IntVector{quads});
}
namespace signed_states {
#define SQUINT_STATE_OPERAND(bytes) bytes
#define SQUINT_STATE_PRODUCT AddBySigns
#include "squint/kernels/recurrent/quad_sums-inl.h"
#undef SQUINT_STATE_OPERAND
#undef SQUINT_STATE_PRODUCT
}  // namespace signed_states
#endif

// How much higher than the states that are meant those are that a way of
// multiplying sees, and how it multiplies.
struct QuadWay {
  void (*panel[kMaxCellRows])(int64_t quads, const int8_t* x, int64_t x_stride,
                              const int8_t* panel, int32_t* sums);
  int32_t raised;
};

inline QuadWay WayOf([[maybe_unused]] const StateWeights& r) {
#if SQUINT_QUAD_DOT
  if (HasQuadDot()) {
    namespace by = native_states;
    return {{by::PanelQuads<1>, by::PanelQuads<2>, by::PanelQuads<3>},
            SQUINT_QUAD_LOWER ? 0 : 128};
  }
#endif
#if SQUINT_STATE_SIGNS
  if (r.is_symmetric) {
    namespace by = signed_states;
    return {{by::PanelQuads<1>, by::PanelQuads<2>, by::PanelQuads<3>}, 0};
  }
#endif
  namespace by = imitated_states;
  return {{by::PanelQuads<1>, by::PanelQuads<2>, by::PanelQuads<3>}, 128};
}

// The exact sums of a sample's row, less what the states were higher, times
// both scales.
HWY_INLINE void ScaleSums(const StateWeights& r, int64_t block, float scale,
                          int32_t higher, const int32_t* HWY_RESTRICT in,
                          float* HWY_RESTRICT out) {
  const D d;
  const IntTag di;
  const int64_t first = block * kPanelColumns;
  for (int64_t j = 0; j < kPanelColumns; j += kCellLanes) {
    const auto of_weights = hn::Load(di, r.sums.get() + first + j);
    const auto sum =
        hn::Sub(hn::Load(di, in + j), hn::Mul(of_weights, hn::Set(di, higher)));
    const V factor =
        hn::Mul(hn::Set(d, scale), hn::Load(d, r.scales.get() + first + j));
    hn::Store(hn::Mul(hn::ConvertTo(d, sum), factor), d, out + j);
  }
}

inline void PanelIntegers(const StateWeights& r, const CellStep& step,
                          int64_t block, int64_t sample, int64_t rows,
                          float* sums) {
  HWY_ALIGN int32_t exact[kMaxCellRows * kPanelColumns];
  const IntegerStates& states = step.integers;
  const int64_t stride = StateStride(r.hidden);
  const auto* weights = reinterpret_cast<const int8_t*>(r.data.get());
  const QuadWay way = WayOf(r);
  way.panel[rows - 1](StateQuads(r.hidden), states.data + sample * stride,
                      stride, weights + block * stride * kPanelColumns, exact);
  for (int64_t i = 0; i < rows; ++i) {
    ScaleSums(r, block, states.scales[sample + i],
              way.raised + states.zeros[sample + i], exact + i * kPanelColumns,
              sums + i * kPanelColumns);
  }
}

// sums[row][column] of a panel for `rows` samples, kMaxCellRows at most.
inline void PanelSums(const StateWeights& r, const CellStep& step,
                      int64_t block, int64_t sample, int64_t rows,
                      float* sums) {
  switch (r.form) {
    case StateForm::kReal:
      return PanelStatesOf<float>(r, step, block, sample, rows, sums);
    case StateForm::kStored:
      return PanelStatesOf<int8_t>(r, step, block, sample, rows, sums);
    case StateForm::kIntegers:
      return PanelIntegers(r, step, block, sample, rows, sums);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace squint
HWY_AFTER_NAMESPACE();

#endif  // SQUINT_KERNELS_RECURRENT_SUMS_INL_H_
