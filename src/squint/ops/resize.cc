// Resize (and Upsample, its name until opset 9): every axis by itself is
// sampled at positions that the coordinate mode gives, from one (nearest),
// two (linear) or four (cubic) input elements; more with antialias.
#include <algorithm>
#include <cmath>
#include <utility>

#include "squint/ops/element_types.h"
#include "squint/ops/layout.h"
#include "squint/ops/op.h"
#include "squint/ops/quant_rules.h"
#include "squint/ops/sampling.h"

namespace squint {
namespace {

// ---- sizes

bool IsUpsample(const Node& node) { return node.op_type == "Upsample"; }
size_t ScalesInput(const Node& node) { return IsUpsample(node) ? 1 : 2; }
constexpr size_t kSizesInput = 3;

std::vector<int64_t> ResizedAxes(const Node& node, int rank) {
  std::vector<int64_t> axes = node.Ints("axes");
  if (axes.empty()) {
    for (int axis = 0; axis < rank; ++axis) axes.push_back(axis);
  }
  for (int64_t& axis : axes) axis = NormalizeAxis(axis, rank);
  return axes;
}

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

std::vector<AxisScale> FromScales(const Node& node, const Shape& in,
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

std::vector<AxisScale> FromSizes(const Node& node, const Shape& in,
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

void InferResize(InferContext& context) {
  const Shape& in = context.shape(0);
  if (!in.has_rank()) return context.SetOutput(0, context.dtype(0), {});
  const Node& node = context.node();
  const Tensor* scales = context.constant(ScalesInput(node));
  const DimTensor* sizes = context.dim_tensor(kSizesInput);
  DimList dims(in.dims().size(), Dim::Unknown());
  std::vector<AxisScale> axes;
  if (sizes != nullptr && !sizes->elements.empty()) {
    axes = FromSizes(node, in, sizes->elements);
  } else if (scales != nullptr && scales->size() > 0) {
    axes = FromScales(node, in, scales->ToFloats());
  }
  for (size_t i = 0; i < axes.size(); ++i) dims[i] = axes[i].size;
  context.SetOutput(0, context.dtype(0), Shape(std::move(dims)));
}

// ---- the run

std::vector<AxisScale> ReadSizes(const RunContext& context) {
  const Shape in = Shape::Of(context.in(0).dims());
  if (context.has(kSizesInput) && context.in(kSizesInput).size() > 0) {
    const std::vector<int64_t> sizes = context.in(kSizesInput).ToInts();
    return FromSizes(context.node, in, {sizes.begin(), sizes.end()});
  }
  const size_t scales = ScalesInput(context.node);
  if (!context.has(scales) || context.in(scales).size() == 0) {
    Fail(ErrorCode::kInvalidModel, "has neither scales nor sizes");
  }
  return FromScales(context.node, in, context.in(scales).ToFloats());
}

// roi: the starts of all axes, then their ends, as parts of the axis.
std::vector<AxisScale> ReadScales(const RunContext& context,
                                  const Sampling& sampling) {
  std::vector<AxisScale> out = ReadSizes(context);
  if (sampling.coordinates != "tf_crop_and_resize") return out;
  const std::vector<int64_t> axes =
      ResizedAxes(context.node, context.in(0).rank());
  const std::vector<float> roi =
      context.has(1) ? context.in(1).ToFloats() : std::vector<float>();
  if (roi.size() != 2 * axes.size()) {
    Fail(ErrorCode::kInvalidModel, "roi has {} numbers for {} axes", roi.size(),
         axes.size());
  }
  for (size_t i = 0; i < axes.size(); ++i) {
    out[static_cast<size_t>(axes[i])].roi_start = roi[i];
    out[static_cast<size_t>(axes[i])].roi_end = roi[i + axes.size()];
  }
  return out;
}

bool Unchanged(const Sampling& s, const AxisScale& axis, int64_t in) {
  if (s.coordinates == "tf_crop_and_resize" &&
      (axis.roi_start != 0.0f || axis.roi_end != 1.0f)) {
    return false;
  }
  return axis.size.is(in) &&
         (axis.scale == 1.0f || s.coordinates == "align_corners");
}

void RequireElements(int64_t in, int64_t out) {
  if (in == 0 && out > 0) {
    Fail(ErrorCode::kInvalidModel, "an empty axis cannot become {} long", out);
  }
}

Tensor Nearest(const Tensor& x, const Sampling& s,
               const std::vector<AxisScale>& axes) {
  AxisMaps maps = IdentityMaps(x.dims());
  for (size_t k = 0; k < axes.size(); ++k) {
    const int64_t in = x.dims()[k];
    if (Unchanged(s, axes[k], in)) continue;
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
  const Tensor fill = Tensor::Scalar(s.extrapolation).CastTo(x.dtype());
  return CopyByMaps(x, maps, &fill);
}

std::vector<Taps> TapsOf(const Sampling& s, const AxisScale& axis, int64_t in) {
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

// One axis of a float64 tensor seen as [outer, in, inner].
Tensor InterpolateAxis(const Tensor& x, size_t axis,
                       const std::vector<Taps>& taps, double extrapolation) {
  Dims dims = x.dims();
  const int64_t in = dims[axis];
  const int64_t inner = StridesOf(dims)[axis];
  const int64_t outer = x.size() / std::max<int64_t>(in * inner, 1);
  dims[axis] = static_cast<int64_t>(taps.size());
  Tensor y(DType::kFloat64, dims);
  const double* from = x.data<double>();
  double* to = y.mutable_data<double>();
  for (int64_t o = 0; o < outer; ++o) {
    for (const Taps& tap : taps) {
      for (int64_t i = 0; i < inner; ++i) {
        double sum = tap.index.empty() ? extrapolation : 0;
        for (size_t k = 0; k < tap.index.size(); ++k) {
          sum += tap.weight[k] * from[(o * in + tap.index[k]) * inner + i];
        }
        *to++ = sum;
      }
    }
  }
  return y;
}

void RunResize(RunContext& context) {
  const Tensor& x = context.in(0);
  const Sampling sampling = ReadSampling(context.node);
  const std::vector<AxisScale> axes = ReadScales(context, sampling);
  if (sampling.mode == "nearest") {
    context.outputs[0] = Nearest(x, sampling, axes);
    return;
  }
  Tensor y = x.CastTo(DType::kFloat64);
  for (size_t k = 0; k < axes.size(); ++k) {
    if (Unchanged(sampling, axes[k], x.dims()[k])) continue;
    y = InterpolateAxis(y, k, TapsOf(sampling, axes[k], x.dims()[k]),
                        static_cast<double>(sampling.extrapolation));
  }
  context.outputs[0] = y.CastTo(x.dtype());
}

// A fill element is no stored integer.
bool OnlyMoves(const Node& node) {
  return node.String("mode", "nearest") == "nearest" &&
         node.String("coordinate_transformation_mode", "half_pixel") !=
             "tf_crop_and_resize";
}

void RunResizeInteger(RunContext& context) {
  if (OnlyMoves(context.node)) {
    IntegerMovement<RunResize>(context);
  } else {
    RunDequantized(context, RunResize);
  }
}

QuantSpec ResizeRule(const QuantizeQuery& query) {
  return OnlyMoves(query.node) ? MovementRule(query) : ActivationRule(query);
}

// ---- upgrade

void SetOldMeaning(Node& node) {
  node.Set("coordinate_transformation_mode", std::string("asymmetric"));
  node.Set("nearest_mode", std::string("floor"));
}

// Opset 10 had inputs (X, scales). Opset 11 and 12 demanded roi and scales,
// empty where they say nothing.
void UpgradeResize(UpgradeContext& context) {
  Node& node = context.node();
  if (context.from < 11) {
    SetOldMeaning(node);
    node.inputs = {node.input(0), kNoValue, node.input(1)};
    return;
  }
  for (size_t i = 1; i < node.inputs.size(); ++i) {
    const Tensor* input = context.graph.ConstantOf(node.inputs[i]);
    if (input != nullptr && input->size() == 0) node.inputs[i] = kNoValue;
  }
}

// Opset 7: attribute scales; 9: input 1.
void UpgradeUpsample(UpgradeContext& context) {
  Node& node = context.node();
  ValueId scales = node.input(1);
  if (const Attribute* attribute = node.FindAttribute("scales")) {
    const auto* values = std::get_if<std::vector<float>>(attribute);
    if (values == nullptr) {
      Fail(ErrorCode::kInvalidModel, "'scales' is not a list of floats");
    }
    scales = context.graph.AddConstant(
        fmt::format("{}_scales", node.name),
        Tensor::Of<float>({static_cast<int64_t>(values->size())}, *values));
    node.attributes.erase("scales");
  }
  node.op_type = "Resize";
  node.inputs = {node.input(0), kNoValue, scales};
  SetOldMeaning(node);
}

}  // namespace

extern constinit const OpDef kResizeOp = {
    .type = "Resize",
    .since = 19,
    .infer = InferResize,
    .reference = RunResize,
    .integer_reference = RunResizeInteger,
    .quantize = ResizeRule,
    .upgrade = UpgradeResize,
};
// Never in an upgraded graph; understood as a file says it.
extern constinit const OpDef kUpsampleOp = {
    .type = "Upsample",
    .since = 9,
    .infer = InferResize,
    .reference = RunResize,
    .integer_reference = RunResizeInteger,
    .quantize = ResizeRule,
    .upgrade = UpgradeUpsample,
};

}  // namespace squint
