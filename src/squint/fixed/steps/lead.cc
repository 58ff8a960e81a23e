#include "squint/fixed/steps/lead.h"

#include <algorithm>
#include <limits>

namespace squint {
namespace {

constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

// The first of the taps from `start` on that lies inside; kNever: none does.
int64_t FirstInside(int64_t start, int64_t taps, int64_t step, int64_t size) {
  const int64_t skipped = start < 0 ? (-start + step - 1) / step : 0;
  const int64_t first = start + skipped * step;
  return skipped < taps && first < size ? first : kNever;
}

// The first pixel of the input that a pixel of the result reads.
int64_t FirstRead(const squint_window& w, int64_t pixel) {
  const int64_t row = FirstInside(pixel / w.out_w * w.stride_h - w.pad_top,
                                  w.taps_h, w.step_h, w.in_h);
  const int64_t column = FirstInside(pixel % w.out_w * w.stride_w - w.pad_left,
                                     w.taps_w, w.step_w, w.in_w);
  return row == kNever || column == kNever ? kNever : row * w.in_w + column;
}

}  // namespace

int64_t LeadOfWindow(const squint_window& w, int64_t channels,
                     int64_t gathered) {
  const int64_t pixels = int64_t{w.out_h} * w.out_w;
  const int64_t in_size = int64_t{w.in_h} * w.in_w * w.channels;
  const int64_t at_once = std::max<int64_t>(gathered, 1);
  int64_t lead = 0;
  // What is read from a pixel on; of the last image, the next begins behind.
  int64_t later = in_size;
  const auto read = [&](int64_t pixel, int64_t end) {
    for (; pixel < end; ++pixel) {
      const int64_t first = FirstRead(w, pixel);
      if (first != kNever) later = std::min(later, first * w.channels);
    }
  };
  for (int64_t pixel = (pixels - 1) / at_once * at_once; pixel >= 0;
       pixel -= at_once) {
    const int64_t end = std::min(pixel + at_once, pixels);
    if (gathered == 0) read(pixel, end);
    lead = std::max(lead, end * channels - later);
    if (gathered != 0) read(pixel, end);
  }
  const int64_t drift = pixels * channels - in_size;
  return lead + std::max<int64_t>(drift, 0) * (w.images - 1);
}

int64_t LeadOfRows(int64_t rows, int64_t depth, int64_t columns,
                   int64_t together) {
  // From group to group the difference is linear; the last one may be smaller.
  const auto lead = [&](int64_t first, int64_t end) {
    return end * columns - first * depth;
  };
  const int64_t whole = rows - rows % together;
  int64_t most = whole == rows ? 0 : lead(whole, rows);
  if (whole > 0) {
    most = std::max({most, lead(0, together), lead(whole - together, whole)});
  }
  return most;
}

}  // namespace squint
