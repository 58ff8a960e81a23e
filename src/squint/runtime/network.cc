#include "squint/runtime/network.h"

#include <new>
#include <optional>
#include <utility>

#include "squint/ops/infer.h"

namespace squint {
namespace {

bool IsHalf(DType dtype) {
  return dtype == DType::kFloat16 || dtype == DType::kBfloat16;
}

// The graph's sizes when its inputs have these; nullopt where they do not fit.
std::optional<Graph> Shaped(Graph graph, const std::vector<Dims>& inputs) {
  if (inputs.size() != graph.inputs().size()) return std::nullopt;
  bool same = true;
  for (size_t i = 0; i < inputs.size(); ++i) {
    Shape& shape = graph.value(graph.inputs()[i]).shape;
    same = same && shape.has_rank() && shape.values() == inputs[i];
    shape = Shape::Of(inputs[i]);
  }
  if (!same) InferShapes(graph);
  return graph;
}

// Stands for a value in preparing, which reads its type and sizes alone. Empty
// where these are not known, or its numbers may matter too (NodePlan).
Tensor StandIn(const Value& value) {
  const auto dims = value.shape.values();
  const DType dtype = IsHalf(value.dtype) ? DType::kFloat32 : value.dtype;
  const bool may_be_shape = dtype == DType::kInt32 || dtype == DType::kInt64;
  if (!dims || BitsOf(dtype) == 0 || (may_be_shape && dims->size() < 2)) {
    return {};
  }
  return Tensor(dtype, *dims,
                Buffer::Computed(BytesOf(dtype, ElementCount(*dims)), {}));
}

}  // namespace

Network::Network(const std::shared_ptr<const Graph>& graph,
                 const Context& context, OpFinder find)
    : Network(
          graph,
          std::make_shared<Shared>(context, find, NestedValues(*graph).size()),
          NestedValues(*graph)) {}

Network::Network(std::shared_ptr<const Graph> graph,
                 std::shared_ptr<Shared> shared, const NestedValues& values)
    : graph_(std::move(graph)),
      shared_(std::move(shared)),
      first_value_(values.FirstOf(*graph_)),
      program_(*graph_, shared_->find),
      shapes_{.mutex = {}, .graph = *graph_},
      plans_(program_.nodes.size()),
      bodies_(program_.nodes.size()),
      constants_(static_cast<size_t>(graph_->num_values())) {
  for (size_t i = 0; i < program_.nodes.size(); ++i) {
    ForEachBody(graph_->node(program_.nodes[i].id),
                [&](const std::string& key, const Graph& body, size_t first) {
                  // Kept alive by the graph around it.
                  const std::shared_ptr<const Graph> inner(graph_, &body);
                  bodies_[i].push_back({key, first,
                                        std::unique_ptr<Network>(new Network(
                                            inner, shared_, values))});
                });
  }
}

std::shared_ptr<const PreparedNode> Network::Prepared(
    size_t position, PlanForm form, const std::vector<const Tensor*>& inputs) {
  const ProgramNode& node = program_.nodes[position];
  PlanContext context{shapes_,      *node.op,   node.id, threads().threads(),
                      std::nullopt, form.stored};
  if (form.fused) context.clamp = node.clamp;
  return plans_[position].Get(context, inputs);
}

bool Network::FusesClamp(const ProgramNode& node) const {
  return node.clamp_node >= 0 && node.op->prepare != nullptr &&
         !graph_->value(graph_->node(node.id).output(0)).quant;
}

void Network::PrepareFor(const std::vector<Dims>& inputs) {
  try {
    const std::optional<Graph> shaped = Shaped(*graph_, inputs);
    if (!shaped) return;
    std::vector<bool> fused(program_.nodes.size());
    for (const ProgramNode& node : program_.nodes) {
      if (FusesClamp(node)) fused[static_cast<size_t>(node.clamp_node)] = true;
    }
    threads().ParallelFor(program_.nodes.size(), 1,
                          [&](size_t begin, size_t end) {
                            for (size_t i = begin; i < end; ++i) {
                              if (!fused[i]) PrepareNode(*shaped, i);
                            }
                          });
  } catch (const Error&) {
  } catch (const std::bad_alloc&) {
  }
}

void Network::PrepareNode(const Graph& shaped, size_t position) {
  const ProgramNode& step = program_.nodes[position];
  const Node& node = graph_->node(step.id);
  if (step.op == nullptr || step.op->reference == nullptr ||
      node.has_graphs()) {
    return;
  }
  std::vector<Tensor> held(node.inputs.size());
  bool any_stored = false;
  for (size_t i = 0; i < held.size(); ++i) {
    if (!node.has_input(i)) continue;
    const Value& value = shaped.value(node.inputs[i]);
    any_stored = any_stored || (value.is_constant() && value.quant);
    if (value.is_constant()) continue;
    held[i] = StandIn(value);
    if (held[i].empty()) return;
  }
  // In the order in which a run asks.
  for (const bool stored : {true, false}) {
    if (stored && (!any_stored || step.op->prepare_stored == nullptr)) continue;
    std::vector<const Tensor*> inputs;
    for (size_t i = 0; i < held.size(); ++i) {
      const ValueId id = node.inputs[i];
      const bool constant = id != kNoValue && graph_->value(id).is_constant();
      const bool as_stored = stored && constant && graph_->value(id).quant;
      inputs.push_back(id == kNoValue ? nullptr
                       : as_stored    ? &graph_->value(id).constant
                       : constant     ? &Constant(id)
                                      : &held[i]);
    }
    for (const bool fused : {true, false}) {
      if (fused && !FusesClamp(step)) continue;
      if (Prepared(position, {fused, stored}, inputs)->step != nullptr) return;
    }
  }
}

const Tensor& Network::Constant(ValueId id) {
  RealConstant& real = constants_[static_cast<size_t>(id)];
  if (real.made.load(std::memory_order_acquire)) return real.tensor;
  const std::lock_guard lock(constants_mutex_);
  if (!real.made.load(std::memory_order_relaxed)) {
    const Value& value = graph_->value(id);
    real.tensor = WidenedTensor(
        value.quant ? DequantizeTensor(value.constant, *value.quant)
                    : value.constant.Materialize());
    real.made.store(true, std::memory_order_release);
  }
  return real.tensor;
}

const Tensor& Network::ConstantAtHand(ValueId id) const {
  const RealConstant& real = constants_[static_cast<size_t>(id)];
  return real.made.load(std::memory_order_acquire) ? real.tensor
                                                   : graph_->value(id).constant;
}

Tensor WidenedTensor(const Tensor& tensor) {
  return IsHalf(tensor.dtype()) ? tensor.CastTo(DType::kFloat32) : tensor;
}

}  // namespace squint
