// Per-channel scales and shifts (BatchNormalization; Mul, Div, Add, Sub, Neg
// with constants) go into the weights and bias of the Conv, ConvTranspose,
// Gemm or MatMul before them, always exactly; else chains of them become one;
// else they go into the layers after them. Zero padding allows a scale there
// but no shift: then s * x + t = s * (x + t / s) leaves an Add only. That is
// done for one s alone: with an s for each channel, t / s of a channel that
// is almost off would stretch the range of the whole tensor, and what is
// quantized per tensor would lose all others.
//
// PP-OCRv4's detector, whose layers end in x * s + t with one s and t, goes
// from 86 Mul and 89 Add to 11 and 25 this way. DenseNet's 62 normalizations
// stand between a Concat and a Relu and stay.
#include <cmath>
#include <utility>

#include "squint/optimize/linear.h"
#include "squint/optimize/pass.h"

namespace squint {
namespace {

Tensor ChannelTensor(const std::vector<double>& values, int axis, int rank) {
  Dims dims;
  if (values.size() > 1) {
    dims.assign(static_cast<size_t>(rank - axis), 1);
    dims[0] = static_cast<int64_t>(values.size());
  }
  const std::vector<float> floats(values.begin(), values.end());
  return Tensor::Of<float>(dims, floats);
}

// A chain of images is a BatchNormalization (one node, float in every target)
// where it both scales and shifts channels.
bool IsBatchNormalization(const Editor& editor, const Affine& map) {
  return map.has_scale() && map.has_shift() && map.axis == 1 &&
         map.scale.size() > 1 && editor.Rank(map.data) >= 3;
}

size_t NodesNeeded(const Editor& editor, const Affine& map) {
  if (IsBatchNormalization(editor, map)) return 1;
  return (map.has_scale() ? 1u : 0u) + (map.has_shift() ? 1u : 0u);
}

void BecomeBatchNormalization(Editor& editor, NodeId last, const Affine& map) {
  const std::string name = editor.Name(last);
  const size_t channels = map.channels();
  const auto constant = [&](std::string_view wish, auto number) {
    std::vector<float> values(channels);
    for (size_t c = 0; c < channels; ++c) {
      values[c] = static_cast<float>(number(c));
    }
    return editor.AddConstant(
        name + std::string(wish),
        Tensor::Of<float>({static_cast<int64_t>(channels)}, values));
  };
  const ValueId scale =
      constant("_scale", [&](size_t c) { return map.scale_at(c); });
  const ValueId shift =
      constant("_shift", [&](size_t c) { return map.shift_at(c); });
  const ValueId zeros = constant("_mean", [](size_t) { return 0.0; });
  const ValueId ones = constant("_var", [](size_t) { return 1.0; });
  editor.Become(last, "BatchNormalization",
                {map.data, scale, shift, zeros, ones}, {{"epsilon", 0.0f}});
}

// `last` is rewritten to the fewest nodes that do what `map` does.
void WriteMap(Editor& editor, NodeId last, const Affine& map) {
  if (IsBatchNormalization(editor, map)) {
    return BecomeBatchNormalization(editor, last, map);
  }
  const int rank = editor.Rank(map.data);
  const std::string name = editor.Name(last);
  ValueId data = map.data;
  const auto constant = [&](const std::vector<double>& values,
                            const char* wish) {
    return editor.AddConstant(name + wish,
                              ChannelTensor(values, map.axis, rank));
  };
  if (map.has_scale() && !map.has_shift()) {
    editor.Become(last, "Mul", {data, constant(map.scale, "_scale")});
    return;
  }
  if (map.has_scale()) {
    const ValueId scale = constant(map.scale, "_scale");
    data = editor.EmitBefore(last, "Mul", {data, scale});
    editor.graph().value(data).dtype = DType::kFloat32;
    editor.graph().value(data).shape = editor.graph().value(map.data).shape;
  }
  editor.Become(last, "Add", {data, constant(map.shift, "_shift")});
}

// The nodes of a chain but its last go; `heir` gets their names.
void RemoveInner(Editor& editor, const Affine& map, NodeId heir) {
  for (size_t i = 0; i + 1 < map.nodes.size(); ++i) {
    editor.MergeNames(heir, map.nodes[i]);
    editor.Remove(map.nodes[i]);
  }
}

// The scale of `map` into a MatMul that can take no bias; the shift stays.
bool FoldScale(Editor& editor, const Linear& linear, const Affine& map,
               NodeId last) {
  if (!map.has_scale() || !FoldAfter(editor, linear, map.OnlyScale())) {
    return false;
  }
  WriteMap(editor, last, map.OnlyShift());
  return true;
}

// conv -> map: the map goes, the convolution makes its output.
bool FoldIntoProducer(Editor& editor, NodeId last, PassContext& pass) {
  const std::optional<Affine> map = ReadAffineChain(editor, last);
  if (!map || editor.SoleReader(map->data) == kNoNode) return false;
  const NodeId producer = editor.Producer(map->data);
  if (producer == kNoNode) return false;
  const std::optional<Linear> linear = ReadLinear(editor, producer);
  if (!linear) return false;
  // MatMul with an Add is the Gemm pass's.
  if (linear->kind == Linear::Kind::kMatMul && !map->has_scale()) return false;
  const std::string line =
      fmt::format("{} into {}", editor.Name(last), editor.Name(producer));
  if (FoldAfter(editor, *linear, *map)) {
    editor.TakeOutput(producer, last);
  } else if (!FoldScale(editor, *linear, *map, last)) {
    return false;
  }
  RemoveInner(editor, *map, producer);
  pass.Say("{}", line);
  return true;
}

bool MergeChain(Editor& editor, NodeId last, PassContext& pass) {
  const std::optional<Affine> map = ReadAffineChain(editor, last);
  if (!map || map->nodes.size() < 2 ||
      NodesNeeded(editor, *map) >= map->nodes.size()) {
    return false;
  }
  if (NodesNeeded(editor, *map) == 0) {
    if (!editor.Bypass(last, map->data)) return false;
  } else {
    WriteMap(editor, last, *map);
  }
  RemoveInner(editor, *map, last);
  pass.Say("{} scales and shifts up to {} become {}", map->nodes.size(),
           editor.Name(last), NodesNeeded(editor, *map));
  return true;
}

// Every reader is a layer that takes `map` in front of its data input.
bool AllReadersFold(Editor& editor, ValueId value, const Affine& map) {
  for (const Use& use : editor.UsesOf(value)) {
    if (use.node == kNoNode || use.index != 0) return false;
    const std::optional<Linear> linear = ReadLinear(editor, use.node);
    if (!linear || !FoldBefore(editor, *linear, map, true)) return false;
  }
  return !editor.UsesOf(value).empty();
}

// s * x + t as s * (x + t / s): the part that padding lets pass, and the Add
// that stays.
std::optional<std::pair<Affine, Affine>> SplitForPadding(const Affine& map) {
  if (!map.has_scale() || !map.has_shift() || map.scale.size() > 1) {
    return std::nullopt;
  }
  Affine add = map.OnlyShift();
  add.shift.assign(map.channels(), 0.0);
  for (size_t c = 0; c < add.shift.size(); ++c) {
    add.shift[c] = map.shift_at(c) / map.scale[0];
  }
  if (!add.is_finite()) return std::nullopt;
  return std::pair(add, map.OnlyScale());
}

void FoldIntoReaders(Editor& editor, ValueId value, const Affine& map) {
  const std::vector<Use> uses = editor.UsesOf(value);
  for (const Use& use : uses) {
    FoldBefore(editor, *ReadLinear(editor, use.node), map, false);
  }
}

bool FoldIntoFollowers(Editor& editor, NodeId last, PassContext& pass) {
  const std::optional<Affine> map = ReadAffineChain(editor, last);
  if (!map) return false;
  const ValueId output = editor.graph().node(last).output();
  const NodeId reader =
      editor.UsesOf(output).empty() ? kNoNode : editor.UsesOf(output)[0].node;
  if (AllReadersFold(editor, output, *map)) {
    pass.Say("{} into {}", editor.Name(last), editor.Name(reader));
    FoldIntoReaders(editor, output, *map);
    editor.MergeNames(reader, last);
    editor.Bypass(last, map->data);
  } else if (const auto split = SplitForPadding(*map);
             split && AllReadersFold(editor, output, split->second)) {
    pass.Say("the scale of {} into {}", editor.Name(last), editor.Name(reader));
    FoldIntoReaders(editor, output, split->second);
    WriteMap(editor, last, split->first);
  } else {
    return false;
  }
  RemoveInner(editor, *map, reader);
  return true;
}

int RunScaleShift(Graph& graph, PassContext& pass) {
  Editor editor(graph);
  for (const NodeId id : graph.order()) {
    if (!graph.node(id).removed) FoldIntoProducer(editor, id, pass);
  }
  // Backwards, so that a chain is met at its end.
  const std::vector<NodeId> order = graph.order();
  for (auto it = order.rbegin(); it != order.rend(); ++it) {
    if (graph.node(*it).removed) continue;
    if (!MergeChain(editor, *it, pass) || !graph.node(*it).removed) {
      FoldIntoFollowers(editor, *it, pass);
    }
  }
  return pass.changes();
}

}  // namespace

extern constinit const PassDef kScaleShiftPass = {
    .name = "scale-shift",
    .summary = "BatchNormalization and constant scales and shifts into weights",
    .run = RunScaleShift,
};

}  // namespace squint
