#include "squint/runtime/node_plan.h"

#include <algorithm>
#include <bit>
#include <map>

#include "squint/ops/infer.h"

namespace squint {
namespace {

constexpr size_t kMaxEntries = 16;     // shapes remembered per node
constexpr int64_t kMaxContent = 1024;  // elements that a shape may depend on

bool HasContent(const Tensor* tensor) {
  return tensor != nullptr && tensor->rank() <= 1 &&
         tensor->size() <= kMaxContent &&
         (tensor->dtype() == DType::kInt64 || tensor->dtype() == DType::kInt32);
}

std::map<ValueId, DimTensor> ContentsOf(
    const Node& node, const std::vector<const Tensor*>& inputs) {
  std::map<ValueId, DimTensor> contents;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!HasContent(inputs[i])) continue;
    const std::vector<int64_t> values = inputs[i]->ToInts();
    contents[node.inputs[i]] = {{values.begin(), values.end()},
                                inputs[i]->rank() == 0};
  }
  return contents;
}

// Fills types and shapes of `prepared` from the operator's inference; true
// when all outputs are known.
bool Infer(const PlanContext& context,
           const std::map<ValueId, DimTensor>& contents,
           PreparedNode& prepared) {
  const Graph& graph = context.shapes.graph;
  const Node& node = graph.node(context.node_id);
  InferContext infer(graph, node, contents);
  InferChecked(context.op, infer);
  prepared.output_dtypes.assign(node.outputs.size(), DType::kUndefined);
  prepared.output_dims.assign(node.outputs.size(), {});
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i] == kNoValue) continue;
    const auto& result = infer.results()[i];
    const auto dims = result.shape.values();
    if (!dims || result.dtype == DType::kUndefined) return false;
    prepared.output_dtypes[i] = result.dtype;
    prepared.output_dims[i] = *dims;
  }
  return true;
}

bool IsHalf(DType dtype) {
  return dtype == DType::kFloat16 || dtype == DType::kBfloat16;
}

std::unique_ptr<const Step> MakeStep(const PlanContext& context,
                                     const std::vector<const Tensor*>& inputs,
                                     const PreparedNode& prepared,
                                     PackCache& packs) {
  const auto make =
      context.stored ? context.op.prepare_stored : context.op.prepare;
  if (make == nullptr) return nullptr;
  // Results in half precision are rounded by the reference and then widened.
  for (const DType dtype : prepared.output_dtypes) {
    if (IsHalf(dtype)) return nullptr;
  }
  const Graph& graph = context.shapes.graph;
  const Node& node = graph.node(context.node_id);
  PrepareContext prepare{.node = node,
                         .input_dtypes = {},
                         .input_dims = {},
                         .output_dtypes = prepared.output_dtypes,
                         .output_dims = prepared.output_dims,
                         .constants = {},
                         .packs = packs,
                         .pack_key = fmt::format("{}", context.node_id),
                         .threads = context.threads,
                         .clamp = context.clamp};
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Tensor* input = inputs[i];
    const Value* value =
        input != nullptr ? &graph.value(node.inputs[i]) : nullptr;
    const bool constant = value != nullptr && value->is_constant();
    const bool stored = constant && context.stored && value->quant;
    prepare.input_dtypes.push_back(stored  ? value->quant->real_dtype
                                   : input ? input->dtype()
                                           : DType::kUndefined);
    prepare.input_dims.push_back(input ? input->dims() : Dims{});
    prepare.constants.push_back(constant ? input : nullptr);
    prepare.stored.push_back(stored ? &*value->quant : nullptr);
  }
  return make(prepare);
}

// Gives `take` the numbers of a form's key in order, until it returns false.
template <typename Take>
bool ReadKey(const PlanContext& context, bool by_content,
             const std::vector<const Tensor*>& inputs, const Take& take) {
  const Graph& graph = context.shapes.graph;
  const Node& node = graph.node(context.node_id);
  const auto bits = [](float f) { return int64_t{std::bit_cast<uint32_t>(f)}; };
  bool going = take(context.clamp ? 1 + bits(context.clamp->first) : 0) &&
               take(context.clamp ? bits(context.clamp->second) : 0) &&
               take(context.stored ? 1 : 0);
  for (size_t i = 0; going && i < inputs.size(); ++i) {
    const Tensor* input = inputs[i];
    if (input == nullptr || graph.value(node.inputs[i]).is_constant()) continue;
    going = take(static_cast<int64_t>(input->dtype())) && take(input->rank()) &&
            std::ranges::all_of(input->dims(), take);
    if (!by_content || !HasContent(input)) continue;
    going = going && std::ranges::all_of(input->ToInts(), take);
  }
  return going;
}

}  // namespace

std::shared_ptr<const PreparedNode> NodePlan::Get(
    const PlanContext& context, const std::vector<const Tensor*>& inputs) {
  const std::lock_guard lock(mutex_);
  for (auto it = entries_.begin(); it != entries_.end(); ++it) {
    if (!IsKeyOf(context, inputs, it->key)) continue;
    entries_.splice(entries_.begin(), entries_, it);
    return it->prepared;
  }
  auto prepared =
      std::make_shared<const PreparedNode>(Prepare(context, inputs));
  if (entries_.size() >= kMaxEntries) entries_.pop_back();
  entries_.push_front({KeyOf(context, inputs), prepared});
  return prepared;
}

std::vector<int64_t> NodePlan::KeyOf(
    const PlanContext& context,
    const std::vector<const Tensor*>& inputs) const {
  std::vector<int64_t> key;
  ReadKey(context, keyed_by_content_, inputs, [&](int64_t number) {
    key.push_back(number);
    return true;
  });
  return key;
}

bool NodePlan::IsKeyOf(const PlanContext& context,
                       const std::vector<const Tensor*>& inputs,
                       const std::vector<int64_t>& key) const {
  auto next = key.begin();
  const bool same = ReadKey(
      context, keyed_by_content_, inputs,
      [&](int64_t number) { return next != key.end() && *next++ == number; });
  return same && next == key.end();
}

PreparedNode NodePlan::Prepare(const PlanContext& context,
                               const std::vector<const Tensor*>& inputs) {
  PreparedNode prepared;
  if (context.op.infer == nullptr) return prepared;
  prepared.shapes_known = InferAll(context, inputs, prepared);
  if (prepared.shapes_known) {
    prepared.step = MakeStep(context, inputs, prepared, packs_);
  }
  const Graph& graph = context.shapes.graph;
  const Node& node = graph.node(context.node_id);
  for (size_t i = 0; keyed_by_content_ && i < inputs.size(); ++i) {
    prepared.by_content =
        prepared.by_content ||
        (HasContent(inputs[i]) && !graph.value(node.inputs[i]).is_constant());
  }
  return prepared;
}

bool NodePlan::InferAll(const PlanContext& context,
                        const std::vector<const Tensor*>& inputs,
                        PreparedNode& prepared) {
  const std::lock_guard lock(context.shapes.mutex);
  Graph& graph = context.shapes.graph;
  const Node& node = graph.node(context.node_id);
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i] == nullptr) continue;
    Value& value = graph.value(node.inputs[i]);
    const bool stored = context.stored && value.is_constant() && value.quant;
    value.dtype = stored ? value.quant->real_dtype : inputs[i]->dtype();
    value.shape = Shape::Of(inputs[i]->dims());
  }
  if (Infer(context, {}, prepared)) return true;
  keyed_by_content_ = true;
  return Infer(context, ContentsOf(node, inputs), prepared);
}

}  // namespace squint
