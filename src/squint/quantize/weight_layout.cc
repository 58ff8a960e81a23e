#include "squint/quantize/weight_layout.h"

namespace squint {

std::optional<WeightLayout> LayoutOf(const Node& node, const Tensor& weight) {
  WeightLayout layout;
  if (node.Is("Conv") && weight.rank() >= 2) {
    layout.outputs = weight.dim(0);
    layout.inputs = weight.dim(1);
    layout.groups = node.Int("group", 1);
    const int64_t matrix = layout.outputs * layout.inputs;
    layout.window = matrix == 0 ? 1 : weight.size() / matrix;
    return layout;
  }
  const bool plain_gemm = node.Is("Gemm") && node.Int("transA", 0) == 0 &&
                          node.Float("alpha", 1.0f) == 1.0f;
  if (weight.rank() != 2 || (!plain_gemm && !node.Is("MatMul"))) {
    return std::nullopt;
  }
  layout.output_major = plain_gemm && node.Int("transB", 0) != 0;
  layout.outputs = weight.dim(layout.output_major ? 0 : 1);
  layout.inputs = weight.dim(layout.output_major ? 1 : 0);
  return layout;
}

}  // namespace squint
