// Where the elements of a resized axis lie in the axis they are made from, and
// which of its elements they are made of: Resize, axis by axis.
#ifndef SQUINT_OPS_SAMPLING_H_
#define SQUINT_OPS_SAMPLING_H_

#include <cstdint>
#include <string>
#include <vector>

#include "squint/graph/graph.h"

namespace squint {

// One axis: its result size, the factor that positions are divided by, and
// the part of it that is looked at (tf_crop_and_resize only).
struct AxisScale {
  Dim size;
  float scale = 1.0f;
  float roi_start = 0.0f;
  float roi_end = 1.0f;
};

// The attributes, with the meaning that Upsample had without them.
struct Sampling {
  std::string mode;
  std::string coordinates;
  std::string nearest;
  double cubic = -0.75;
  bool exclude_outside = false;
  bool antialias = false;
  float extrapolation = 0.0f;
};
Sampling ReadSampling(const Node& node);

// A Resize whose results are elements of its input; a fill element is none.
bool ResizeOnlyMoves(const Node& node);

// Where result element i lies in an axis of `in` elements. In float32: at
// the borders between two neighbours rounding decides. The size is known.
float SamplePosition(const Sampling& sampling, int64_t i, int64_t in,
                     const AxisScale& axis);

// The position is outside what tf_crop_and_resize looks at, so that the
// result is the extrapolation value.
bool IsExtrapolated(const Sampling& sampling, float position, int64_t in);

// The element that mode `nearest` takes, in [0, in).
int64_t NearestElement(const Sampling& sampling, float position, int64_t in);

// One result element as a weighted sum of input elements; none: it is the
// extrapolation value.
struct Taps {
  std::vector<int64_t> index;
  std::vector<double> weight;
};
// Elements within the kernel's radius of the position; those beyond an end
// repeat the end. With antialias a kernel is as wide as the result's step.
Taps KernelTaps(const Sampling& sampling, float position, int64_t in,
                float scale);

}  // namespace squint

#endif  // SQUINT_OPS_SAMPLING_H_
