// Steps of Resize: elements chosen by tables, or sums along one axis after the
// other.
#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "squint/kernels/copy/mapped_copy.h"
#include "squint/kernels/interpolate/interpolate.h"
#include "squint/ops/prepare.h"
#include "squint/ops/resize_axes.h"

namespace squint {
namespace {

class NearestStep : public Step {
 public:
  explicit NearestStep(MappedCopy plan) : plan_(std::move(plan)) {}
  void Run(const StepArgs& args) const override {
    CopyMapped(plan_, args.inputs[0], args.outputs[0], args.pool);
  }

 private:
  MappedCopy plan_;
};

// Where scales or sizes are constant, or sizes are what they say.
std::optional<std::vector<AxisScale>> KnownScales(
    const PrepareContext& context) {
  const Node& node = context.node;
  const Shape in = Shape::Of(context.input_dims[0]);
  if (context.has(kResizeSizesInput) &&
      ElementCount(context.input_dims[kResizeSizesInput]) > 0) {
    if (node.String("keep_aspect_ratio_policy", "stretch") != "stretch") {
      return std::nullopt;
    }
    DimList sizes;
    for (const int64_t axis : ResizedAxes(node, in.rank())) {
      sizes.emplace_back(context.output_dims[0][static_cast<size_t>(axis)]);
    }
    return ResizeToSizes(node, in, sizes);
  }
  const size_t scales = ResizeScalesInput(node);
  if (!context.has(scales) || context.constants[scales] == nullptr ||
      context.constants[scales]->size() == 0) {
    return std::nullopt;
  }
  return ResizeByScales(node, in, context.constants[scales]->ToFloats());
}

std::unique_ptr<Step> PrepareNearest(const PrepareContext& context,
                                     const Sampling& sampling,
                                     const std::vector<AxisScale>& axes) {
  const Dims& x = context.input_dims[0];
  const int bits = BitsOf(context.input_dtypes[0]);
  if (bits < 8 || bits % 8 != 0) return nullptr;
  AxisMaps maps = NearestMaps(x, sampling, axes);
  MappedCopy plan;
  plan.bytes = static_cast<size_t>(bits) / 8;
  // Axes that stay as they are move as one with what lies behind.
  const AxisMaps same = IdentityMaps(x);
  size_t rank = x.size();
  for (; rank > 1 && maps[rank - 1] == same[rank - 1]; --rank) {
    plan.bytes *= static_cast<size_t>(x[rank - 1]);
  }
  for (auto& map : maps) {
    for (int64_t& place : map) place *= bits / 8;
  }
  plan.last = std::move(maps[rank - 1]);
  maps.resize(rank - 1);
  plan.outer = std::move(maps);
  return std::make_unique<NearestStep>(std::move(plan));
}

// One axis after the other, the results between them in two halves of scratch.
class InterpolateStep : public Step {
 public:
  struct Axis {
    AxisTaps taps;
    int64_t outer;
    int64_t inner;

    int64_t results() const { return outer * taps.out() * inner; }
  };

  explicit InterpolateStep(std::vector<Axis> axes) : axes_(std::move(axes)) {
    for (size_t i = 0; i + 1 < axes_.size(); ++i) {
      half_ = std::max(half_, axes_[i].results());
    }
  }
  void Run(const StepArgs& args) const override {
    const auto* from = static_cast<const float*>(args.inputs[0]);
    auto* scratch = static_cast<float*>(args.scratch);
    for (size_t i = 0; i < axes_.size(); ++i) {
      const Axis& axis = axes_[i];
      auto* to = i + 1 == axes_.size()
                     ? static_cast<float*>(args.outputs[0])
                     : scratch + static_cast<int64_t>(i % 2) * half_;
      InterpolateAxis(axis.taps, axis.outer, axis.inner, from, to, args.pool);
      from = to;
    }
  }
  size_t scratch_bytes() const override {
    const size_t halves = std::min<size_t>(2, axes_.size() - 1);
    return halves * static_cast<size_t>(half_) * sizeof(float);
  }

 private:
  std::vector<Axis> axes_;
  int64_t half_ = 0;
};

AxisTaps TapsInFloat(const Sampling& s, const AxisScale& axis, int64_t in) {
  const std::vector<Taps> taps = ResizeTaps(s, axis, in);
  AxisTaps result{.in = in, .taps = 1, .index = {}, .weight = {}};
  for (const Taps& tap : taps) {
    result.taps = std::max(result.taps, static_cast<int64_t>(tap.index.size()));
  }
  for (const Taps& tap : taps) {
    for (size_t t = 0; t < static_cast<size_t>(result.taps); ++t) {
      const bool is_used = t < tap.index.size();
      result.index.push_back(is_used ? tap.index[t] : tap.index.back());
      result.weight.push_back(is_used ? static_cast<float>(tap.weight[t])
                                      : 0.0F);
    }
  }
  return result;
}

std::unique_ptr<Step> PrepareInterpolation(const PrepareContext& context,
                                           const Sampling& sampling,
                                           const std::vector<AxisScale>& axes) {
  if (context.input_dtypes[0] != DType::kFloat32 ||
      sampling.coordinates == "tf_crop_and_resize") {
    return nullptr;
  }
  Dims dims = context.input_dims[0];
  std::vector<InterpolateStep::Axis> steps;
  for (size_t k = 0; k < axes.size(); ++k) {
    if (IsUnchanged(sampling, axes[k], dims[k])) continue;
    const int64_t inner = StridesOf(dims)[k];
    const int64_t outer = ElementCount(dims) / (inner * dims[k]);
    steps.push_back({TapsInFloat(sampling, axes[k], dims[k]), outer, inner});
    dims[k] = steps.back().taps.out();
  }
  if (steps.empty()) return nullptr;
  return std::make_unique<InterpolateStep>(std::move(steps));
}

}  // namespace

std::unique_ptr<Step> PrepareResize(const PrepareContext& context) {
  const Dims& x = context.input_dims[0];
  if (x.empty() || ElementCount(x) == 0 ||
      ElementCount(context.output_dims[0]) == 0) {
    return nullptr;
  }
  const auto axes = KnownScales(context);
  if (!axes) return nullptr;
  const Sampling sampling = ReadSampling(context.node);
  if (ResizeOnlyMoves(context.node)) {
    return PrepareNearest(context, sampling, *axes);
  }
  return sampling.mode == "nearest"
             ? nullptr
             : PrepareInterpolation(context, sampling, *axes);
}

}  // namespace squint
