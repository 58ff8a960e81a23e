#include "squint/ops/resize_axes.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "squint/base/error.h"
#include "squint/ops/op.h"

namespace squint {

namespace {

bool IsUpsample(const Node& node) { return node.op_type == "Upsample"; }
}  // namespace

size_t ResizeScalesInput(const Node& node) { return IsUpsample(node) ? 1 : 2; }
std::vector<int64_t> ResizedAxes(const Node& node, int rank) {
  std::vector<int64_t> axes = node.Ints("axes");
  if (axes.empty()) {
    for (int axis = 0; axis < rank; ++axis) axes.push_back(axis);
  }
  for (int64_t& axis : axes) axis = NormalizeAxis(axis, rank);
  return axes;
}

namespace {

// Sizes that a float32 position can tell apart to some degree.
constexpr int64_t kLargestSize = int64_t{1} << 31;

void RequireSize(bool possible, const Dim& from, const Dim& to) {
  if (possible) return;
  Fail(ErrorCode::kInvalidModel, "an axis of {} cannot become {}",
       from.ToString(), to.ToString());
}

// floor(dim * scale) in float32, as ONNX Runtime does it.
Dim ScaledSize(const Dim& dim, float scale) {
  if (!(scale < static_cast<float>(kLargestSize))) {
    Fail(ErrorCode::kInvalidModel, "scale {} is too large", scale);
  }
  if (dim.value()) {
    const float size = static_cast<float>(*dim.value()) * scale;
    RequireSize(size < static_cast<float>(kLargestSize), dim, Dim::Unknown());
    return static_cast<int64_t>(size);
  }
  if (scale == std::floor(scale)) return dim * Dim(static_cast<int64_t>(scale));
  const float inverse = 1.0f / scale;
  return inverse < static_cast<float>(kLargestSize) &&
                 inverse == std::floor(inverse)
             ? FloorDiv(dim, Dim(static_cast<int64_t>(inverse)))
             : Dim::Unknown();
}

void RequireCount(size_t got, size_t axes) {
  if (got != axes) {
    Fail(ErrorCode::kInvalidModel, "{} scales or sizes for {} axes", got, axes);
  }
}

}  // namespace

std::vector<AxisScale> ResizeByScales(const Node& node, const Shape& in,
                                      const std::vector<float>& scales) {
  std::vector<AxisScale> out;
  for (const Dim& dim : in.dims()) out.push_back({dim, 1.0f});
  const std::vector<int64_t> axes = ResizedAxes(node, in.rank());
  RequireCount(scales.size(), axes.size());
  for (size_t i = 0; i < axes.size(); ++i) {
    if (!(scales[i] > 0)) {
      Fail(ErrorCode::kInvalidModel, "scale {} is not positive", scales[i]);
    }
    AxisScale& axis = out[static_cast<size_t>(axes[i])];
    axis = {ScaledSize(axis.size, scales[i]), scales[i]};
  }
  return out;
}

namespace {

// keep_aspect_ratio_policy: one factor for all axes, so that no axis becomes
// larger (or none smaller) than asked.
void KeepAspectRatio(const std::string& policy, const Shape& in,
                     const std::vector<int64_t>& axes,
                     std::vector<AxisScale>& out) {
  float factor = 0;
  for (size_t i = 0; i < axes.size(); ++i) {
    const auto at = static_cast<size_t>(axes[i]);
    if (!out[at].size.value() || !in.dims()[at].value()) {
      for (const int64_t axis : axes) {
        out[static_cast<size_t>(axis)].size = Dim::Unknown();
      }
      return;
    }
    const float own = out[at].scale;
    const bool smaller = policy == "not_larger";
    if (i == 0 || (smaller ? own < factor : own > factor)) factor = own;
  }
  for (const int64_t axis : axes) {
    const auto at = static_cast<size_t>(axis);
    const auto dim = static_cast<float>(*in.dims()[at].value());
    out[at] = {static_cast<int64_t>(std::floor(factor * dim + 0.5f)), factor};
  }
}

}  // namespace

std::vector<AxisScale> ResizeToSizes(const Node& node, const Shape& in,
                                     const DimList& sizes) {
  std::vector<AxisScale> out;
  for (const Dim& dim : in.dims()) out.push_back({dim, 1.0f});
  const std::vector<int64_t> axes = ResizedAxes(node, in.rank());
  RequireCount(sizes.size(), axes.size());
  for (size_t i = 0; i < axes.size(); ++i) {
    AxisScale& axis = out[static_cast<size_t>(axes[i])];
    if (sizes[i].value() && axis.size.value() && *axis.size.value() > 0) {
      axis.scale = static_cast<float>(*sizes[i].value()) /
                   static_cast<float>(*axis.size.value());
    }
    const Dim from = std::exchange(axis.size, sizes[i]);
    const int64_t to = sizes[i].value().value_or(1);
    RequireSize(to >= 0 && to < kLargestSize && (to == 0 || !from.is(0)), from,
                sizes[i]);
  }
  const std::string policy = node.String("keep_aspect_ratio_policy", "stretch");
  if (policy != "stretch") KeepAspectRatio(policy, in, axes, out);
  return out;
}

bool IsUnchanged(const Sampling& s, const AxisScale& axis, int64_t in) {
  if (s.coordinates == "tf_crop_and_resize" &&
      (axis.roi_start != 0.0f || axis.roi_end != 1.0f)) {
    return false;
  }
  return axis.size.is(in) &&
         (axis.scale == 1.0f || s.coordinates == "align_corners");
}

namespace {

void RequireElements(int64_t in, int64_t out) {
  if (in == 0 && out > 0) {
    Fail(ErrorCode::kInvalidModel, "an empty axis cannot become {} long", out);
  }
}

}  // namespace

AxisMaps NearestMaps(const Dims& x, const Sampling& s,
                     const std::vector<AxisScale>& axes) {
  AxisMaps maps = IdentityMaps(x);
  for (size_t k = 0; k < axes.size(); ++k) {
    const int64_t in = x[k];
    if (IsUnchanged(s, axes[k], in)) continue;
    const int64_t out = *axes[k].size.value();
    RequireElements(in, out);
    std::vector<int64_t> map;
    for (int64_t i = 0; i < out; ++i) {
      const float position = SamplePosition(s, i, in, axes[k]);
      const int64_t from = NearestElement(s, position, in);
      map.push_back(IsExtrapolated(s, position, in)
                        ? kFill
                        : maps[k][static_cast<size_t>(from)]);
    }
    maps[k] = std::move(map);
  }
  return maps;
}

std::vector<Taps> ResizeTaps(const Sampling& s, const AxisScale& axis,
                             int64_t in) {
  const int64_t out = *axis.size.value();
  RequireElements(in, out);
  std::vector<Taps> taps;
  for (int64_t i = 0; i < out; ++i) {
    const float position = SamplePosition(s, i, in, axis);
    taps.push_back(IsExtrapolated(s, position, in)
                       ? Taps{}
                       : KernelTaps(s, position, in, axis.scale));
  }
  return taps;
}

}  // namespace squint
