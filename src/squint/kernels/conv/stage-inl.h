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

// Copies n floats; whole vectors, the last one moved left to end with them.
template <class D>
HWY_INLINE void CopyVectors(D d, const float* HWY_RESTRICT in, int64_t n,
                            float* HWY_RESTRICT out) {
  namespace hn = hwy::HWY_NAMESPACE;
  constexpr int64_t kN = hn::MaxLanes(D());
  int64_t i = 0;
  for (; i + kN <= n; i += kN) hn::StoreU(hn::LoadU(d, in + i), d, out + i);
  if (i < n) hn::StoreU(hn::LoadU(d, in + n - kN), d, out + n - kN);
}

HWY_INLINE void CopyRow(const float* HWY_RESTRICT in, int64_t n,
                        float* HWY_RESTRICT out) {
  const hwy::HWY_NAMESPACE::ScalableTag<float> whole;
  const hwy::HWY_NAMESPACE::CappedTag<float, 4> quarter;
  if (n >= static_cast<int64_t>(hwy::HWY_NAMESPACE::MaxLanes(whole))) {
    CopyVectors(whole, in, n, out);
  } else if (n >= 4) {
    CopyVectors(quarter, in, n, out);
  } else {
    for (int64_t i = 0; i < n; ++i) out[i] = in[i];
  }
}

#if HWY_TARGET != HWY_SCALAR
// By whole vectors, n greater than one. The last one ends with the floats: its
// places are the odd ones of what begins one float before them.
template <class D>
HWY_INLINE void CopyEveryOtherBy(D d, const float* HWY_RESTRICT in, int64_t n,
                                 float* HWY_RESTRICT out) {
  namespace hn = hwy::HWY_NAMESPACE;
  constexpr int64_t kN = hn::MaxLanes(D());
  for (int64_t i = 0; i + kN < n; i += kN) {
    const auto low = hn::LoadU(d, in + 2 * i);
    const auto high = hn::LoadU(d, in + 2 * i + kN);
    hn::StoreU(hn::ConcatEven(d, high, low), d, out + i);
  }
  const float* last = in + 2 * (n - kN) - 1;
  hn::StoreU(hn::ConcatOdd(d, hn::LoadU(d, last + kN), hn::LoadU(d, last)), d,
             out + n - kN);
}
#endif

// out[i] = in[2 i]; in has 2 n - 1 floats.
HWY_INLINE void CopyEveryOther(const float* HWY_RESTRICT in, int64_t n,
                               float* HWY_RESTRICT out) {
#if HWY_TARGET != HWY_SCALAR
  const hwy::HWY_NAMESPACE::ScalableTag<float> whole;
  const hwy::HWY_NAMESPACE::CappedTag<float, 4> quarter;
  if (n > int64_t{HWY_LANES(float)}) {
    return CopyEveryOtherBy(whole, in, n, out);
  }
  if (n > 4) return CopyEveryOtherBy(quarter, in, n, out);
#endif
  for (int64_t i = 0; i < n; ++i) out[i] = in[2 * i];
}

// Which floats of an input row fall into one phase of a staged row:
// out[column + i] = in[source + i * stride], 0 <= i < count; the rest is
// border.
struct PhaseRun {
  int64_t column = 0;
  int64_t source = 0;
  int64_t count = 0;

  PhaseRun() = default;
  PhaseRun(const PlaneWindow& w, const StagedPlane& staged, int64_t phase) {
    if (w.pad_left > phase) {
      column = (w.pad_left - phase + w.stride_w - 1) / w.stride_w;
    }
    source = column * w.stride_w + phase - w.pad_left;
    if (source < w.in_w) {
      count = std::min(staged.columns - column,
                       (w.in_w - source + w.stride_w - 1) / w.stride_w);
    }
    if (count <= 0) column = count = 0;
  }
};

// The pixels of a row that lie inside the image.
HWY_INLINE void CopyRun(const PhaseRun& run, int64_t stride, const float* row,
                        float* out) {
  float* target = out + run.column;
  if (stride == 1) {
    CopyRow(row + run.source, run.count, target);
  } else if (stride == 2) {
    CopyEveryOther(row + run.source, run.count, target);
  } else {
    for (int64_t i = 0; i < run.count; ++i) {
      target[i] = row[run.source + i * stride];
    }
  }
}

HWY_INLINE void StageRow(const PhaseRun& run, int64_t stride, int64_t columns,
                         const float* row, float border, float* out) {
  for (int64_t i = 0; i < run.column; ++i) out[i] = border;
  CopyRun(run, stride, row, out);
  for (int64_t i = run.column + run.count; i < columns; ++i) out[i] = border;
}

// `border` is what pixels outside the image hold: 0, or -inf for maxima.
HWY_INLINE void StagePlane(const PlaneWindow& w, const StagedPlane& staged,
                           const float* plane, float border, float* out) {
  for (int64_t phase_h = 0; phase_h < staged.phases_h; ++phase_h) {
    for (int64_t phase_w = 0; phase_w < staged.phases_w; ++phase_w) {
      const PhaseRun run(w, staged, phase_w);
      int64_t y = phase_h - w.pad_top;
      for (int64_t r = 0; r < staged.rows; ++r, y += w.stride_h) {
        if (y < 0 || y >= w.in_h) {
          std::fill_n(out, staged.columns, border);
        } else {
          StageRow(run, w.stride_w, staged.columns, plane + y * w.in_w, border,
                   out);
        }
        out += staged.columns;
      }
    }
  }
}

// Stages planes one after the other in a buffer that has the border already.
class PlaneStaging {
 public:
  explicit PlaneStaging(const PlaneWindow& w) : window_(w), layout_(w) {
    if (!fits()) return;
    for (int64_t i = 0; i < layout_.phases_w; ++i) {
      runs_[i] = PhaseRun(w, layout_, i);
    }
  }
  bool fits() const { return layout_.phases_w <= kMaxPhases; }
  const StagedPlane& layout() const { return layout_; }

  HWY_INLINE void CopyInside(const float* plane, float* staged) const {
    for (int64_t i = 0; i < layout_.phases_h; ++i) {
      for (int64_t j = 0; j < layout_.phases_w; ++j) {
        float* phase = staged + layout_.PhaseOffset(i, j);
        for (int64_t r = 0; r < layout_.rows; ++r) {
          const int64_t y = r * window_.stride_h + i - window_.pad_top;
          if (y < 0 || y >= window_.in_h) continue;
          CopyRun(runs_[j], window_.stride_w, plane + y * window_.in_w,
                  phase + r * layout_.columns);
        }
      }
    }
  }

 private:
  static constexpr int64_t kMaxPhases = 4;
  PlaneWindow window_;
  StagedPlane layout_;
  PhaseRun runs_[kMaxPhases];
};

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
