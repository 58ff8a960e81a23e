// Empirical bias correction: quantizing weights moves the mean of every
// output channel by dW * E[x]; subtracting that from the bias puts it back.
// Nagel et al. 2019, "Data-Free Quantization through Weight Equalization and
// Bias Correction", arXiv:1906.04721, section 4.2; E[x] is measured per
// input channel in the one calibration pass, so it costs no further run.
//
// For a convolution E[x] is taken as constant over the window: exact but for
// the padded border, where the correction is slightly too large.
#include <vector>

#include "squint/ops/op.h"
#include "squint/quantize/method.h"
#include "squint/quantize/weight_layout.h"

namespace squint {
namespace {

// Mean of each channel of a value, empty when not measured.
std::vector<double> ChannelMeans(const MethodContext& context, ValueId id) {
  const auto& values = context.calibration->values;
  const auto it = values.find(context.original.value(id).name);
  if (it == values.end() || it->second.channel_count == 0) return {};
  std::vector<double> means;
  for (const ExactSum& sum : it->second.channel_sum) {
    means.push_back(sum.value() /
                    static_cast<double>(it->second.channel_count));
  }
  return means;
}

// sum over inputs of (quantized - original) * mean, per output channel.
std::vector<double> MeanShift(const WeightLayout& layout,
                              const Tensor& original, const Tensor& quantized,
                              const std::vector<double>& means) {
  const float* w = original.data<float>();
  const float* q = quantized.data<float>();
  std::vector<double> shift(static_cast<size_t>(layout.outputs), 0.0);
  const int64_t outputs_per_group = layout.outputs / layout.groups;
  for (int64_t o = 0; o < layout.outputs; ++o) {
    const int64_t first = o / outputs_per_group * layout.inputs;
    for (int64_t i = 0; i < layout.inputs; ++i) {
      double difference = 0;
      for (int64_t k = 0; k < layout.window; ++k) {
        const int64_t index = layout.Index(o, i, k);
        difference +=
            static_cast<double>(q[index]) - static_cast<double>(w[index]);
      }
      shift[static_cast<size_t>(o)] +=
          difference * means[static_cast<size_t>(first + i)];
    }
  }
  return shift;
}

// Where the bias of a node is: its own input 2, or a constant of the Add
// that alone reads a MatMul.
struct BiasPlace {
  NodeId node = kNoNode;
  size_t index = 2;
};

BiasPlace PlaceOfBias(const Graph& graph, const UseMap& uses, NodeId id) {
  const Node& node = graph.node(id);
  if (!node.Is("MatMul")) return {id, 2};
  const NodeId add = uses.SoleReader(node.output());
  if (add == kNoNode || !graph.node(add).Is("Add")) return {};
  const size_t other = graph.node(add).input(0) == node.output() ? 1 : 0;
  return {add, other};
}

void AddToBias(Graph& graph, const BiasPlace& place,
               const std::vector<double>& shift) {
  const NodeId id = place.node;
  const Tensor* bias = graph.ConstantOf(graph.node(id).input(place.index));
  const auto count = static_cast<int64_t>(shift.size());
  Tensor corrected(DType::kFloat32, {count});
  float* out = corrected.mutable_data<float>();
  for (int64_t c = 0; c < count; ++c) {
    const float old =
        bias == nullptr ? 0.0f : bias->data<float>()[bias->size() == 1 ? 0 : c];
    out[c] = static_cast<float>(static_cast<double>(old) -
                                shift[static_cast<size_t>(c)]);
  }
  const std::string name =
      bias ? graph.value(graph.node(id).input(place.index)).name
           : graph.value(graph.node(id).output()).name + "_bias";
  graph.ReplaceInput(id, place.index,
                     graph.AddConstant(name, std::move(corrected)));
}

bool BiasIsCorrectable(const Graph& graph, const BiasPlace& place,
                       int64_t outputs) {
  if (place.node == kNoNode) return false;
  const Node& node = graph.node(place.node);
  if (!node.has_input(place.index)) return true;
  const Tensor* bias = graph.ConstantOf(node.input(place.index));
  return bias != nullptr && bias->dtype() == DType::kFloat32 &&
         bias->rank() <= 1 && (bias->size() == outputs || bias->size() == 1) &&
         (!node.Is("Gemm") || node.Float("beta", 1.0f) == 1.0f);
}

int Correct(const MethodContext& context, Graph& graph) {
  int corrected = 0;
  const UseMap uses(graph);
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    const ValueId weight_id = node.input(1);
    if (!node.has_input(1) || !graph.value(weight_id).quant) continue;
    const Value& weight = graph.value(weight_id);
    if (!weight.is_constant() || weight.quant->scale.empty()) continue;
    const auto layout = LayoutOf(node, weight.constant);
    if (!layout) continue;
    const BiasPlace place = PlaceOfBias(graph, uses, id);
    if (!BiasIsCorrectable(graph, place, layout->outputs)) continue;
    // Ids of nodes and their inputs are those of the original graph, but
    // input 0 may be a requantized copy and the weight a copy: ask it.
    const Node& before = context.original.node(id);
    const std::vector<double> means = ChannelMeans(context, before.input(0));
    if (static_cast<int64_t>(means.size()) != layout->inputs * layout->groups) {
      continue;
    }
    const Tensor* original = context.original.ConstantOf(before.input(1));
    const Tensor quantized = DequantizeTensor(weight.constant, *weight.quant);
    AddToBias(graph, place,
              MeanShift(*layout, original->Materialize(), quantized, means));
    ++corrected;
  }
  return corrected;
}

}  // namespace

extern constinit const MethodDef kBiasCorrectionMethod = {
    .name = "bias-correction",
    .summary =
        "restores the mean of each output channel that quantized "
        "weights move",
    .source = "arXiv:1906.04721 section 4.2",
    .correct = Correct,
};

}  // namespace squint
