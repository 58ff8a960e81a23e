// Pad: adds (or, with negative numbers, removes) elements at both ends of
// some axes, in modes constant, reflect, edge and wrap.
#include <algorithm>

#include "squint/ops/layout.h"
#include "squint/ops/op.h"
#include "squint/ops/prepare.h"
#include "squint/ops/quant_rules.h"

namespace squint {
namespace {

constexpr int64_t kLimit = int64_t{1} << 31;

struct Padding {
  std::vector<int64_t> begin;  // per axis of the input
  std::vector<int64_t> end;
};

// `pads` is [begin of each axis ..., end of each axis ...] for the named
// axes, all of them when there is no such list.
Padding ReadPadding(const std::vector<int64_t>& pads,
                    const std::optional<std::vector<int64_t>>& axes, int rank) {
  const auto full = static_cast<size_t>(rank);
  const size_t named = axes ? axes->size() : full;
  if (pads.size() != 2 * named) {
    Fail(ErrorCode::kInvalidModel, "{} pads for {} axes", pads.size(), named);
  }
  Padding padding{std::vector<int64_t>(full, 0), std::vector<int64_t>(full, 0)};
  for (const int64_t pad : pads) {
    if (pad <= -kLimit || pad >= kLimit) {
      Fail(ErrorCode::kInvalidModel, "pads has the entry {}, expected {} to {}",
           pad, 1 - kLimit, kLimit - 1);
    }
  }
  for (size_t i = 0; i < named; ++i) {
    const auto axis =
        axes ? static_cast<size_t>(NormalizeAxis((*axes)[i], rank)) : i;
    padding.begin[axis] = pads[i];
    padding.end[axis] = pads[i + named];
  }
  return padding;
}

void InferPad(InferContext& context) {
  const Shape& in = context.shape(0);
  if (!in.has_rank()) return context.SetOutput(0, context.dtype(0), {});
  const auto pads = context.ints(1);
  const auto axes = context.ints(3);
  DimList dims(in.dims().size(), Dim::Unknown());
  if (pads && (axes || !context.has_input(3))) {
    const Padding padding = ReadPadding(*pads, axes, in.rank());
    for (size_t i = 0; i < dims.size(); ++i) {
      dims[i] = in.dims()[i] + Dim(padding.begin[i]) + Dim(padding.end[i]);
      if (dims[i].value() && *dims[i].value() < 0) {
        Fail(ErrorCode::kInvalidModel, "pads remove more of axis {} than {}", i,
             in.dims()[i].ToString());
      }
    }
  }
  context.SetOutput(0, context.dtype(0), Shape(std::move(dims)));
}

int64_t Modulo(int64_t a, int64_t b) { return ((a % b) + b) % b; }

// The input index that position `i` (negative before the start) shows.
int64_t SourceIndex(const std::string& mode, int64_t i, int64_t dim) {
  if (i >= 0 && i < dim) return i;
  if (mode == "constant") return kFill;
  if (dim == 0) {
    Fail(ErrorCode::kInvalidModel, "mode {} needs a non-empty axis", mode);
  }
  if (mode == "edge") return std::clamp<int64_t>(i, 0, dim - 1);
  if (mode == "wrap") return Modulo(i, dim);
  if (mode == "reflect") {
    // The ends are not repeated: period 2 (dim - 1).
    if (dim == 1) return 0;
    const int64_t phase = Modulo(i, 2 * (dim - 1));
    return std::min(phase, 2 * (dim - 1) - phase);
  }
  Fail(ErrorCode::kInvalidModel, "unknown mode '{}'", mode);
}

Tensor PadTensor(const RunContext& context, const Tensor& x,
                 const Tensor* fill) {
  std::optional<std::vector<int64_t>> axes;
  if (context.has(3)) axes = context.in(3).ToInts();
  const Padding padding = ReadPadding(context.in(1).ToInts(), axes, x.rank());
  const std::string mode = context.node.String("mode", "constant");
  const AxisMaps whole = IdentityMaps(x.dims());
  AxisMaps maps(whole.size());
  for (size_t axis = 0; axis < maps.size(); ++axis) {
    const int64_t dim = x.dims()[axis];
    for (int64_t i = -padding.begin[axis]; i < dim + padding.end[axis]; ++i) {
      const int64_t from = SourceIndex(mode, i, dim);
      maps[axis].push_back(
          from == kFill ? kFill : whole[axis][static_cast<size_t>(from)]);
    }
  }
  return CopyByMaps(x, maps, fill);
}

bool HasFill(const RunContext& context) {
  return context.has(2) && context.in(2).size() > 0;
}

void RunPad(RunContext& context) {
  const Tensor& x = context.in(0);
  const Tensor fill =
      HasFill(context) ? context.in(2).CastTo(x.dtype()) : Tensor();
  context.outputs[0] =
      PadTensor(context, x, HasFill(context) ? &fill : nullptr);
}

// On stored integers the fill is the quantized constant; zero is the zero
// point.
void RunPadInteger(RunContext& context) {
  if (!SameParamsThroughout(context)) return RunDequantized(context, RunPad);
  Tensor fill = Tensor::Scalar<float>(0.0f);
  if (HasFill(context)) {
    const QuantParams* own =
        context.input_quant.size() > 2 ? context.input_quant[2] : nullptr;
    fill = own ? DequantizeTensor(context.in(2), *own) : context.in(2);
  }
  const Tensor stored = QuantizeTensor(fill, *context.input_quant[0]);
  context.outputs[0] = PadTensor(context, context.in(0), &stored);
}

// Filling with a number other than zero may leave the input's range.
QuantSpec PadRule(const QuantizeQuery& query) {
  QuantSpec spec = MovementRule(query);
  if (!spec.reason.empty() || !query.node.has_input(2) ||
      query.node.String("mode", "constant") != "constant") {
    return spec;
  }
  const Tensor* fill = query.graph.ConstantOf(query.node.input(2));
  if (fill == nullptr) {
    return QuantSpec::Float("the value it pads with is computed");
  }
  if (fill->size() > 0 && fill->ToFloats()[0] != 0.0f) spec.same.clear();
  return spec;
}

// Until opset 10 pads and value were attributes; pads is then required.
void UpgradePad(UpgradeContext& context) {
  if (context.from >= 11) return;
  context.AttributeToInput("pads", 1);
  const float value = context.node().Float("value", 0.0f);
  context.node().attributes.erase("value");
  if (value != 0.0f) {
    context.graph.ReplaceInput(
        context.node_id, 2,
        context.graph.AddConstant(fmt::format("{}_value", context.node().name),
                                  Tensor::Scalar<float>(value)));
  }
}

}  // namespace

extern constinit const OpDef kPadOp = {
    .type = "Pad",
    .since = 19,
    .infer = InferPad,
    .reference = RunPad,
    .integer_reference = RunPadInteger,
    .quantize = PadRule,
    .prepare = PreparePad,
    .upgrade = UpgradePad,
};

}  // namespace squint
