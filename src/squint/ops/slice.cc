// Slice: every step-th element of some axes, forwards or backwards, also
// symbolically (x[:, :seq]).
#include <numeric>

#include "squint/ops/dim_content.h"
#include "squint/ops/layout.h"
#include "squint/ops/op.h"
#include "squint/ops/prepare.h"
#include "squint/ops/quant_rules.h"
#include "squint/tensor/rank.h"

namespace squint {
namespace {

std::vector<int64_t> AllAxes(size_t count) {
  std::vector<int64_t> axes(count);
  std::iota(axes.begin(), axes.end(), 0);
  return axes;
}

// A position in an axis of size `dim`: counted from the end when negative,
// not beyond the end. Exporters write "to the end" as a huge number. An
// offset of one into a symbolic axis is taken to exist.
Dim Position(const Dim& index, const Dim& dim) {
  constexpr int64_t kHuge = INT32_MAX;
  if (index.value()) {
    const int64_t i = *index.value();
    if (i >= kHuge) return dim;
    if (i <= -kHuge) return 0;
    if (i < 0) return i == -1 ? dim + index : Max(dim + index, 0);
    return i <= 1 ? index : MinDim(index, dim);
  }
  return IsNonNegative(index) ? MinDim(index, dim) : Dim::Unknown();
}

Dim SlicedDim(const Dim& dim, const Dim& start, const Dim& end, int64_t step) {
  if (dim.value() && start.value() && end.value()) {
    return ClampSlice(*start.value(), *end.value(), step, *dim.value()).count;
  }
  if (dim.is_unknown()) return dim;
  if (step <= 0) {
    // Only the whole axis, backwards: [::-1].
    const bool whole = start.is(-1) && end.value() && *end.value() < -INT32_MAX;
    return step == -1 && whole ? dim : Dim::Unknown();
  }
  const Dim length = Position(end, dim) - Position(start, dim);
  if (length.value() && *length.value() < 0) return 0;
  return CeilDiv(length, step);
}

struct Bounds {
  const DimTensor* starts;
  const DimTensor* ends;
  std::vector<int64_t> axes;
  std::vector<int64_t> steps;
};

// nullopt when axes or steps are computed.
std::optional<Bounds> ReadBounds(const InferContext& context, size_t count) {
  Bounds bounds{context.dim_tensor(1), context.dim_tensor(2), AllAxes(count),
                std::vector<int64_t>(count, 1)};
  const auto axes = context.ints(3);
  const auto steps = context.ints(4);
  if ((context.has_input(3) && !axes) || (context.has_input(4) && !steps)) {
    return std::nullopt;
  }
  if (axes) bounds.axes = *axes;
  if (steps) bounds.steps = *steps;
  const auto fits = [&](const DimTensor* content) {
    return content == nullptr || content->elements.size() == count;
  };
  if (bounds.axes.size() != count || bounds.steps.size() != count ||
      !fits(bounds.starts) || !fits(bounds.ends)) {
    Fail(ErrorCode::kInvalidModel,
         "starts, ends, axes and steps differ in length");
  }
  return bounds;
}

void SliceContent(InferContext& context, const Bounds& bounds) {
  const DimTensor* content = context.dim_tensor(0);
  if (content == nullptr || content->scalar || bounds.axes.size() != 1 ||
      bounds.starts == nullptr || bounds.ends == nullptr ||
      !bounds.starts->elements[0].value() ||
      !bounds.ends->elements[0].value()) {
    return;
  }
  const SliceRange range = ClampSlice(
      *bounds.starts->elements[0].value(), *bounds.ends->elements[0].value(),
      bounds.steps[0], static_cast<int64_t>(content->elements.size()));
  DimTensor out;
  for (int64_t i = 0; i < range.count; ++i) {
    out.elements.push_back(
        content->elements[static_cast<size_t>(range.begin + i * range.step)]);
  }
  context.SetDimTensor(0, std::move(out));
}

// How many axes are cut: from the contents or at least from the length of
// the starts.
std::optional<size_t> CountOfAxes(const InferContext& context) {
  for (const size_t i : {1, 2, 3}) {
    if (const DimTensor* content = context.dim_tensor(i)) {
      return content->elements.size();
    }
    const Shape& shape = context.shape(i);
    if (shape.has_rank() && shape.rank() == 1 && shape[0].value() &&
        *shape[0].value() <= kMaxRank) {
      return static_cast<size_t>(*shape[0].value());
    }
  }
  return std::nullopt;
}

void InferSlice(InferContext& context) {
  const Shape& in = context.shape(0);
  const auto count = CountOfAxes(context);
  const auto bounds =
      count ? ReadBounds(context, *count) : std::optional<Bounds>();
  if (!in.has_rank() || !bounds) {
    Shape unknown = in.has_rank()
                        ? Shape(DimList(in.dims().size(), Dim::Unknown()))
                        : Shape();
    return context.SetOutput(0, context.dtype(0), std::move(unknown));
  }
  SliceContent(context, *bounds);
  DimList dims = in.dims();
  for (size_t i = 0; i < *count; ++i) {
    Dim& dim =
        dims[static_cast<size_t>(NormalizeAxis(bounds->axes[i], in.rank()))];
    const auto at = [&](const DimTensor* content) {
      return content ? content->elements[i] : Dim::Unknown();
    };
    dim =
        SlicedDim(dim, at(bounds->starts), at(bounds->ends), bounds->steps[i]);
  }
  context.SetOutput(0, context.dtype(0), Shape(std::move(dims)));
}

void RunSlice(RunContext& context) {
  const Tensor& x = context.in(0);
  const std::vector<int64_t> starts = context.in(1).ToInts();
  const std::vector<int64_t> ends = context.in(2).ToInts();
  const std::vector<int64_t> axes =
      context.has(3) ? context.in(3).ToInts() : AllAxes(starts.size());
  const std::vector<int64_t> steps =
      context.has(4) ? context.in(4).ToInts()
                     : std::vector<int64_t>(starts.size(), 1);
  if (ends.size() != starts.size() || axes.size() != starts.size() ||
      steps.size() != starts.size()) {
    Fail(ErrorCode::kInvalidModel,
         "starts, ends, axes and steps differ in length");
  }
  AxisMaps maps = IdentityMaps(x.dims());
  for (size_t i = 0; i < starts.size(); ++i) {
    auto& map = maps[static_cast<size_t>(NormalizeAxis(axes[i], x.rank()))];
    const SliceRange range = ClampSlice(starts[i], ends[i], steps[i],
                                        static_cast<int64_t>(map.size()));
    std::vector<int64_t> kept;
    for (int64_t k = 0; k < range.count; ++k) {
      kept.push_back(map[static_cast<size_t>(range.begin + k * range.step)]);
    }
    map = std::move(kept);
  }
  context.outputs[0] = CopyByMaps(x, maps);
}

void UpgradeSlice(UpgradeContext& context) {
  if (context.from >= 10) return;
  context.AttributeToInput("starts", 1);
  context.AttributeToInput("ends", 2);
  context.AttributeToInput("axes", 3);
}

}  // namespace

extern constinit const OpDef kSliceOp = {
    .type = "Slice",
    .since = 10,
    .infer = InferSlice,
    .reference = RunSlice,
    .integer_reference = IntegerMovement<RunSlice>,
    .quantize = MovementRule,
    .prepare = PrepareSlice,
    .upgrade = UpgradeSlice,
};

}  // namespace squint
