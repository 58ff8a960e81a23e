#include "squint/quantize/biases.h"

#include "squint/ops/op.h"
#include "squint/quantize/weights.h"
#include "squint/tensor/quant_params.h"

namespace squint {
namespace {

// A bias beyond 2^30 steps: the weight scale is raised, so that it fits.
void GrowWeight(Graph& graph, NodeId id, const std::vector<float>& grow) {
  const Value weight = graph.value(graph.node(id).input(1));
  QuantParams params = *weight.quant;
  std::vector<float> scales = params.scale.ToFloats();
  for (size_t c = 0; c < scales.size(); ++c) scales[c] *= grow[c];
  params.scale = Tensor::Of<float>(params.scale.dims(), scales);
  const Tensor real = DequantizeTensor(weight.constant, *weight.quant);
  const ValueId copy =
      graph.AddConstant(weight.name, QuantizeTensor(real, params));
  graph.value(copy).dtype = DType::kFloat32;
  graph.value(copy).user_name = weight.user_name;
  graph.value(copy).quant = params;
  graph.ReplaceInput(id, 1, copy);
}

}  // namespace

void QuantizeBias(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const Tensor* bias = graph.ConstantOf(node.input(2));
  const auto& input = graph.value(node.input(0)).quant;
  const auto& weight = graph.value(node.input(1)).quant;
  if (bias == nullptr || bias->dtype() != DType::kFloat32 || !input ||
      !weight || weight->scale.empty()) {
    return;
  }
  const Tensor flat = bias->Reshaped({bias->size()}).Materialize();
  const int64_t scales = weight->scale.size();
  if (bias->rank() > 2 || (scales > 1 && flat.size() != scales)) return;
  // Adding constants moves the values that `input` and `weight` point to.
  const float input_scale = input->scale_at();
  const BiasParams chosen = ChooseBiasParams(flat, input_scale, *weight);
  if (chosen.must_grow) GrowWeight(graph, id, chosen.grow);
  const BiasParams final_params = ChooseBiasParams(
      flat, input_scale, *graph.value(graph.node(id).input(1)).quant);
  const std::string name = graph.value(node.input(2)).name;
  const ValueId quantized = graph.AddConstant(
      name + "_quantized", QuantizeTensor(flat, final_params.params));
  graph.value(quantized).dtype = DType::kFloat32;
  graph.value(quantized).quant = final_params.params;
  graph.ReplaceInput(id, 2, quantized);
}

}  // namespace squint
