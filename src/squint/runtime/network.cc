#include "squint/runtime/network.h"

#include <utility>

namespace squint {

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
  const bool half =
      tensor.dtype() == DType::kFloat16 || tensor.dtype() == DType::kBfloat16;
  return half ? tensor.CastTo(DType::kFloat32) : tensor;
}

}  // namespace squint
