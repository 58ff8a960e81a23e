// Resize (and Upsample, its name until opset 9): every axis by itself is
// sampled at positions that the coordinate mode gives, from one (nearest),
// two (linear) or four (cubic) input elements; more with antialias.
#include <algorithm>
#include <cmath>
#include <utility>

#include "squint/ops/element_types.h"
#include "squint/ops/layout.h"
#include "squint/ops/op.h"
#include "squint/ops/prepare.h"
#include "squint/ops/quant_rules.h"
#include "squint/ops/resize_axes.h"
#include "squint/ops/sampling.h"

namespace squint {
namespace {

// ---- sizes

void InferResize(InferContext& context) {
  const Shape& in = context.shape(0);
  if (!in.has_rank()) return context.SetOutput(0, context.dtype(0), {});
  const Node& node = context.node();
  const Tensor* scales = context.constant(ResizeScalesInput(node));
  const DimTensor* sizes = context.dim_tensor(kResizeSizesInput);
  DimList dims(in.dims().size(), Dim::Unknown());
  std::vector<AxisScale> axes;
  if (sizes != nullptr && !sizes->elements.empty()) {
    axes = ResizeToSizes(node, in, sizes->elements);
  } else if (scales != nullptr && scales->size() > 0) {
    axes = ResizeByScales(node, in, scales->ToFloats());
  }
  for (size_t i = 0; i < axes.size(); ++i) dims[i] = axes[i].size;
  context.SetOutput(0, context.dtype(0), Shape(std::move(dims)));
}

// ---- the run

std::vector<AxisScale> ReadSizes(const RunContext& context) {
  const Shape in = Shape::Of(context.in(0).dims());
  if (context.has(kResizeSizesInput) &&
      context.in(kResizeSizesInput).size() > 0) {
    const std::vector<int64_t> sizes = context.in(kResizeSizesInput).ToInts();
    return ResizeToSizes(context.node, in, {sizes.begin(), sizes.end()});
  }
  const size_t scales = ResizeScalesInput(context.node);
  if (!context.has(scales) || context.in(scales).size() == 0) {
    Fail(ErrorCode::kInvalidModel, "has neither scales nor sizes");
  }
  return ResizeByScales(context.node, in, context.in(scales).ToFloats());
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

Tensor Nearest(const Tensor& x, const Sampling& s,
               const std::vector<AxisScale>& axes) {
  const AxisMaps maps = NearestMaps(x.dims(), s, axes);
  const Tensor fill = Tensor::Scalar(s.extrapolation).CastTo(x.dtype());
  return CopyByMaps(x, maps, &fill);
}

// One axis of a float64 tensor seen as [outer, in, inner].
Tensor InterpolateTensor(const Tensor& x, size_t axis,
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
    if (IsUnchanged(sampling, axes[k], x.dims()[k])) continue;
    y = InterpolateTensor(y, k, ResizeTaps(sampling, axes[k], x.dims()[k]),
                          static_cast<double>(sampling.extrapolation));
  }
  context.outputs[0] = y.CastTo(x.dtype());
}

void RunResizeInteger(RunContext& context) {
  if (ResizeOnlyMoves(context.node)) {
    IntegerMovement<RunResize>(context);
  } else {
    RunDequantized(context, RunResize);
  }
}

QuantSpec ResizeRule(const QuantizeQuery& query) {
  return ResizeOnlyMoves(query.node) ? MovementRule(query)
                                     : ActivationRule(query);
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
    .prepare = PrepareResize,
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
