#include "squint/runtime/vanishing.h"

#include "squint/ops/qlinear_operands.h"

namespace squint {

NodeId VanishingValues::ReaderOf(ValueId id) const {
  const NodeId reader = uses_.SoleReader(id);
  const bool seen = reader == kNoNode || graph_.IsOutput(id) ||
                    graph_.IsCapture(id) || graph_.value(id).quant;
  return seen ? kNoNode : reader;
}

NodeId VanishingValues::MakerOf(ValueId id) const {
  return ReaderOf(id) == kNoNode ? kNoNode : graph_.value(id).producer;
}

bool IsPlainFloat(const Graph& graph, ValueId id) {
  return graph.value(id).dtype == DType::kFloat32 && !graph.value(id).quant;
}

ValueId ColumnFactor(const Graph& graph, const Node& node, ValueId x) {
  if (node.removed || !node.Is("Mul")) return kNoValue;
  const ValueId factor = node.input(0) == x ? node.input(1) : node.input(0);
  const Tensor* numbers = graph.ConstantOf(factor);
  const Shape& shape = graph.value(x).shape;
  if (numbers == nullptr || numbers->dtype() != DType::kFloat32 ||
      numbers->rank() != 1 || graph.value(factor).quant || !shape.has_rank() ||
      shape.rank() == 0 || !shape[shape.rank() - 1].is(numbers->size())) {
    return kNoValue;
  }
  return factor;
}

bool IsByteGrid(const Graph& graph, ValueId scale, ValueId zero) {
  const Tensor* s = graph.ConstantOf(scale);
  const Tensor* z = graph.ConstantOf(zero);
  return s != nullptr && z != nullptr && s->size() == 1 &&
         s->dtype() == DType::kFloat32 && z->size() == 1 && IsByte(z->dtype());
}

}  // namespace squint
