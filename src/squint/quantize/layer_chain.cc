#include "squint/quantize/layer_chain.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "squint/quantize/rescaled_statistics.h"

namespace squint {
namespace {

constexpr std::array<std::string_view, 8> kHomogeneous = {
    "Relu",        "LeakyRelu",         "PRelu",         "MaxPool",
    "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "Identity"};

bool IsHomogeneous(const Node& node) {
  return std::ranges::any_of(kHomogeneous,
                             [&](std::string_view op) { return node.Is(op); });
}

// The upper limit of a Clip from zero up; none for another node.
std::optional<float> UpperLimit(const Editor& editor, const Node& node) {
  if (!node.Is("Clip") || !node.has_input(1)) return std::nullopt;
  const std::optional<double> low = editor.Scalar(node.input(1));
  if (!low || *low != 0.0) return std::nullopt;
  if (!node.has_input(2)) return std::numeric_limits<float>::infinity();
  const std::optional<double> high = editor.Scalar(node.input(2));
  if (!high || *high <= 0.0) return std::nullopt;
  return static_cast<float>(*high);
}

// [N, C, 1, 1] becomes [N, C]: channels stay where they are.
bool DropsUnitAxes(const Graph& graph, const Node& node) {
  if (!node.Is("Flatten") && !node.Is("Reshape") && !node.Is("Squeeze")) {
    return false;
  }
  const Shape& in = graph.value(node.input(0)).shape;
  const Shape& out = graph.value(node.output()).shape;
  if (!in.has_rank() || !out.has_rank() || in.rank() < 2 || out.rank() != 2 ||
      !in[1].value() || in[1].value() != out[1].value()) {
    return false;
  }
  for (int axis = 2; axis < in.rank(); ++axis) {
    if (in[axis].value() != 1) return false;
  }
  return true;
}

class ChainFinder {
 public:
  ChainFinder(Editor& editor, const MethodContext& context)
      : editor_(editor), context_(context) {}

  std::optional<LayerChain> From(NodeId id) {
    const std::optional<Linear> first = LayerOf(id);
    if (!first) return std::nullopt;
    LayerChain chain{
        .first = *first, .readers = {}, .values = {}, .between = {}};
    ValueId value = editor_.graph().node(id).output();
    for (;;) {
      if (!CanFollow(value, chain.channels())) return std::nullopt;
      chain.values.push_back(value);
      if (ReadByLayers(value, chain)) return chain;
      const NodeId next = editor_.SoleReader(value);
      if (next == kNoNode || !Passes(next, value, chain)) return std::nullopt;
      chain.between.push_back(next);
      value = editor_.graph().node(next).output();
    }
  }

 private:
  std::optional<Linear> LayerOf(NodeId id) {
    const Node& node = editor_.graph().node(id);
    if (IsExcluded(node, context_.recipe)) return std::nullopt;
    std::optional<Linear> linear = ReadLinear(editor_, id);
    if (linear && editor_.UsesOf(node.input(1)).size() > 1) linear.reset();
    return linear;
  }

  // A user's range must stay true, and statistics must be there to follow.
  bool CanFollow(ValueId id, size_t channels) const {
    const Value& value = editor_.graph().value(id);
    const auto& tensors = context_.recipe.tensors;
    if (tensors.contains(value.name) || tensors.contains(value.user_name)) {
      return false;
    }
    const auto it = context_.calibration->values.find(value.name);
    return it == context_.calibration->values.end() ||
           HasChannels(it->second, channels);
  }

  bool ReadByLayers(ValueId id, LayerChain& chain) {
    const std::vector<Use> uses = editor_.UsesOf(id);
    for (const Use& use : uses) {
      if (use.node == kNoNode || use.index != 0) return false;
      const std::optional<Linear> reader = LayerOf(use.node);
      if (!reader || reader->in_axis != chain.first.out_axis ||
          reader->in_channels != chain.first.out_channels) {
        return false;
      }
      chain.readers.push_back(*reader);
    }
    return !uses.empty();
  }

  bool Passes(NodeId id, ValueId from, LayerChain& chain) {
    const Node& node = editor_.graph().node(id);
    if (node.input(0) != from || node.outputs.size() != 1) return false;
    if (const std::optional<float> limit = UpperLimit(editor_, node)) {
      if (*limit < chain.limit) {
        chain.limit = *limit;
        chain.limited = node.output();
      }
      return true;
    }
    return IsHomogeneous(node) || DropsUnitAxes(editor_.graph(), node);
  }

  Editor& editor_;
  const MethodContext& context_;
};

Affine PerChannel(int axis, std::vector<double> scale,
                  std::vector<double> shift) {
  Affine map;
  map.axis = axis;
  map.scale = std::move(scale);
  map.shift = std::move(shift);
  return map;
}

}  // namespace

std::vector<LayerChain> FindLayerChains(Editor& editor,
                                        const MethodContext& context) {
  std::vector<LayerChain> chains;
  ChainFinder finder(editor, context);
  for (const NodeId id : editor.graph().order()) {
    if (auto chain = finder.From(id)) chains.push_back(std::move(*chain));
  }
  return chains;
}

bool ApplyToChain(Editor& editor, const LayerChain& chain,
                  std::span<const double> factor, std::span<const double> shift,
                  Calibration& calibration) {
  const Affine forth =
      PerChannel(chain.first.out_axis, {factor.begin(), factor.end()},
                 {shift.begin(), shift.end()});
  // x = (y - shift) / factor
  std::vector<double> inverse(factor.size());
  std::vector<double> back(factor.size());
  for (size_t c = 0; c < factor.size(); ++c) {
    inverse[c] = 1 / factor[c];
    back[c] = -shift[c] / factor[c];
  }
  const Affine undo = PerChannel(chain.first.out_axis, inverse, back);
  // Layers are read anew: they may have changed since the chain was found.
  std::vector<Linear> readers;
  for (const Linear& old : chain.readers) {
    readers.push_back(*ReadLinear(editor, old.node));
    if (!FoldBefore(editor, readers.back(), undo, true)) return false;
  }
  if (!FoldAfter(editor, *ReadLinear(editor, chain.first.node), forth)) {
    return false;
  }
  for (const Linear& reader : readers) {
    FoldBefore(editor, reader, undo, false);
  }
  for (const ValueId id : chain.values) {
    const std::string before = editor.graph().value(id).name;
    const std::string after = editor.graph().UniqueName(before + "_equalized");
    editor.graph().Rename(id, after);
    const auto it = calibration.values.find(before);
    if (it == calibration.values.end()) continue;
    calibration.values[after] = Rescaled(it->second, factor, shift);
    calibration.values.erase(before);
  }
  return true;
}

}  // namespace squint
