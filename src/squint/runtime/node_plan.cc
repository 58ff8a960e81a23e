#include "squint/runtime/node_plan.h"

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

}  // namespace

std::shared_ptr<const PreparedNode> NodePlan::Get(
    const PlanContext& context, const std::vector<const Tensor*>& inputs) {
  const std::lock_guard lock(mutex_);
  std::vector<int64_t> key = KeyOf(context, inputs);
  for (auto it = entries_.begin(); it != entries_.end(); ++it) {
    if (it->key != key) continue;
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
  const Graph& graph = context.shapes.graph;
  const Node& node = graph.node(context.node_id);
  std::vector<int64_t> key = {0, context.stored ? 1 : 0};
  if (context.clamp) {
    key[0] = 1 + std::bit_cast<uint32_t>(context.clamp->first);
    key.push_back(std::bit_cast<uint32_t>(context.clamp->second));
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i] == nullptr || graph.value(node.inputs[i]).is_constant()) {
      continue;
    }
    key.push_back(static_cast<int64_t>(inputs[i]->dtype()));
    key.push_back(inputs[i]->rank());
    key.insert(key.end(), inputs[i]->dims().begin(), inputs[i]->dims().end());
    if (!keyed_by_content_ || !HasContent(inputs[i])) continue;
    const std::vector<int64_t> values = inputs[i]->ToInts();
    key.insert(key.end(), values.begin(), values.end());
  }
  return key;
}

PreparedNode NodePlan::Prepare(const PlanContext& context,
                               const std::vector<const Tensor*>& inputs) {
  PreparedNode prepared;
  if (context.op.infer == nullptr) return prepared;
  prepared.shapes_known = InferAll(context, inputs, prepared);
  if (prepared.shapes_known) {
    prepared.step = MakeStep(context, inputs, prepared, packs_);
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
