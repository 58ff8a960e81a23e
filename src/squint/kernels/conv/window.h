// A window that slides over an image, and the *staged* copy of an image plane
// on which every tap of the window is a contiguous row.
//
// Staging adds the zero border and splits the plane by phase: padded pixel
// (y, x) goes to plane (y % stride_h, x % stride_w) at row y / stride_h,
// column x / stride_w. Output pixel (oy, ox) then reads tap (ky, kx) at
//   TapOffset(ky, kx) + oy * columns + ox,
// which for neighbouring ox are neighbouring floats, whatever stride and
// dilation. Phases that no tap reads are left out.
#ifndef SQUINT_KERNELS_CONV_WINDOW_H_
#define SQUINT_KERNELS_CONV_WINDOW_H_

#include <algorithm>
#include <cstdint>

namespace squint {

struct PlaneWindow {
  int64_t in_h = 1;
  int64_t in_w = 1;
  int64_t out_h = 1;
  int64_t out_w = 1;
  int64_t kernel_h = 1;
  int64_t kernel_w = 1;
  int64_t stride_h = 1;
  int64_t stride_w = 1;
  int64_t dilation_h = 1;
  int64_t dilation_w = 1;
  int64_t pad_top = 0;  // negative crops; bottom and right follow from out_*
  int64_t pad_left = 0;

  int64_t taps() const { return kernel_h * kernel_w; }
  int64_t out_pixels() const { return out_h * out_w; }
  int64_t in_pixels() const { return in_h * in_w; }
  int64_t span_h() const { return (kernel_h - 1) * dilation_h + 1; }
  int64_t span_w() const { return (kernel_w - 1) * dilation_w + 1; }
  // Every output pixel is made from the input pixel of the same place.
  bool pointwise() const {
    return taps() == 1 && stride_h == 1 && stride_w == 1 && pad_top == 0 &&
           pad_left == 0 && in_h == out_h && in_w == out_w;
  }
};

struct StagedPlane {
  int64_t phases_h;
  int64_t phases_w;
  int64_t rows;     // of one phase
  int64_t columns;  // of one phase

  explicit StagedPlane(const PlaneWindow& w)
      : phases_h(std::min(w.stride_h, w.span_h())),
        phases_w(std::min(w.stride_w, w.span_w())),
        rows(w.out_h + (w.span_h() - 1) / w.stride_h),
        columns(w.out_w + (w.span_w() - 1) / w.stride_w) {}

  int64_t phase_floats() const { return rows * columns; }
  int64_t floats() const { return phases_h * phases_w * phase_floats(); }
  int64_t PhaseOffset(int64_t phase_h, int64_t phase_w) const {
    return (phase_h * phases_w + phase_w) * phase_floats();
  }
  int64_t TapOffset(const PlaneWindow& w, int64_t ky, int64_t kx) const {
    const int64_t y = ky * w.dilation_h;
    const int64_t x = kx * w.dilation_w;
    return PhaseOffset(y % w.stride_h, x % w.stride_w) +
           y / w.stride_h * columns + x / w.stride_w;
  }
};

// Output pixels within one row of the image.
struct PixelRun {
  int64_t source;  // of the first in the staged plane, but for the tap
  int64_t column;  // among the pixels asked for
  int64_t length;
};

// Output pixels [pixel, pixel + count), row by row; `columns`: of the staged
// plane. Returns how many runs there are, `count` at most.
inline int FindRuns(int64_t pixel, int64_t count, int64_t out_w,
                    int64_t columns, PixelRun* runs) {
  int found = 0;
  int64_t column = 0;
  while (column < count) {
    const int64_t y = (pixel + column) / out_w;
    const int64_t x = (pixel + column) % out_w;
    const int64_t length = std::min(out_w - x, count - column);
    runs[found++] = {y * columns + x, column, length};
    column += length;
  }
  return found;
}

// Floats past the end of a staged plane that vector loads may touch.
inline constexpr int64_t kStagingSlack = 64;

// Kernels that work plane by plane stage one band of output rows at a time
// into a buffer on the stack: 64 kB, a padded plane of 112 x 112 in one piece
// and well inside the L2 cache.
inline constexpr int64_t kBandFloats = 16384;
inline constexpr int64_t kMaxBandTaps = 1024;

// The window restricted to output rows [begin, end).
inline PlaneWindow BandWindow(PlaneWindow w, int64_t begin, int64_t end) {
  w.pad_top -= begin * w.stride_h;
  w.out_h = end - begin;
  return w;
}

// At least one output row's input fits the buffer.
inline bool FitsBand(const PlaneWindow& w) {
  return w.taps() <= kMaxBandTaps &&
         StagedPlane(BandWindow(w, 0, 1)).floats() <= kBandFloats;
}

}  // namespace squint

#endif  // SQUINT_KERNELS_CONV_WINDOW_H_
