// OneHot: a new axis on which the place that an index names holds one value
// and all others another.
#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include "squint/ops/layout.h"
#include "squint/ops/op.h"
#include "squint/ops/signature.h"

namespace squint {
namespace {

// More elements are taken for a mistake in `depth`, not for a model.
constexpr int64_t kMaxElements = int64_t{1} << 31;

int AxisOf(const Node& node, int rank) {
  return NormalizeAxis(node.Int("axis", -1), rank + 1);
}

void CheckDepth(int64_t depth) {
  if (depth < 0 || depth > kMaxElements) {
    Fail(ErrorCode::kInvalidModel, "depth is {}, expected 0 to {}", depth,
         kMaxElements);
  }
}

// One number of any type.
int64_t ReadDepth(const Tensor& depth) {
  if (depth.size() != 1) {
    Fail(ErrorCode::kInvalidModel, "depth has {} elements, expected one",
         depth.size());
  }
  const int64_t value = depth.CastTo(DType::kInt64).data<int64_t>()[0];
  CheckDepth(value);
  return value;
}

Dim DepthOf(const InferContext& context) {
  if (const Tensor* constant = context.constant(1)) return ReadDepth(*constant);
  const DimTensor* content = context.dim_tensor(1);
  if (content == nullptr || content->elements.size() != 1) {
    return Dim::Unknown();
  }
  if (content->elements[0].value()) CheckDepth(*content->elements[0].value());
  return content->elements[0];
}

void InferOneHot(InferContext& context) {
  const Shape& indices = context.shape(0);
  Shape out;
  if (indices.has_rank()) {
    DimList dims = indices.dims();
    dims.insert(dims.begin() + AxisOf(context.node(), indices.rank()),
                DepthOf(context));
    out = Shape(std::move(dims));
  }
  context.SetOutput(0, context.dtype(2), out);
}

// A tensor of one repeated element.
Tensor Filled(DType dtype, Dims dims, const std::byte* element) {
  Tensor out(dtype, std::move(dims));
  const size_t bytes = WholeBytes(dtype);
  // A new tensor is zero, in pages that nobody has touched yet.
  const bool zero = std::all_of(element, element + bytes, [](std::byte byte) {
    return byte == std::byte{0};
  });
  for (size_t at = 0; !zero && at < out.bytes(); at += bytes) {
    std::memcpy(out.mutable_raw() + at, element, bytes);
  }
  return out;
}

// `dims` with the new axis; `inner` indices stand behind it.
Tensor OneHotOf(const Tensor& indices, const Tensor& values, int64_t depth,
                int64_t inner, Dims dims) {
  const size_t bytes = WholeBytes(values.dtype());
  Tensor out = Filled(values.dtype(), std::move(dims), values.raw());
  const int64_t* index = indices.data<int64_t>();
  for (int64_t i = 0; i < indices.size(); ++i) {
    const int64_t at = index[i] < 0 ? index[i] + depth : index[i];
    if (at < 0 || at >= depth) continue;
    const int64_t to = (i / inner * depth + at) * inner + i % inner;
    std::memcpy(out.mutable_raw() + static_cast<size_t>(to) * bytes,
                values.raw() + bytes, bytes);
  }
  return out;
}

void RunOneHot(RunContext& context) {
  const Tensor indices = context.in(0).CastTo(DType::kInt64);
  const int64_t depth = ReadDepth(context.in(1));
  const Tensor& values = context.in(2);
  if (values.size() != 2) {
    Fail(ErrorCode::kInvalidModel, "{} values, expected two: off and on",
         values.size());
  }
  Dims dims = indices.dims();
  const auto axis = dims.begin() + AxisOf(context.node, indices.rank());
  const int64_t inner =
      ElementCount(std::span<const int64_t>(axis, dims.end()));
  dims.insert(axis, depth);
  if (ElementCount(dims) > kMaxElements) {
    Fail(ErrorCode::kInvalidModel, "a result of {} is absurdly large",
         DimsToString(dims));
  }
  context.outputs[0] = OneHotOf(indices, values, depth, inner, std::move(dims));
}

QuantSpec OneHotRule(const QuantizeQuery&) {
  return QuantSpec::Float("writes two given values, no computed ones");
}

// ---- upgrade: before opset 11 a negative index named no place at all

// Inserts a node before the one that is upgraded; its result is new.
ValueId Before(UpgradeContext& context, const char* type,
               std::vector<ValueId> inputs, Attributes attributes = {}) {
  Node node;
  node.op_type = type;
  const ValueId output =
      context.graph.AddValue(fmt::format("{}_{}", context.node().name, type));
  node.name = context.graph.value(output).name;
  node.user_names = context.node().user_names;
  node.inputs = std::move(inputs);
  node.outputs = {output};
  node.attributes = std::move(attributes);
  context.graph.InsertBefore(context.node_id, std::move(node));
  return output;
}

// indices = Where(indices < 0, depth, indices), in int64: `depth` is the
// first index that names no place.
void UpgradeOneHot(UpgradeContext& context) {
  if (context.from >= 11) return;
  RequireFirst(context.node());
  Graph& graph = context.graph;
  if (const Tensor* indices = graph.ConstantOf(context.node().input(0))) {
    const Tensor wide = indices->CastTo(DType::kInt64);
    const auto values = wide.values<int64_t>();
    if (std::all_of(values.begin(), values.end(),
                    [](int64_t index) { return index >= 0; })) {
      return;
    }
  }
  const Attributes to_int64 = {{"to", static_cast<int64_t>(DType::kInt64)}};
  const ValueId zero = graph.AddConstant("zero", Tensor::Scalar<int64_t>(0));
  const ValueId scalar =
      graph.AddConstant("scalar", Tensor(DType::kInt64, {0}));
  const ValueId indices =
      Before(context, "Cast", {context.node().input(0)}, to_int64);
  const ValueId depth = Before(
      context, "Reshape",
      {Before(context, "Cast", {context.node().input(1)}, to_int64), scalar});
  const ValueId negative = Before(context, "Less", {indices, zero});
  graph.ReplaceInput(context.node_id, 0,
                     Before(context, "Where", {negative, depth, indices}));
}

}  // namespace

extern constinit const OpDef kOneHotOp = {
    .type = "OneHot",
    .since = 11,
    .infer = InferOneHot,
    .reference = RunOneHot,
    .quantize = OneHotRule,
    .upgrade = UpgradeOneHot,
};

}  // namespace squint
