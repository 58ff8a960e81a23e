#include "squint/interchange/lower.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "squint/interchange/older_forms.h"

namespace squint {
namespace {

bool Lacks(const Node& node, std::string_view key) {
  return node.FindAttribute(key) == nullptr;
}

bool IsReduction(const Node& node) {
  return node.domain.empty() && node.op_type.starts_with("Reduce") &&
         node.op_type != "ReduceSum";
}

// Axes are an attribute before this opset, and an input from it on; 0 for
// operators without.
int64_t OpsetOfAxesInput(const Node& node) {
  if (IsReduction(node)) return 18;
  const bool early =
      node.Is("ReduceSum") || node.Is("Squeeze") || node.Is("Unsqueeze");
  return early ? 13 : 0;
}

// ---- what a node follows as it stands

using Follows = bool (*)(const Graph&, const Node&);

bool HasAxesAsAttribute(const Graph&, const Node& node) {
  return node.inputs.size() == 1 && Lacks(node, "noop_with_empty_axes");
}

bool HasPartsAsAttribute(const Graph&, const Node& node) {
  return node.inputs.size() == 1 && Lacks(node, "num_outputs");
}

bool IsPlainPool(const Graph&, const Node& node) {
  return Lacks(node, "dilations") && node.Int("ceil_mode", 0) == 0;
}

bool DoesNotWrap(const Graph&, const Node& node) {
  return node.String("mode", "constant") != "wrap";
}

bool IsPlainPad(const Graph& graph, const Node& node) {
  return !node.has_input(3) && DoesNotWrap(graph, node);
}

bool IsInference(const Graph&, const Node& node) {
  return Lacks(node, "training_mode") && node.outputs.size() == 1;
}

bool IsNotSymmetric(const Graph&, const Node& node) {
  return node.String("coordinate_transformation_mode", "half_pixel") !=
         "half_pixel_symmetric";
}

bool IsPlainResize(const Graph& graph, const Node& node) {
  return Lacks(node, "antialias") && Lacks(node, "axes") &&
         Lacks(node, "keep_aspect_ratio_policy") && IsNotSymmetric(graph, node);
}

// Opsets 11 and 12 demanded roi and scales.
bool IsFullResize(const Graph& graph, const Node& node) {
  return IsPlainResize(graph, node) && node.has_input(1) && node.has_input(2);
}

// Before opset 13 the axes from `axis` on were one: the same for the last.
bool IsOverLastAxis(const Graph& graph, const Node& node) {
  const Shape& shape = graph.value(node.input(0)).shape;
  const int64_t axis = node.Int("axis", -1);
  return !Lacks(node, "axis") &&
         (axis == -1 || (shape.has_rank() && axis == shape.rank() - 1));
}

bool ReadsOneType(const Graph& graph, const Node& node) {
  return graph.value(node.input(0)).dtype == graph.value(node.input(1)).dtype;
}

bool IsFloat32(const Graph& graph, const Node& node) {
  return graph.value(node.input(0)).dtype == DType::kFloat32;
}

template <const auto&... keys>
bool LacksAll(const Graph&, const Node& node) {
  return (Lacks(node, keys) && ...);
}

constexpr std::string_view kAllowZero = "allowzero";
constexpr std::string_view kBatchDims = "batch_dims";
constexpr std::string_view kEnd = "end";
constexpr std::string_view kLast = "select_last_index";
constexpr std::string_view kLayout = "layout";
constexpr std::string_view kNumOutputs = "num_outputs";
constexpr std::string_view kReduction = "reduction";
constexpr std::string_view kStart = "start";

bool AddsOrMultiplies(const Graph&, const Node& node) {
  const std::string reduction = node.String("reduction", "none");
  return reduction == "none" || reduction == "add" || reduction == "mul";
}

// In files before opset `below` the node follows the definition of `since`.
// Rows of one operator: the highest `below` last.
struct Row {
  std::string_view op_type;
  int64_t below;
  int64_t since;
  Follows follows;
};

constexpr Row kOlder[] = {
    {"ArgMax", 12, 11, LacksAll<kLast>},
    {"ArgMin", 12, 11, LacksAll<kLast>},
    {"AveragePool", 19, 11, IsPlainPool},
    {"BatchNormalization", 14, 9, IsInference},
    {"GRU", 14, 7, LacksAll<kLayout>},
    {"GatherND", 12, 11, LacksAll<kBatchDims>},
    {"Hardmax", 13, 11, IsOverLastAxis},
    {"LSTM", 14, 7, LacksAll<kLayout>},
    {"LogSoftmax", 13, 11, IsOverLastAxis},
    {"LpPool", 18, 11, IsPlainPool},
    {"MaxPool", 12, 11, IsFloat32},
    {"Pad", 18, 11, IsPlainPad},
    {"Pad", 19, 18, DoesNotWrap},
    {"Pow", 12, 7, ReadsOneType},
    {"RNN", 14, 7, LacksAll<kLayout>},
    {"ReduceSum", 13, 11, HasAxesAsAttribute},
    {"Reshape", 14, 5, LacksAll<kAllowZero>},
    {"Resize", 13, 11, IsFullResize},
    {"Resize", 18, 13, IsPlainResize},
    {"Resize", 19, 18, IsNotSymmetric},
    {"ScatterElements", 16, 11, LacksAll<kReduction>},
    {"ScatterElements", 18, 16, AddsOrMultiplies},
    {"ScatterND", 16, 11, LacksAll<kReduction>},
    {"ScatterND", 18, 16, AddsOrMultiplies},
    {"Shape", 15, 1, LacksAll<kStart, kEnd>},
    {"Softmax", 13, 11, IsOverLastAxis},
    {"Split", 13, 11, HasPartsAsAttribute},
    {"Split", 18, 13, LacksAll<kNumOutputs>},
    {"Squeeze", 13, 11, HasAxesAsAttribute},
    {"Unsqueeze", 13, 11, HasAxesAsAttribute},
};

// ---- how nodes are made so

// Constant axes as the attribute that they were.
void AxesToAttribute(const Graph& graph, Node& node) {
  if (node.Int("noop_with_empty_axes", 0) != 0) return;
  if (node.has_input(1)) {
    const Tensor* axes = graph.ConstantOf(node.input(1));
    if (axes == nullptr) return;
    node.Set("axes", axes->ToInts());
  }
  node.inputs.resize(1);
  node.attributes.erase("noop_with_empty_axes");
}

void PartsToAttribute(const Graph& graph, Node& node) {
  const Tensor* parts = graph.ConstantOf(node.input(1));
  if (parts == nullptr) return;
  node.Set("split", parts->ToInts());
  node.inputs.resize(1);
}

// Equal parts, the last one smaller where they do not divide: before opset
// 18 only the former could be said without sizes.
void ForgetNumOutputs(const Graph& graph, Node& node) {
  if (node.has_input(1)) {
    node.attributes.erase("num_outputs");
    return;
  }
  const Shape& shape = graph.value(node.input(0)).shape;
  const auto parts = static_cast<int64_t>(node.outputs.size());
  if (!shape.has_rank()) return;
  int64_t axis = node.Int("axis", 0);
  axis += axis < 0 ? shape.rank() : 0;
  const auto size = shape[static_cast<int>(axis)].value();
  if (size && *size % parts == 0) node.attributes.erase("num_outputs");
}

// An integer attribute whose value is what its absence means.
void ForgetDefaults(Node& node) {
  struct Default {
    std::string_view op_type;
    std::string_view key;
    int64_t value;
  };
  constexpr Default kDefaults[] = {
      {"ArgMax", "select_last_index", 0},
      {"ArgMin", "select_last_index", 0},
      {"BatchNormalization", "training_mode", 0},
      {"GRU", "layout", 0},
      {"GatherND", "batch_dims", 0},
      {"LSTM", "layout", 0},
      {"RNN", "layout", 0},
      {"Reshape", "allowzero", 0},
      {"Resize", "antialias", 0},
      {"Shape", "start", 0},
  };
  for (const Default& row : kDefaults) {
    if (node.Is(row.op_type) && node.Int(row.key, 0) == row.value) {
      node.attributes.erase(std::string(row.key));
    }
  }
}

void ForgetDefaultWords(Node& node) {
  if (node.Is("ScatterND") || node.Is("ScatterElements")) {
    if (node.String("reduction", "none") == "none") {
      node.attributes.erase("reduction");
    }
  } else if (node.Is("Resize") &&
             node.String("keep_aspect_ratio_policy", "stretch") == "stretch") {
    node.attributes.erase("keep_aspect_ratio_policy");
  } else if (node.Is("SpaceToDepth") && node.String("mode", "DCR") == "DCR") {
    node.attributes.erase("mode");
  }
}

// Opsets 11 and 12 demanded roi and scales, empty where they say nothing.
void GiveEmptyInputs(Graph& graph, Node& node) {
  node.inputs.resize(std::max<size_t>(node.inputs.size(), 3), kNoValue);
  for (const size_t i : {size_t{1}, size_t{2}}) {
    if (node.inputs[i] != kNoValue) continue;
    node.inputs[i] = graph.AddConstant(
        graph.value(node.outputs[0]).name + (i == 1 ? "_roi" : "_scales"),
        Tensor(DType::kFloat32, {0}));
  }
}

void Lower(Graph& graph, NodeId id, int64_t opset) {
  Node& node = graph.node(id);
  if (!node.domain.empty()) return;
  ForgetDefaults(node);
  ForgetDefaultWords(node);
  if (opset < OpsetOfAxesInput(node)) AxesToAttribute(graph, node);
  if (opset < 18 && node.Is("Split")) ForgetNumOutputs(graph, node);
  if (opset < 13 && node.Is("Split")) PartsToAttribute(graph, node);
  if (opset < 13 && node.Is("Resize")) {
    Node changed = node;
    GiveEmptyInputs(graph, changed);
    graph.node(id) = std::move(changed);
  }
  // The default was 1 and meant the rest of the axes.
  const bool softmax =
      node.Is("Softmax") || node.Is("LogSoftmax") || node.Is("Hardmax");
  if (opset < 13 && softmax && Lacks(node, "axis")) {
    graph.node(id).Set("axis", int64_t{-1});
  }
}

}  // namespace

void LowerNodes(Graph& graph, int64_t opset) {
  ForEachGraph(graph, [opset](Graph& each) {
    const std::vector<NodeId> order = each.order();
    for (const NodeId id : order) {
      if (!WriteInOlderForm(each, id, opset)) Lower(each, id, opset);
    }
  });
}

int64_t OlderDefinition(const Graph& graph, const Node& node, int64_t opset) {
  if (!node.domain.empty()) return 0;
  if (IsReduction(node)) {
    return opset < 18 && HasAxesAsAttribute(graph, node) ? 11 : 0;
  }
  for (const Row& row : kOlder) {
    if (row.op_type == node.op_type && opset < row.below) {
      return row.follows(graph, node) ? row.since : 0;
    }
  }
  return 0;
}

}  // namespace squint
