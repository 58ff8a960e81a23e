#include "squint/ops/op.h"

#include <algorithm>
#include <array>

#include "squint/base/context.h"

namespace squint {

#define SQUINT_OP(name, file) extern const OpDef k##name##Op;
#include "squint/ops/op_list.inc"
#undef SQUINT_OP

namespace {

constexpr std::array kOps = {
#define SQUINT_OP(name, file) &k##name##Op,
#include "squint/ops/op_list.inc"
#undef SQUINT_OP
};

constexpr size_t kMaxDimTensor = 1024;  // elements worth tracking

}  // namespace

const OpDef* FindOp(std::string_view type, std::string_view domain) {
  static const auto index = [] {
    std::map<std::pair<std::string_view, std::string_view>, const OpDef*> map;
    for (const OpDef* op : kOps) map[{op->domain, op->type}] = op;
    return map;
  }();
  if (domain == "ai.onnx") domain = "";
  const auto it = index.find({domain, type});
  return it == index.end() ? nullptr : it->second;
}

std::span<const OpDef* const> AllOps() { return kOps; }

int NormalizeAxis(int64_t axis, int rank) {
  const int64_t normalized = axis < 0 ? axis + rank : axis;
  if (normalized < 0 || normalized >= rank) {
    Fail(ErrorCode::kInvalidModel, "axis {} is outside rank {}", axis, rank);
  }
  return static_cast<int>(normalized);
}

InferContext::InferContext(const Graph& graph, const Node& node,
                           const std::map<ValueId, DimTensor>& dim_tensors)
    : graph_(graph),
      node_(node),
      dim_tensors_(dim_tensors),
      results_(node.outputs.size()) {}

DType InferContext::dtype(size_t i) const {
  return has_input(i) ? graph_.value(node_.input(i)).dtype : DType::kUndefined;
}

const Shape& InferContext::shape(size_t i) const {
  static const Shape kUnranked;
  return has_input(i) ? graph_.value(node_.input(i)).shape : kUnranked;
}

const Tensor* InferContext::constant(size_t i) const {
  return graph_.ConstantOf(node_.input(i));
}

const DimTensor* InferContext::dim_tensor(size_t i) const {
  return has_input(i) ? ContentOf(node_.input(i)) : nullptr;
}

const DimTensor* InferContext::ContentOf(ValueId id) const {
  if (const auto it = dim_tensors_.find(id); it != dim_tensors_.end()) {
    return &it->second;
  }
  const Tensor* tensor = graph_.ConstantOf(id);
  if (tensor == nullptr || tensor->rank() > 1 ||
      tensor->size() > static_cast<int64_t>(kMaxDimTensor) ||
      (tensor->dtype() != DType::kInt64 && tensor->dtype() != DType::kInt32)) {
    return nullptr;
  }
  const auto [it, is_new] = from_constant_.try_emplace(id);
  if (is_new) {
    const std::vector<int64_t> values = tensor->ToInts();
    it->second = {{values.begin(), values.end()}, tensor->rank() == 0};
  }
  return &it->second;
}

std::optional<std::vector<int64_t>> InferContext::ints(size_t i) const {
  const DimTensor* content = dim_tensor(i);
  if (content == nullptr) return std::nullopt;
  return Shape(content->elements).values();
}

void InferContext::SetOutput(size_t i, DType dtype, Shape shape) {
  if (i >= results_.size()) return;
  results_[i].dtype = dtype;
  results_[i].shape = std::move(shape);
}

void InferContext::SetDimTensor(size_t i, DimTensor content) {
  if (i < results_.size() && content.elements.size() <= kMaxDimTensor) {
    results_[i].content = std::move(content);
  }
}

void InferContext::SameAsInput() { SetOutput(0, dtype(0), shape(0)); }

void CountBodyRun(int64_t& runs, const Context& context) {
  if (++runs <= context.loop_limit) return;
  Fail(ErrorCode::kUnsupported,
       "nested graphs have run {} times, which is the limit; if this loop has "
       "an end, raise it (--loop-limit)",
       context.loop_limit);
}

void UpgradeContext::AttributeToInput(std::string_view key, size_t index) {
  const Attribute* attribute = node().FindAttribute(key);
  if (attribute == nullptr) return;
  const std::vector<int64_t> values = node().Ints(key);
  const ValueId constant = graph.AddConstant(
      fmt::format("{}_{}", node().name, key),
      Tensor::Of<int64_t>({static_cast<int64_t>(values.size())}, values));
  graph.ReplaceInput(node_id, index, constant);
  node().attributes.erase(node().attributes.find(key));
}

}  // namespace squint
