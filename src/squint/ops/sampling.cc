#include "squint/ops/sampling.h"

#include <algorithm>
#include <cmath>

#include "squint/base/error.h"

namespace squint {
namespace {

// The size that align_corners goes by. Where a scale makes no whole number of
// elements, it is that number and not the size cut down from it.
float ResizedLength(const AxisScale& axis, float in) {
  const auto out = static_cast<float>(*axis.size.value());
  const float exact = axis.scale * in;
  return std::fabs(exact - out) <= 1e-5f * out ? out : exact;
}

double LinearWeight(double d, double) { return std::max(0.0, 1 - d); }

// Keys' kernel with parameter a (-0.5, -0.75).
double CubicWeight(double d, double a) {
  if (d >= 2) return 0;
  return d <= 1 ? ((a + 2) * d - (a + 3)) * d * d + 1
                : ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
}

float Nearest(const std::string& mode, float position) {
  if (mode == "round_prefer_floor") return std::ceil(position - 0.5f);
  if (mode == "round_prefer_ceil") return std::floor(position + 0.5f);
  if (mode == "floor") return std::floor(position);
  if (mode == "ceil") return std::ceil(position);
  Fail(ErrorCode::kInvalidModel, "nearest_mode '{}'", mode);
}

}  // namespace

Sampling ReadSampling(const Node& node) {
  const bool old = node.op_type == "Upsample";
  Sampling s;
  s.mode = node.String("mode", "nearest");
  s.coordinates = node.String("coordinate_transformation_mode",
                              old ? "asymmetric" : "half_pixel");
  s.nearest = node.String("nearest_mode", old ? "floor" : "round_prefer_floor");
  s.cubic = static_cast<double>(node.Float("cubic_coeff_a", -0.75f));
  s.exclude_outside = node.Int("exclude_outside", 0) != 0;
  s.antialias = node.Int("antialias", 0) != 0;
  s.extrapolation = node.Float("extrapolation_value", 0.0f);
  if (s.mode != "nearest" && s.mode != "linear" && s.mode != "cubic") {
    Fail(ErrorCode::kInvalidModel, "mode '{}'", s.mode);
  }
  return s;
}

bool ResizeOnlyMoves(const Node& node) {
  return node.String("mode", "nearest") == "nearest" &&
         node.String("coordinate_transformation_mode", "half_pixel") !=
             "tf_crop_and_resize";
}

float SamplePosition(const Sampling& sampling, int64_t i, int64_t in,
                     const AxisScale& axis) {
  const std::string& mode = sampling.coordinates;
  const auto x = static_cast<float>(i);
  const auto size = static_cast<float>(in);
  const auto out = static_cast<float>(*axis.size.value());
  const float half_pixel = (x + 0.5f) / axis.scale - 0.5f;
  if (mode == "half_pixel") return half_pixel;
  if (mode == "asymmetric") return x / axis.scale;
  if (mode == "pytorch_half_pixel") return out > 1 ? half_pixel : 0.0f;
  if (mode == "align_corners") {
    const float resized = ResizedLength(axis, size);
    return resized == 1 ? 0.0f : x * (size - 1) / (resized - 1);
  }
  if (mode == "tf_crop_and_resize") {
    const float last = size - 1;
    return out > 1 ? axis.roi_start * last +
                         x * (axis.roi_end - axis.roi_start) * last / (out - 1)
                   : 0.5f * (axis.roi_start + axis.roi_end) * last;
  }
  if (mode == "half_pixel_symmetric") {
    // The result was cut to whole elements: what is lost is lost evenly.
    const float kept = out / (axis.scale * size);
    return size / 2 * (1 - kept) + half_pixel;
  }
  Fail(ErrorCode::kUnsupported, "coordinate_transformation_mode '{}'", mode);
}

bool IsExtrapolated(const Sampling& s, float position, int64_t in) {
  return s.coordinates == "tf_crop_and_resize" &&
         (position < 0 || position > static_cast<float>(in - 1));
}

int64_t NearestElement(const Sampling& sampling, float position, int64_t in) {
  const float index = Nearest(sampling.nearest, position);
  return static_cast<int64_t>(
      std::clamp(index, 0.0f, static_cast<float>(in - 1)));
}

Taps KernelTaps(const Sampling& s, float position, int64_t in, float scale) {
  const bool linear = s.mode == "linear";
  const double stretch =
      s.antialias ? std::min(static_cast<double>(scale), 1.0) : 1.0;
  const double radius = (linear ? 1.0 : 2.0) / stretch;
  const auto x = static_cast<double>(position);
  Taps taps;
  double sum = 0;
  for (auto i = static_cast<int64_t>(std::ceil(x - radius));
       static_cast<double>(i) <= x + radius; ++i) {
    if (s.exclude_outside && (i < 0 || i >= in)) continue;
    const double distance = std::fabs(static_cast<double>(i) - x) * stretch;
    const double weight =
        (linear ? LinearWeight : CubicWeight)(distance, s.cubic);
    taps.index.push_back(std::clamp<int64_t>(i, 0, in - 1));
    taps.weight.push_back(weight);
    sum += weight;
  }
  if (s.exclude_outside || s.antialias) {
    for (double& weight : taps.weight) weight /= sum;
  }
  return taps;
}

}  // namespace squint
