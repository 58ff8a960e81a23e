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

bool IsByteGrid(const Graph& graph, ValueId scale, ValueId zero) {
  const Tensor* s = graph.ConstantOf(scale);
  const Tensor* z = graph.ConstantOf(zero);
  return s != nullptr && z != nullptr && s->size() == 1 &&
         s->dtype() == DType::kFloat32 && z->size() == 1 && IsByte(z->dtype());
}

}  // namespace squint
