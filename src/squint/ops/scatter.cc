// Writing elements by index: ScatterND writes slices, ScatterElements (and
// Scatter, its name until opset 10) single elements, TensorScatter rows of a
// cache. What is not written is copied. Duplicate indices are written in
// order, so that the last one stays, or are reduced into the data.
#include <algorithm>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "squint/ops/element_types.h"
#include "squint/ops/index.h"
#include "squint/ops/op.h"
#include "squint/ops/quant_rules.h"

namespace squint {
namespace {

// ---- what all have in common

enum class Reduction : uint8_t { kNone, kAdd, kMul, kMin, kMax };

Reduction ReductionOf(const Node& node) {
  const std::string name = node.String("reduction", "none");
  if (name == "none") return Reduction::kNone;
  if (name == "add") return Reduction::kAdd;
  if (name == "mul") return Reduction::kMul;
  if (name == "min") return Reduction::kMin;
  if (name == "max") return Reduction::kMax;
  Fail(ErrorCode::kInvalidModel,
       "reduction is '{}', expected none, add, mul, min or max", name);
}

template <typename T>
T Reduce(Reduction reduction, T old, T update) {
  switch (reduction) {
    case Reduction::kAdd:
      return WrapAdd(old, update);
    case Reduction::kMul:
      return WrapMul(old, update);
    case Reduction::kMin:
      return std::min(old, update);
    case Reduction::kMax:
      return std::max(old, update);
    default:
      return update;
  }
}

size_t ElementBytes(DType dtype) {
  if (BitsOf(dtype) < 8) {
    Fail(ErrorCode::kUnsupported, "cannot scatter {} elements",
         DTypeName(dtype));
  }
  return BytesOf(dtype, 1);
}

void RequireSameType(const Tensor& data, const Tensor& updates) {
  if (data.dtype() != updates.dtype()) {
    Fail(ErrorCode::kInvalidModel, "data are {}, updates {}",
         DTypeName(data.dtype()), DTypeName(updates.dtype()));
  }
}

// Slice i of `updates` replaces `size` elements from offsets[i] on.
Tensor Overwrite(const Tensor& data, const Tensor& updates,
                 const IndexedSlices& slices) {
  const size_t element = ElementBytes(data.dtype());
  const size_t bytes = static_cast<size_t>(slices.size) * element;
  Tensor out = data.Clone();
  std::byte* to = out.mutable_raw();
  for (size_t i = 0; i < slices.offsets.size() && bytes > 0; ++i) {
    std::memcpy(to + static_cast<size_t>(slices.offsets[i]) * element,
                updates.raw() + i * bytes, bytes);
  }
  return out;
}

Tensor Accumulate(const Tensor& data, const Tensor& updates,
                  const IndexedSlices& slices, Reduction reduction) {
  Tensor out = InComputeType(data).Clone();
  const Tensor from = InComputeType(updates);
  WithArithmeticType(out.dtype(), [&](auto type) {
    using T = decltype(type);
    T* to = out.mutable_data<T>();
    const T* update = from.data<T>();
    for (const int64_t offset : slices.offsets) {
      for (int64_t k = offset; k < offset + slices.size; ++k) {
        to[k] = Reduce(reduction, to[k], *update++);
      }
    }
  });
  return FromComputeType(std::move(out), data.dtype());
}

Tensor Scattered(const RunContext& context, const IndexedSlices& slices) {
  const Tensor& data = context.in(0);
  const Tensor& updates = context.in(2);
  RequireSameType(data, updates);
  const Reduction reduction = ReductionOf(context.node);
  return reduction == Reduction::kNone
             ? Overwrite(data, updates, slices)
             : Accumulate(data, updates, slices, reduction);
}

void InferLikeData(InferContext& context) { context.SameAsInput(); }

// Data and updates (input `updates`) are moved as they are when both share
// the parameters of the result.
template <size_t kUpdates>
QuantSpec WriteRule(const QuantizeQuery& query) {
  if (ReductionOf(query.node) != Reduction::kNone) {
    return QuantSpec::Float("reduces any number of updates into one element");
  }
  QuantSpec spec = MovementRule(query);
  if (!spec.reason.empty() || spec.inputs.size() <= kUpdates) return spec;
  spec.inputs[kUpdates].role = Role::kActivation;
  spec.same.emplace_back(static_cast<int>(kUpdates), 0);
  return spec;
}

template <size_t kUpdates, void (*kReference)(RunContext&)>
void RunWriteInteger(RunContext& context) {
  const QuantParams* updates = context.input_quant[kUpdates];
  const bool same = updates != nullptr && SameParamsThroughout(context) &&
                    *updates == *context.input_quant[0];
  same ? kReference(context) : RunDequantized(context, kReference);
}

// ---- ScatterND

void InferScatterNd(InferContext& context) {
  SlicesShape(context.shape(0), context.shape(1), 0);
  context.SameAsInput();
}

void RunScatterNd(RunContext& context) {
  const Tensor& data = context.in(0);
  const Tensor& indices = context.in(1);
  const Shape expected =
      SlicesShape(Shape::Of(data.dims()), Shape::Of(indices.dims()), 0);
  if (!(expected == Shape::Of(context.in(2).dims()))) {
    Fail(ErrorCode::kInvalidModel,
         "updates are {}, expected {} for data {} and indices {}",
         DimsToString(context.in(2).dims()), expected.ToString(),
         DimsToString(data.dims()), DimsToString(indices.dims()));
  }
  context.outputs[0] = Scattered(context, SlicesOf(data.dims(), indices, 0));
}

// ---- ScatterElements

void InferScatterElements(InferContext& context) {
  const Shape& data = context.shape(0);
  if (data.has_rank()) {
    NormalizeAxis(context.node().Int("axis", 0), data.rank());
  }
  InferLikeData(context);
}

void RunScatterElements(RunContext& context) {
  const Tensor& data = context.in(0);
  const Tensor& indices = context.in(1);
  const int axis = NormalizeAxis(context.node.Int("axis", 0), data.rank());
  if (indices.dims() != context.in(2).dims()) {
    Fail(ErrorCode::kInvalidModel, "indices are {} but updates {}",
         DimsToString(indices.dims()), DimsToString(context.in(2).dims()));
  }
  context.outputs[0] =
      Scattered(context, {ElementOffsets(data.dims(), indices, axis), 1});
}

void UpgradeScatter(UpgradeContext& context) {
  context.node().op_type = "ScatterElements";
}

// ---- TensorScatter

struct CacheWrite {
  size_t axis = 0;  // of the sequence
  bool circular = false;
};

CacheWrite ReadCacheWrite(const Node& node, int rank) {
  CacheWrite write;
  const int axis = NormalizeAxis(node.Int("axis", -2), rank);
  if (axis == 0) {
    Fail(ErrorCode::kInvalidModel, "axis {} is that of the batch",
         node.Int("axis", -2));
  }
  write.axis = static_cast<size_t>(axis);
  const std::string mode = node.String("mode", "linear");
  if (mode != "linear" && mode != "circular") {
    Fail(ErrorCode::kInvalidModel, "mode is '{}', expected linear or circular",
         mode);
  }
  write.circular = mode == "circular";
  return write;
}

void InferTensorScatter(InferContext& context) {
  const Shape& cache = context.shape(0);
  if (cache.has_rank()) ReadCacheWrite(context.node(), cache.rank());
  InferLikeData(context);
}

// Update and cache differ in the sequence axis only.
void CheckCacheSizes(const Dims& cache, const Dims& update, size_t axis) {
  Dims same = update;
  if (update.size() == cache.size()) same[axis] = cache[axis];
  if (same != cache || update[axis] > cache[axis]) {
    Fail(ErrorCode::kInvalidModel, "an update {} does not fit into a cache {}",
         DimsToString(update), DimsToString(cache));
  }
}

// Where each sample's update begins; zero unless told.
std::vector<int64_t> WriteStarts(const RunContext& context, int64_t batch) {
  std::vector<int64_t> starts(static_cast<size_t>(batch), 0);
  if (!context.has(2)) return starts;
  if (context.in(2).dims() != Dims{batch}) {
    Fail(ErrorCode::kInvalidModel, "write_indices are {}, expected [{}]",
         DimsToString(context.in(2).dims()), batch);
  }
  return context.in(2).ToInts();
}

void RunTensorScatter(RunContext& context) {
  const Tensor& cache = context.in(0);
  const Tensor& update = context.in(1);
  const CacheWrite write = ReadCacheWrite(context.node, cache.rank());
  RequireSameType(cache, update);
  CheckCacheSizes(cache.dims(), update.dims(), write.axis);
  const std::vector<int64_t> starts = WriteStarts(context, cache.dim(0));
  const int64_t room = cache.dims()[write.axis];
  const int64_t count = update.dims()[write.axis];
  IndexedSlices rows;
  rows.size = StridesOf(cache.dims())[write.axis];
  const int64_t lines =
      ElementCount(std::span(cache.dims()).subspan(0, write.axis));
  for (int64_t line = 0; line < lines; ++line) {
    const int64_t sample = line / (lines / cache.dim(0));
    const int64_t start = starts[static_cast<size_t>(sample)];
    if (start < 0 || (!write.circular && start > room - count)) {
      Fail(ErrorCode::kInvalidModel,
           "write index {} leaves no room for {} rows in a cache of {}", start,
           count, room);
    }
    for (int64_t i = 0; i < count; ++i) {
      const int64_t row = (start % room + i) % room;
      rows.offsets.push_back((line * room + row) * rows.size);
    }
  }
  context.outputs[0] = Overwrite(cache, update, rows);
}

}  // namespace

// Never in an upgraded graph; understood as a file says it.
extern constinit const OpDef kScatterOp = {
    .type = "Scatter",
    .since = 9,
    .infer = InferScatterElements,
    .reference = RunScatterElements,
    .integer_reference = RunWriteInteger<2, RunScatterElements>,
    .quantize = WriteRule<2>,
    .upgrade = UpgradeScatter,
};
extern constinit const OpDef kScatterElementsOp = {
    .type = "ScatterElements",
    .since = 18,
    .infer = InferScatterElements,
    .reference = RunScatterElements,
    .integer_reference = RunWriteInteger<2, RunScatterElements>,
    .quantize = WriteRule<2>,
};
extern constinit const OpDef kScatterNDOp = {
    .type = "ScatterND",
    .since = 18,
    .infer = InferScatterNd,
    .reference = RunScatterNd,
    .integer_reference = RunWriteInteger<2, RunScatterNd>,
    .quantize = WriteRule<2>,
};
extern constinit const OpDef kTensorScatterOp = {
    .type = "TensorScatter",
    .since = 24,
    .infer = InferTensorScatter,
    .reference = RunTensorScatter,
    .integer_reference = RunWriteInteger<1, RunTensorScatter>,
    .quantize = WriteRule<1>,
};

}  // namespace squint
