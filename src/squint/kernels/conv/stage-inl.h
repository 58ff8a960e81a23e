// Copies an image plane into its staged form (window.h). Included once per
// Highway target; the loops are left to the compiler's vectorizer.
#if defined(SQUINT_KERNELS_CONV_STAGE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SQUINT_KERNELS_CONV_STAGE_INL_H_
#undef SQUINT_KERNELS_CONV_STAGE_INL_H_
#else
#define SQUINT_KERNELS_CONV_STAGE_INL_H_
#endif

#include <hwy/highway.h>

#include <cstring>

#include "squint/kernels/conv/window.h"

HWY_BEFORE_NAMESPACE();
namespace squint {
namespace HWY_NAMESPACE {

HWY_INLINE void CopyEveryOther(const float* HWY_RESTRICT in, int64_t count,
                               float* HWY_RESTRICT out) {
  for (int64_t i = 0; i < count; ++i) out[i] = in[2 * i];
}

// Columns of one input row that fall into phase `phase` of the staged row.
HWY_INLINE void StageRow(const PlaneWindow& w, const StagedPlane& staged,
                         const float* row, int64_t phase, float* out) {
  // First padded column of this phase that holds an input pixel.
  int64_t column = 0;
  if (w.pad_left > phase) {
    column = (w.pad_left - phase + w.stride_w - 1) / w.stride_w;
  }
  const int64_t x = column * w.stride_w + phase - w.pad_left;
  if (x >= w.in_w) return;
  const int64_t count = std::min(staged.columns - column,
                                 (w.in_w - x + w.stride_w - 1) / w.stride_w);
  if (count <= 0) return;
  if (w.stride_w == 1) {
    std::memcpy(out + column, row + x,
                static_cast<size_t>(count) * sizeof(float));
  } else if (w.stride_w == 2) {
    CopyEveryOther(row + x, count, out + column);
  } else {
    for (int64_t i = 0; i < count; ++i) {
      out[column + i] = row[x + i * w.stride_w];
    }
  }
}

// `border` is what pixels outside the image hold: 0, or -inf for maxima.
HWY_INLINE void StagePlane(const PlaneWindow& w, const StagedPlane& staged,
                           const float* plane, float border, float* out) {
  const bool covered =
      w.pointwise() || (w.pad_top <= 0 && w.pad_left <= 0 && w.taps() == 1);
  if (!covered) std::fill_n(out, staged.floats(), border);
  for (int64_t phase_h = 0; phase_h < staged.phases_h; ++phase_h) {
    for (int64_t r = 0; r < staged.rows; ++r) {
      const int64_t y = r * w.stride_h + phase_h - w.pad_top;
      if (y < 0 || y >= w.in_h) continue;
      for (int64_t phase_w = 0; phase_w < staged.phases_w; ++phase_w) {
        StageRow(
            w, staged, plane + y * w.in_w, phase_w,
            out + staged.PhaseOffset(phase_h, phase_w) + r * staged.columns);
      }
    }
  }
}

// Calls f(band's window, its staged form's layout, floats, first output row)
// for bands that cover the plane; FitsBand(w).
template <class F>
HWY_INLINE void ForEachBand(const PlaneWindow& w, const float* plane,
                            float border, F&& f) {
  HWY_ALIGN float staged[kBandFloats + kStagingSlack];
  int64_t rows = w.out_h;
  while (StagedPlane(BandWindow(w, 0, rows)).floats() > kBandFloats) {
    rows = (rows + 1) / 2;
  }
  for (int64_t y = 0; y < w.out_h; y += rows) {
    const PlaneWindow band = BandWindow(w, y, std::min(w.out_h, y + rows));
    const StagedPlane layout(band);
    StagePlane(band, layout, plane, border, staged);
    f(band, layout, staged, y);
  }
}

// Calls f(x) for vectors that cover a row; the last one is moved left to end
// with the row, or starts at 0 and reaches beyond a shorter row.
template <class F>
HWY_INLINE void ForEachVector(int64_t width, int64_t lanes, F&& f) {
  int64_t x = 0;
  for (; x + lanes <= width; x += lanes) f(x);
  if (x < width) f(std::max<int64_t>(0, width - lanes));
}

// Stores a vector of output row `out`, or what of it lies in the row.
template <class D, class V>
HWY_INLINE void StoreInRow(D d, V v, float* out, int64_t width) {
  constexpr int64_t kN = hwy::HWY_NAMESPACE::MaxLanes(D());
  if (width >= kN) {
    hwy::HWY_NAMESPACE::StoreU(v, d, out);
    return;
  }
  HWY_ALIGN float buffer[kN];
  hwy::HWY_NAMESPACE::Store(v, d, buffer);
  std::memcpy(out, buffer, static_cast<size_t>(width) * sizeof(float));
}

}  // namespace HWY_NAMESPACE
}  // namespace squint
HWY_AFTER_NAMESPACE();

#endif  // SQUINT_KERNELS_CONV_STAGE_INL_H_
