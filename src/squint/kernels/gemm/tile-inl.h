// The register tile of gemm.h: sums over one block of K and how they reach C.
// Included once per Highway target.
#if defined(SQUINT_KERNELS_GEMM_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SQUINT_KERNELS_GEMM_TILE_INL_H_
#undef SQUINT_KERNELS_GEMM_TILE_INL_H_
#else
#define SQUINT_KERNELS_GEMM_TILE_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>

#include "squint/kernels/clamp-inl.h"
#include "squint/kernels/gemm/gemm.h"

HWY_BEFORE_NAMESPACE();
namespace squint {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Rows and vectors of the tile: accumulators, one step's vectors of B and a
// broadcast of A must fit the registers (32 with AVX-512 and NEON, else 16).
// Rows divide the usual channel counts, so that hardly any is wasted.
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_NEON
constexpr int kMr = 8;
constexpr int kNv = 3;
#elif HWY_TARGET == HWY_AVX2
constexpr int kMr = 4;
constexpr int kNv = 3;
#else
constexpr int kMr = 4;
constexpr int kNv = 2;
#endif
using FloatTag = hn::ScalableTag<float>;
using FloatVector = hn::Vec<FloatTag>;
constexpr int kLanes = HWY_LANES(float);
constexpr int kNr = kNv * kLanes;

// Where one tile goes: its corner of C and of what is added, and which of the K
// blocks it is.
struct TileOutput {
  float* c;
  int64_t c_stride;
  int64_t rows;       // at most kMr
  int64_t columns;    // at most kNr
  Epilogue epilogue;  // already at the corner
  bool first;
  bool last;
};

// The general way out of the registers, for ragged tiles, several K blocks and
// what is added to every column: sums come through memory. One copy for tiles
// of every width.
inline HWY_NOINLINE void StoreThroughMemory(const float* sums,
                                            int64_t sum_stride,
                                            const TileOutput& out) {
  const FloatTag d;
  const Epilogue& e = out.epilogue;
  const auto low = hn::Set(d, e.low);
  const auto high = hn::Set(d, e.high);
  for (int64_t r = 0; r < out.rows; ++r) {
    const float* in = sums + r * sum_stride;
    float* c = out.c + r * out.c_stride;
    const bool with_bias = out.last && e.bias != nullptr;
    const float* bias = with_bias ? e.bias + r * e.bias_row : nullptr;
    const float* added =
        out.last && e.added != nullptr ? e.added + r * e.added_stride : nullptr;
    int64_t j = 0;
    for (; j + kLanes <= out.columns; j += kLanes) {
      auto x = hn::LoadU(d, in + j);
      if (!out.first) x = hn::Add(x, hn::LoadU(d, c + j));
      if (with_bias) {
        x = hn::Add(
            x, e.bias_column == 0 ? hn::Set(d, *bias) : hn::LoadU(d, bias + j));
      }
      if (added != nullptr) x = hn::Add(x, hn::LoadU(d, added + j));
      if (out.last) x = ClampKeepNaN(x, low, high);
      hn::StoreU(x, d, c + j);
    }
    for (; j < out.columns; ++j) {
      float x = in[j];
      if (!out.first) x += c[j];
      if (with_bias) x += bias[j * e.bias_column];
      if (added != nullptr) x += added[j];
      if (out.last) x = ClampScalarKeepNaN(x, e.low, e.high);
      c[j] = x;
    }
  }
}

// From the registers: straight to C where the tile is whole, made in one
// block and has nothing but one bias a row, else through memory.
template <int kVectors>
HWY_INLINE void StoreTile(const FloatVector (&sum)[kMr][kVectors],
                          const TileOutput& out) {
  const FloatTag d;
  const Epilogue& e = out.epilogue;
  if (out.first && out.last && out.rows == kMr &&
      out.columns == kVectors * kLanes && e.added == nullptr &&
      (e.bias == nullptr || e.bias_column == 0)) {
    const auto low = hn::Set(d, e.low);
    const auto high = hn::Set(d, e.high);
#pragma GCC unroll 8
    for (int r = 0; r < kMr; ++r) {
      // Adding -0 changes nothing, not even the sign of a zero.
      const auto bias = hn::Set(d, e.bias ? e.bias[r * e.bias_row] : -0.0f);
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        hn::StoreU(ClampKeepNaN(hn::Add(sum[r][v], bias), low, high), d,
                   out.c + r * out.c_stride + v * kLanes);
      }
    }
    return;
  }
  HWY_ALIGN float buffer[kMr * kNr];
#pragma GCC unroll 8
  for (int r = 0; r < kMr; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      hn::Store(sum[r][v], d, buffer + r * kNr + v * kLanes);
    }
  }
  StoreThroughMemory(buffer, kNr, out);
}

// kMr rows of A: a left panel (row_stride 1, kMr floats from step to step),
// or rows as they stand, row_stride floats apart, consecutive in k.
struct LeftRows {
  const float* data;
  int64_t row_stride;
};

