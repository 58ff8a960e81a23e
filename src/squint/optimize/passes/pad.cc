// Pad of zeros in front of Conv and pools becomes their own padding, only
// where every result stays the same:
//   Conv         zeros are what it pads with
//   AveragePool  when it counts padding; or when it has none yet, as it then
//                may start to count it
//   MaxPool      pads with nothing, so only if the data is known to be at
//                least the pad value (behind a Relu, say)
#include <algorithm>
#include <limits>
#include <numeric>
#include <optional>
#include <vector>

#include "squint/ops/op.h"
#include "squint/optimize/editor.h"
#include "squint/optimize/pass.h"

namespace squint {
namespace {

using Sizes = std::vector<int64_t>;

struct Padding {
  ValueId data = kNoValue;
  Sizes spatial;  // begins, then ends, of axes 2, 3, ...
  double value = 0.0;
};

// All pads of all axes (begins, then ends); nullopt when not known.
std::optional<Sizes> AllPads(const Editor& editor, const Node& node, int rank) {
  const Tensor* pads = editor.Constant(node, 1);
  if (pads == nullptr) return std::nullopt;
  Sizes axes(static_cast<size_t>(rank));
  std::iota(axes.begin(), axes.end(), 0);
  if (node.has_input(3)) {
    const Tensor* constant = editor.Constant(node, 3);
    if (constant == nullptr) return std::nullopt;
    axes = constant->ToInts();
  }
  const Sizes given = pads->ToInts();
  if (given.size() != 2 * axes.size()) return std::nullopt;
  Sizes all(2 * static_cast<size_t>(rank), 0);
  for (size_t i = 0; i < axes.size(); ++i) {
    const auto axis = static_cast<size_t>(NormalizeAxis(axes[i], rank));
    all[axis] = given[i];
    all[axis + static_cast<size_t>(rank)] = given[i + axes.size()];
  }
  return all;
}

std::optional<Padding> ReadPad(const Editor& editor, const Node& node) {
  const int rank = editor.Rank(node.input(0));
  if (!node.Is("Pad") || node.String("mode", "constant") != "constant" ||
      rank < 3 || editor.IsQuantized(node) ||
      !editor.IsFloat32(node.input(0))) {
    return std::nullopt;
  }
  const std::optional<Sizes> all = AllPads(editor, node, rank);
  if (!all) return std::nullopt;
  Padding padding;
  padding.data = node.input(0);
  for (size_t i = 0; i < all->size(); ++i) {
    const size_t axis = i % static_cast<size_t>(rank);
    if ((*all)[i] < 0 || (axis < 2 && (*all)[i] != 0)) return std::nullopt;
    if (axis >= 2) padding.spatial.push_back((*all)[i]);
  }
  if (node.has_input(2)) {
    const std::optional<double> value = editor.Scalar(node.input(2));
    if (!value) return std::nullopt;
    padding.value = *value;
  }
  return padding;
}

// Known to be >= 0 wherever it comes from.
bool IsNonNegative(const Editor& editor, ValueId value, int depth = 0) {
  const NodeId id = editor.Producer(value);
  if (id == kNoNode || depth > 8) return false;
  const Node& node = editor.graph().node(id);
  for (const char* type : {"Relu", "Sigmoid", "Softmax", "HardSigmoid"}) {
    if (node.Is(type)) return true;
  }
  if (node.Is("Clip")) return editor.Scalar(node.input(1)).value_or(-1) >= 0;
  const bool keeps = node.Is("MaxPool") || node.Is("AveragePool") ||
                     node.Is("GlobalAveragePool") || node.Is("Concat") ||
                     node.Is("Add") || node.Is("Mul");
  return keeps && std::all_of(node.inputs.begin(), node.inputs.end(),
                              [&](ValueId input) {
                                return IsNonNegative(editor, input, depth + 1);
                              });
}

// The reader's own pads (zeros when it has none); nullopt when they depend
// on sizes.
std::optional<Sizes> OwnPads(const Node& node, size_t count) {
  const std::string auto_pad = node.String("auto_pad", "NOTSET");
  if (auto_pad == "VALID") return Sizes(count, 0);
  if (auto_pad != "NOTSET" && !auto_pad.empty()) return std::nullopt;
  Sizes pads = node.Ints("pads", Sizes(count, 0));
  if (pads.size() != count) return std::nullopt;
  return pads;
}

bool HasAny(const Sizes& pads) {
  return std::any_of(pads.begin(), pads.end(),
                     [](int64_t pad) { return pad != 0; });
}

// A pool whose windows all reach real data: ONNX Runtime wants pads smaller
// than the kernel, and windows that round up or have holes are left.
bool IsPlainPool(const Node& node, const Sizes& pads) {
  const Sizes kernel = node.Ints("kernel_shape");
  const Sizes dilations = node.Ints("dilations");
  if (node.Int("ceil_mode", 0) != 0 || kernel.size() * 2 != pads.size() ||
      std::any_of(dilations.begin(), dilations.end(),
                  [](int64_t d) { return d != 1; })) {
    return false;
  }
  for (size_t i = 0; i < pads.size(); ++i) {
    if (pads[i] >= kernel[i % kernel.size()]) return false;
  }
  return true;
}

bool CanTake(const Editor& editor, const Node& node, const Padding& padding,
             const Sizes& own, const Sizes& sum) {
  if (editor.IsQuantized(node)) return false;
  if (node.Is("Conv")) return padding.value == 0.0;
  if (node.Is("AveragePool")) {
    return padding.value == 0.0 && IsPlainPool(node, sum) &&
           (node.Int("count_include_pad", 0) != 0 || !HasAny(own));
  }
  if (!node.Is("MaxPool") || node.outputs.size() > 1) return false;
  const bool below_all =
      padding.value <=
      static_cast<double>(std::numeric_limits<float>::lowest());
  return IsPlainPool(node, sum) &&
         (below_all ||
          (padding.value <= 0.0 && IsNonNegative(editor, padding.data)));
}

bool FoldIntoReader(Editor& editor, NodeId reader, const Padding& padding) {
  Node& node = editor.graph().node(reader);
  const auto own = OwnPads(node, padding.spatial.size());
  if (!own) return false;
  Sizes sum = *own;
  for (size_t i = 0; i < sum.size(); ++i) sum[i] += padding.spatial[i];
  if (!CanTake(editor, node, padding, *own, sum)) return false;
  if (node.Is("AveragePool")) node.Set("count_include_pad", int64_t{1});
  node.attributes.erase("auto_pad");
  node.Set("pads", sum);
  editor.SetInput(reader, 0, padding.data);
  return true;
}

int RunPad(Graph& graph, PassContext& pass) {
  Editor editor(graph);
  for (const NodeId id : graph.order()) {
    const std::optional<Padding> padding = ReadPad(editor, graph.node(id));
    if (!padding) continue;
    const ValueId padded = graph.node(id).output();
    const std::vector<Use> uses = editor.UsesOf(padded);
    for (const Use& use : uses) {
      if (use.node == kNoNode || use.index != 0 ||
          !FoldIntoReader(editor, use.node, *padding)) {
        continue;
      }
      pass.Say("{} into {}", editor.Name(id), editor.Name(use.node));
      if (uses.size() == 1) editor.MergeNames(use.node, id);
    }
    editor.RemoveUnread(padded);
  }
  return pass.changes();
}

}  // namespace

extern constinit const PassDef kPadPass = {
    .name = "pad",
    .summary = "Pad of zeros becomes the padding of Conv and pools",
    .run = RunPad,
};

}  // namespace squint
