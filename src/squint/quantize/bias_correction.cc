// Empirical bias correction: quantizing weights moves the mean of every
// output channel by dW * E[x]; subtracting that from the bias puts it back.
// Nagel et al. 2019, "Data-Free Quantization through Weight Equalization and
// Bias Correction", arXiv:1906.04721, section 4.2; E[x] is measured per
// input channel in the one calibration pass, so it costs no further run.
//
// For a convolution E[x] is taken as constant over the map; taps that fall on
// padding at some positions count by the share of positions where they do
// not, which matters where maps are as small as windows.
//
// Where samples are at hand, the outputs on some of them say whether it was
// of use.
#include <algorithm>
#include <vector>

#include "squint/ops/op.h"
#include "squint/quantize/method.h"
#include "squint/quantize/output_quality.h"
#include "squint/quantize/weight_layout.h"
#include "squint/quantize/weight_rounding.h"

namespace squint {
namespace {

constexpr double kTolerated = 1;  // dB of the outputs' SQNR

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

// For each tap of a convolution's window, the share of output positions at
// which it reads the map and not its padding. Ones where sizes are unknown.
std::vector<double> TapShares(const Graph& graph, const Node& node,
                              const Tensor& weight, int64_t window) {
  std::vector<double> shares(static_cast<size_t>(window), 1.0);
  const Shape& in = graph.value(node.input(0)).shape;
  const Shape& out = graph.value(node.output()).shape;
  const int axes = weight.rank() - 2;
  const std::vector<int64_t> pads = node.Ints("pads");
  if (!node.Is("Conv") || pads.empty() || !in.has_rank() || !out.has_rank() ||
      in.rank() != weight.rank()) {
    return shares;
  }
  const std::vector<int64_t> strides = node.Ints("strides");
  const std::vector<int64_t> dilations = node.Ints("dilations");
  int64_t inner = window;  // taps that one step along the axis skips
  for (int a = 0; a < axes; ++a) {
    const auto axis = static_cast<size_t>(a);
    const int64_t taps = weight.dim(2 + a);
    inner /= taps;
    if (!in[2 + a].value() || !out[2 + a].value()) continue;
    const int64_t size = *in[2 + a].value();
    const int64_t positions = *out[2 + a].value();
    const int64_t stride = strides.empty() ? 1 : strides[axis];
    const int64_t dilation = dilations.empty() ? 1 : dilations[axis];
    for (int64_t t = 0; t < window; ++t) {
      int64_t inside = 0;
      for (int64_t o = 0; o < positions; ++o) {
        const int64_t at =
            o * stride - pads[axis] + t / inner % taps * dilation;
        inside += at >= 0 && at < size;
      }
      shares[static_cast<size_t>(t)] *=
          static_cast<double>(inside) /
          static_cast<double>(std::max<int64_t>(1, positions));
    }
  }
  return shares;
}

// sum over inputs of (quantized - original) * mean, per output channel.
std::vector<double> MeanShift(const WeightLayout& layout,
                              const Tensor& original, const Tensor& quantized,
                              const std::vector<double>& means,
                              const std::vector<double>& shares) {
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
            (static_cast<double>(q[index]) - static_cast<double>(w[index])) *
            shares[static_cast<size_t>(k)];
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

int CorrectAll(const MethodContext& context, Graph& graph) {
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
              MeanShift(*layout, original->Materialize(), quantized, means,
                        TapShares(context.original, before, *original,
                                  layout->window)));
    ++corrected;
  }
  return corrected;
}

// A mean says nothing where inputs are mostly quiet and sometimes loud: all
// biases then stay as they were. A small loss may be chance.
int Correct(const MethodContext& context, Graph& graph) {
  const Graph before = graph;
  const int corrected = CorrectAll(context, graph);
  const TuningData* data = context.data;
  if (corrected == 0 || data == nullptr || data->samples.empty() ||
      !BecameWorse(context.original, before, graph, kTolerated, *data,
                   context.context)) {
    return corrected;
  }
  context.context.Detail("bias-correction: left out, outputs became worse");
  graph = before;
  if (RoundsWithFeedback(context.recipe)) {
    RoundWithFeedback(context, false, graph);
  }
  return 0;
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
