// Repeating elements: Expand (broadcasting written out) and Tile.
#include "squint/ops/broadcast.h"
#include "squint/ops/dim_content.h"
#include "squint/ops/layout.h"
#include "squint/ops/op.h"
#include "squint/ops/prepare.h"
#include "squint/ops/quant_rules.h"

namespace squint {
namespace {

// Of rank `rank` or known only to be so.
Shape OfLength(const Shape& list, int at_least) {
  if (!list.has_rank() || list.rank() != 1 || !list[0].value()) return {};
  return UnknownDims(std::max<int64_t>(*list[0].value(), at_least));
}

void InferExpand(InferContext& context) {
  const Shape& in = context.shape(0);
  const DimTensor* wanted = context.dim_tensor(1);
  Shape out;
  if (in.has_rank() && wanted != nullptr) {
    const auto joint = BroadcastShapes(in, Shape(wanted->elements));
    if (!joint) {
      Fail(ErrorCode::kInvalidModel, "cannot expand {} to {}", in.ToString(),
           Shape(wanted->elements).ToString());
    }
    out = *joint;
  } else if (in.has_rank()) {
    out = OfLength(context.shape(1), in.rank());
  }
  context.SetOutput(0, context.dtype(0), out);
}

// The maps that repeat a tensor of dims `in` over `out`.
AxisMaps RepeatingMaps(const Dims& in, const Dims& out) {
  const Dims strides = BroadcastStrides(in, out);
  AxisMaps maps(out.size());
  for (size_t axis = 0; axis < out.size(); ++axis) {
    for (int64_t i = 0; i < out[axis]; ++i) {
      maps[axis].push_back(i * strides[axis]);
    }
  }
  return maps;
}

void RunExpand(RunContext& context) {
  const Tensor& x = context.in(0);
  const Dims out = BroadcastDims(x.dims(), context.in(1).ToInts());
  if (ElementCount(out) == 0) {
    context.outputs[0] = Tensor(x.dtype(), out);
    return;
  }
  context.outputs[0] = CopyByMaps(x, RepeatingMaps(x.dims(), out));
}

void InferTile(InferContext& context) {
  const Shape& in = context.shape(0);
  const DimTensor* repeats = context.dim_tensor(1);
  if (!in.has_rank()) return context.SetOutput(0, context.dtype(0), {});
  DimList dims(in.dims().size(), Dim::Unknown());
  if (repeats != nullptr) {
    if (repeats->elements.size() != dims.size()) {
      Fail(ErrorCode::kInvalidModel, "{} repeats for {}",
           repeats->elements.size(), in.ToString());
    }
    for (size_t i = 0; i < dims.size(); ++i) {
      if (repeats->elements[i].value().value_or(0) < 0) {
        Fail(ErrorCode::kInvalidModel, "axis {} is repeated {} times", i,
             repeats->elements[i].ToString());
      }
      dims[i] = in.dims()[i] * repeats->elements[i];
    }
  }
  context.SetOutput(0, context.dtype(0), Shape(std::move(dims)));
}

void RunTile(RunContext& context) {
  const Tensor& x = context.in(0);
  const std::vector<int64_t> repeats = context.in(1).ToInts();
  if (repeats.size() != x.dims().size()) {
    Fail(ErrorCode::kInvalidModel, "{} repeats for {}", repeats.size(),
         DimsToString(x.dims()));
  }
  // Without elements, another axis may be repeated any number of times.
  Dims dims = x.dims();
  for (size_t i = 0; i < dims.size(); ++i) {
    if (__builtin_mul_overflow(dims[i], repeats[i], &dims[i])) {
      Fail(ErrorCode::kInvalidModel, "axis {} is repeated {} times", i,
           repeats[i]);
    }
  }
  if (ElementCount(dims) == 0) {
    context.outputs[0] = Tensor(x.dtype(), dims);
    return;
  }
  AxisMaps maps = IdentityMaps(x.dims());
  for (size_t axis = 0; axis < maps.size(); ++axis) {
    const std::vector<int64_t> once = maps[axis];
    if (once.empty()) continue;
    maps[axis].clear();
    for (int64_t k = 0; k < repeats[axis]; ++k) {
      maps[axis].insert(maps[axis].end(), once.begin(), once.end());
    }
  }
  context.outputs[0] = CopyByMaps(x, maps);
}

}  // namespace

extern constinit const OpDef kExpandOp = {
    .type = "Expand",
    .since = 8,
    .infer = InferExpand,
    .reference = RunExpand,
    .integer_reference = IntegerMovement<RunExpand>,
    .quantize = MovementRule,
    .prepare = PrepareExpand,
};
extern constinit const OpDef kTileOp = {
    .type = "Tile",
    .since = 6,
    .infer = InferTile,
    .reference = RunTile,
    .integer_reference = IntegerMovement<RunTile>,
    .quantize = MovementRule,
};

}  // namespace squint