// kMr x (kVectors * kLanes) sums over k steps; b has b_stride floats from
// step to step. Rows that do not exist repeat the last one.
template <int kVectors, bool kPanel>
HWY_NOINLINE void Tile(int64_t k, const LeftRows& left,
                       const float* HWY_RESTRICT b, int64_t b_stride,
                       const TileOutput& out) {
  const FloatTag d;
  FloatVector sum[kMr][kVectors];
  const float* HWY_RESTRICT a[kMr];
#pragma GCC unroll 8
  for (int r = 0; r < kMr; ++r) {
    const int64_t row = kPanel ? r : std::min<int64_t>(r, out.rows - 1);
    a[r] = left.data + row * left.row_stride;
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) sum[r][v] = hn::Zero(d);
  }
  constexpr int64_t kStep = kPanel ? kMr : 1;
  for (int64_t p = 0; p < k; ++p) {
    FloatVector row[kVectors];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) row[v] = hn::LoadU(d, b + v * kLanes);
#pragma GCC unroll 8
    for (int r = 0; r < kMr; ++r) {
      const auto weight =
          hn::Set(d, kPanel ? left.data[p * kStep + r] : a[r][p]);
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        sum[r][v] = hn::MulAdd(weight, row[v], sum[r][v]);
      }
    }
    b += b_stride;
  }
  StoreTile<kVectors>(sum, out);
}

#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX2
#define SQUINT_GEMM_NARROW_TILE
// Up to four columns (the 49th pixel of a 7 x 7 image, the last 4 of 14 x 14)
// with the vectors along the rows of the left panel: a fraction of the work
// of a whole vector of columns. Successive k go to different sums, since few
// columns alone would wait for the latency of the additions.
constexpr int kNarrowColumns = 4;

template <int kColumns>
HWY_NOINLINE void NarrowTile(int64_t k, const float* HWY_RESTRICT a,
                             const float* HWY_RESTRICT b, int64_t b_stride,
                             const TileOutput& out) {
  constexpr int kSums = kColumns == 1 ? 8 : kColumns == 2 ? 4 : 2;
  const hn::FixedTag<float, kMr> d;
  hn::Vec<decltype(d)> sum[kSums][kColumns];
#pragma GCC unroll 8
  for (int u = 0; u < kSums; ++u) {
#pragma GCC unroll 4
    for (int j = 0; j < kColumns; ++j) sum[u][j] = hn::Zero(d);
  }
  int64_t p = 0;
  for (; p + kSums <= k; p += kSums, a += kSums * kMr) {
#pragma GCC unroll 8
    for (int u = 0; u < kSums; ++u, b += b_stride) {
      const auto left = hn::Load(d, a + u * kMr);
#pragma GCC unroll 4
      for (int j = 0; j < kColumns; ++j) {
        sum[u][j] = hn::MulAdd(left, hn::Set(d, b[j]), sum[u][j]);
      }
    }
  }
  for (; p < k; ++p, a += kMr, b += b_stride) {
    const auto left = hn::Load(d, a);
#pragma GCC unroll 4
    for (int j = 0; j < kColumns; ++j) {
      sum[0][j] = hn::MulAdd(left, hn::Set(d, b[j]), sum[0][j]);
    }
  }
  HWY_ALIGN float column[kMr];
  HWY_ALIGN float buffer[kMr * kLanes];
#pragma GCC unroll 4
  for (int j = 0; j < kColumns; ++j) {
#pragma GCC unroll 8
    for (int u = 1; u < kSums; ++u) {
      sum[0][j] = hn::Add(sum[0][j], sum[u][j]);
    }
    hn::Store(sum[0][j], d, column);
    for (int r = 0; r < kMr; ++r) buffer[r * kLanes + j] = column[r];
  }
  StoreThroughMemory(buffer, kLanes, out);
}
#endif

// The cheapest tile that covers out.columns. kNarrow: also the one whose sums
// are in another order, which would tell a panel's rows from those of a view.
template <bool kPanel, bool kNarrow>
HWY_INLINE void TileFor(int64_t k, const LeftRows& left, const float* b,
                        int64_t b_stride, const TileOutput& out) {
#ifdef SQUINT_GEMM_NARROW_TILE
  switch (kNarrow ? out.columns : kNr) {
    case 1:
      return NarrowTile<1>(k, left.data, b, b_stride, out);
    case 2:
      return NarrowTile<2>(k, left.data, b, b_stride, out);
    case 3:
      return NarrowTile<3>(k, left.data, b, b_stride, out);
    case kNarrowColumns:
      return NarrowTile<kNarrowColumns>(k, left.data, b, b_stride, out);
    default:
      break;
  }
#undef SQUINT_GEMM_NARROW_TILE
#endif
  if (out.columns <= kLanes) {
    return Tile<1, kPanel>(k, left, b, b_stride, out);
  }
  if (out.columns <= 2 * kLanes) {
    return Tile<2, kPanel>(k, left, b, b_stride, out);
  }
  Tile<kNv, kPanel>(k, left, b, b_stride, out);
}

}  // namespace HWY_NAMESPACE
}  // namespace squint
HWY_AFTER_NAMESPACE();

#endif  // SQUINT_KERNELS_GEMM_TILE_INL_H_
