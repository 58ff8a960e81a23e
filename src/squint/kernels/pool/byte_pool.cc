#include "squint/kernels/pool/byte_pool.h"

#include <algorithm>
#include <limits>

#include "squint/base/threads.h"

namespace squint {
namespace {

// Output columns [begin, end) whose tap lies inside the image.
struct Span {
  int64_t begin;
  int64_t end;

  Span(const PlaneWindow& w, int64_t kx) {
    const int64_t first = kx * w.dilation_w - w.pad_left;  // of column 0
    const int64_t stride = w.stride_w;
    begin = first >= 0 ? 0 : (-first + stride - 1) / stride;
    const int64_t room = w.in_w - first;
    end = room <= 0 ? 0 : (room + stride - 1) / stride;
    begin = std::min(begin, w.out_w);
    end = std::clamp(end, begin, w.out_w);
  }
};

// Strides of their own, so that the compiler can make vectors of them.
template <int64_t kStride, typename T>
void MaxRow(const T* in, int64_t count, int64_t stride, T* out) {
  const int64_t step = kStride > 0 ? kStride : stride;
  for (int64_t i = 0; i < count; ++i) {
    out[i] = std::max(out[i], in[i * step]);
  }
}

template <typename T>
void MaxPlane(const PlaneWindow& w, const T* in, T* out) {
  std::fill_n(out, w.out_pixels(), std::numeric_limits<T>::lowest());
  for (int64_t oy = 0; oy < w.out_h; ++oy, out += w.out_w) {
    for (int64_t ky = 0; ky < w.kernel_h; ++ky) {
      const int64_t y = oy * w.stride_h + ky * w.dilation_h - w.pad_top;
      if (y < 0 || y >= w.in_h) continue;
      for (int64_t kx = 0; kx < w.kernel_w; ++kx) {
        const Span span(w, kx);
        const int64_t x =
            span.begin * w.stride_w + kx * w.dilation_w - w.pad_left;
        const T* row = in + y * w.in_w + x;
        const int64_t count = span.end - span.begin;
        if (w.stride_w == 1) {
          MaxRow<1>(row, count, 1, out + span.begin);
        } else if (w.stride_w == 2) {
          MaxRow<2>(row, count, 2, out + span.begin);
        } else {
          MaxRow<0>(row, count, w.stride_w, out + span.begin);
        }
      }
    }
  }
}

}  // namespace

void MaxPoolBytes(const PlaneWindow& window, int64_t planes, bool is_signed,
                  const void* x, void* y, ThreadPool& pool) {
  const int64_t work = window.out_pixels() * window.taps();
  const int64_t grain =
      std::max<int64_t>(1, 32768 / std::max<int64_t>(1, work));
  pool.ParallelFor(static_cast<size_t>(planes), static_cast<size_t>(grain),
                   [&](size_t begin, size_t end) {
                     for (auto i = static_cast<int64_t>(begin);
                          i < static_cast<int64_t>(end); ++i) {
                       const int64_t in = i * window.in_pixels();
                       const int64_t out = i * window.out_pixels();
                       if (is_signed) {
                         MaxPlane(window, static_cast<const int8_t*>(x) + in,
                                  static_cast<int8_t*>(y) + out);
                       } else {
                         MaxPlane(window, static_cast<const uint8_t*>(x) + in,
                                  static_cast<uint8_t*>(y) + out);
                       }
                     }
                   });
}

}  // namespace squint
