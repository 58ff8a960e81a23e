#include "squint/kernels/qelementwise/byte_lines.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "squint/base/threads.h"
#include "squint/kernels/elementwise/pieces.h"
#include "squint/kernels/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "squint/kernels/qelementwise/byte_lines.cc"
#include <hwy/foreach_target.h>
// After foreach_target.
#include <hwy/highway.h>

#include "squint/kernels/qgemm/requantize-inl.h"

HWY_BEFORE_NAMESPACE();
namespace squint {
namespace HWY_NAMESPACE {

// Of lines with this slope between lower[i] and upper[i] at x[i].
void InterceptsOf(const float* x, const float* lower, const float* upper,
                  float slope, float* lowest, float* highest) {
  const RealTag d;
  const auto by = hn::Set(d, -slope);
  auto least = hn::Set(d, std::numeric_limits<float>::lowest());
  auto greatest = hn::Set(d, std::numeric_limits<float>::max());
  for (int i = 0; i < kByteTableEntries; i += kIntLanes) {
    const auto at = hn::LoadU(d, x + i);
    least = hn::Max(least, hn::MulAdd(by, at, hn::LoadU(d, lower + i)));
    greatest = hn::Min(greatest, hn::MulAdd(by, at, hn::LoadU(d, upper + i)));
  }
  *lowest = hn::GetLane(hn::MaxOfLanes(d, least));
  *highest = hn::GetLane(hn::MinOfLanes(d, greatest));
}

template <typename X>
HWY_INLINE IntVector OnLine(const X* x, RealVector slope, RealVector intercept,
                            const ByteLines& lines) {
  return RoundedBetween(hn::MulAdd(slope, LoadBytes(x, kIntLanes), intercept),
                        lines.low, lines.high);
}

// `width` elements in whole pairs of vectors, of neighbouring channels from c
// on or all of channel c; returns how many.
template <typename X, bool kNeighbours>
HWY_INLINE int64_t OnLines(const ByteLines& lines, int64_t c,
                           const uint8_t* bytes, int64_t width, uint8_t* out) {
  const RealTag d;
  constexpr int64_t kTwo = int64_t{2} * kIntLanes;
  const auto* in = reinterpret_cast<const X*>(bytes);
  const float* slope = lines.slope.data() + c;
  const float* intercept = lines.intercept.data() + c;
  const auto parameters = [&](const float* values, int64_t i) {
    return kNeighbours ? hn::LoadU(d, values + i) : hn::Set(d, *values);
  };
  int64_t i = 0;
  for (; i + kTwo <= width; i += kTwo) {
    const int64_t next = i + kIntLanes;
    StoreTwo(
        OnLine(in + i, parameters(slope, i), parameters(intercept, i), lines),
        OnLine(in + next, parameters(slope, next), parameters(intercept, next),
               lines),
        lines.y_is_signed, out + i);
  }
  return i;
}

// Whole pixels, those of `in` in_stride bytes apart.
void LinesOfPixels(const ByteLines& lines, const uint8_t* tables,
                   const uint8_t* in, int64_t in_stride, int64_t pixels,
                   uint8_t* out) {
  const int64_t width = lines.channels;
  std::vector<uint8_t> others(lines.others.size());
  for (int64_t i = 0; i < pixels; ++i, in += in_stride, out += width) {
    const auto looked_up = [&](int64_t c) {
      return tables[c * kByteTableEntries + in[c]];
    };
    // Before `out` is written, which may be `in`.
    std::ranges::transform(lines.others, others.begin(), looked_up);
    int64_t c = lines.x_is_signed
                    ? OnLines<int8_t, true>(lines, 0, in, width, out)
                    : OnLines<uint8_t, true>(lines, 0, in, width, out);
    for (; c < width; ++c) out[c] = looked_up(c);
    for (size_t k = 0; k < others.size(); ++k) {
      out[lines.others[k]] = others[k];
    }
  }
}

// Elements of channel c.
void LinesOfChannel(const ByteLines& lines, const uint8_t* tables, int64_t c,
                    const uint8_t* in, int64_t count, uint8_t* out) {
  int64_t i = 0;
  if (!std::ranges::binary_search(lines.others, c)) {
    i = lines.x_is_signed ? OnLines<int8_t, false>(lines, c, in, count, out)
                          : OnLines<uint8_t, false>(lines, c, in, count, out);
  }
  for (; i < count; ++i) out[i] = tables[c * kByteTableEntries + in[i]];
}

}  // namespace HWY_NAMESPACE
}  // namespace squint
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace squint {
namespace {

HWY_EXPORT(InterceptsOf);
HWY_EXPORT(LinesOfPixels);
HWY_EXPORT(LinesOfChannel);

// Where a line must run to give a table's entries.
struct LineBounds {
  float x[kByteTableEntries];
  float lower[kByteTableEntries];
  float upper[kByteTableEntries];
};

// Of intercepts that go with a slope: least and greatest.
struct Intercepts {
  float least = 0;
  float greatest = 0;
  float margin() const { return (greatest - least) / 2; }
};

Intercepts Between(const LineBounds& bounds, float slope) {
  Intercepts found;
  HWY_DYNAMIC_DISPATCH(InterceptsOf)
  (bounds.x, bounds.lower, bounds.upper, slope, &found.least, &found.greatest);
  return found;
}

// A table's results in the order of x, as numbers.
struct Results {
  int value[kByteTableEntries];
  int first_x;

  Results(const uint8_t* table, bool x_is_signed, bool y_is_signed)
      : first_x(x_is_signed ? -128 : 0) {
    for (int i = 0; i < kByteTableEntries; ++i) {
      const uint8_t y = table[static_cast<uint8_t>(first_x + i)];
      value[i] = y_is_signed ? static_cast<int8_t>(y) : y;
    }
  }
};

LineBounds BoundsOf(const Results& results, int low, int high) {
  constexpr float kNone = 1e9F;
  LineBounds bounds;
  for (int i = 0; i < kByteTableEntries; ++i) {
    const int y = results.value[i];
    const auto real = static_cast<float>(y);
    bounds.x[i] = static_cast<float>(results.first_x + i);
    bounds.lower[i] = y > low ? real - 0.5F : -kNone;
    bounds.upper[i] = y < high ? real + 0.5F : kNone;
  }
  return bounds;
}

// Slopes to search between: about that of the results inside the ends.
std::pair<float, float> SlopesOf(const Results& results, int low, int high) {
  const auto inside = [&](int y) { return y > low && y < high; };
  int first = 0;
  while (first < kByteTableEntries && !inside(results.value[first])) ++first;
  int last = kByteTableEntries - 1;
  while (last > first && !inside(results.value[last])) --last;
  if (last <= first) return {-256.0F, 256.0F};  // a step
  const auto width = static_cast<float>(last - first);
  const auto rise =
      static_cast<float>(results.value[last] - results.value[first]);
  return {(rise - 1) / width, (rise + 1) / width};
}

struct Line {
  float slope;
  float intercept;
};

// What rounding can do to a product and a sum, and some more.
float Needed(const Line& line) {
  constexpr float kUlps = 4 * 1.2e-7F;
  return 1e-4F +
         kUlps * (std::abs(line.slope) * 256 + std::abs(line.intercept));
}

// How far the borders are is concave in the slope: halves of an interval are
// thrown away until one of its points is good enough.
std::optional<Line> FitLine(const Results& results, int low, int high) {
  constexpr int kSteps = 24;
  const LineBounds bounds = BoundsOf(results, low, high);
  auto [from, to] = SlopesOf(results, low, high);
  Line best = {};
  float margin = std::numeric_limits<float>::lowest();
  const auto see = [&](float slope) {
    const Intercepts found = Between(bounds, slope);
    if (found.margin() > margin) {
      margin = found.margin();
      best = {slope, (found.least + found.greatest) / 2};
    }
    return found.margin();
  };
  see((from + to) / 2);
  for (int i = 0; i < kSteps && margin < 2 * Needed(best); ++i) {
    const float third = (to - from) / 3;
    const bool rises = see(from + third) < see(to - third);
    (rises ? from : to) += rises ? third : -third;
  }
  // Ends that no result passes leave the intercept open.
  if (margin > 1e6F) best = {0, static_cast<float>(results.value[0])};
  return margin >= Needed(best) ? std::optional(best) : std::nullopt;
}

}  // namespace

std::optional<ByteLines> FitByteLines(const uint8_t* tables, int64_t channels,
                                      bool x_is_signed, bool y_is_signed) {
  constexpr int64_t kWorthIt = 8;  // one in so many may be looked up
  const uint8_t flip = y_is_signed ? 0x80 : 0;
  const auto [least, most] = std::minmax_element(
      tables, tables + channels * kByteTableEntries,
      [flip](uint8_t a, uint8_t b) { return (a ^ flip) < (b ^ flip); });
  const auto number = [&](uint8_t y) {
    return y_is_signed ? static_cast<int8_t>(y) : int{y};
  };
  const int low = number(*least);
  const int high = number(*most);
  ByteLines lines;
  lines.x_is_signed = x_is_signed;
  lines.y_is_signed = y_is_signed;
  lines.channels = channels;
  lines.low = static_cast<float>(low);
  lines.high = static_cast<float>(high);
  for (int64_t c = 0; c < channels; ++c) {
    const Results results(tables + c * kByteTableEntries, x_is_signed,
                          y_is_signed);
    const std::optional<Line> line = FitLine(results, low, high);
    if (!line) {
      lines.others.push_back(c);
      const auto others = static_cast<int64_t>(lines.others.size());
      if (others * kWorthIt > channels) return std::nullopt;
    }
    lines.slope.push_back(line ? line->slope : 0);
    lines.intercept.push_back(line ? line->intercept : 0);
  }
  return lines;
}

void ApplyByteLines(const ByteLines& lines, const uint8_t* tables,
                    const void* in, int64_t in_stride, int64_t outer,
                    int64_t inner, void* out, ThreadPool& pool) {
  const auto* from = static_cast<const uint8_t*>(in);
  auto* to = static_cast<uint8_t*>(out);
  if (inner == 1 && lines.channels > 1) {
    const int64_t width = lines.channels;
    pool.ParallelFor(static_cast<size_t>(outer),
                     static_cast<size_t>(std::max<int64_t>(1, kPiece / width)),
                     [&](size_t begin, size_t end) {
                       const auto first = static_cast<int64_t>(begin);
                       HWY_DYNAMIC_DISPATCH(LinesOfPixels)
                       (lines, tables, from + first * in_stride, in_stride,
                        static_cast<int64_t>(end) - first, to + first * width);
                     });
    return;
  }
  const int64_t piece = std::clamp<int64_t>(inner, 1, kPiece);
  const int64_t pieces = (inner + piece - 1) / piece;
  pool.ParallelFor(
      static_cast<size_t>(outer * lines.channels * pieces),
      static_cast<size_t>(std::max<int64_t>(1, kPiece / piece)),
      [&](size_t begin, size_t end) {
        for (auto i = static_cast<int64_t>(begin);
             i < static_cast<int64_t>(end); ++i) {
          const int64_t first = i % pieces * piece;
          const int64_t row = i / pieces;
          const int64_t channel = row % lines.channels;
          HWY_DYNAMIC_DISPATCH(LinesOfChannel)
          (lines, tables, channel,
           from + row / lines.channels * in_stride + channel * inner + first,
           std::min(piece, inner - first), to + row * inner + first);
        }
      });
}

}  // namespace squint
#endif  // HWY_ONCE
