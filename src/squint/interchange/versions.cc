#include "squint/interchange/versions.h"

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <vector>

#include "squint/interchange/lower.h"
#include "squint/interchange/qdq.h"
#include "squint/ops/op.h"

namespace squint {
namespace {

struct SinceRow {
  std::string_view op_type;
  std::array<int16_t, 12> opsets;  // ascending, then zeros
};

constexpr SinceRow kSince[] = {
#define SQUINT_SINCE(op_type, ...) {#op_type, {__VA_ARGS__}},
#include "squint/interchange/since_table.inc"
#undef SQUINT_SINCE
};

// Opsets that gave an operator another meaning for nodes written before. All
// others only allowed more: types, attributes with a neutral default,
// optional inputs. Sorted, as since_table.inc is.
constexpr SinceRow kRedefined[] = {
    {"Attention", {24, 25}},
    {"BatchNormalization", {9, 14}},
    {"Clip", {11}},
    {"ConvTranspose", {11}},
    {"DFT", {20}},
    {"Dropout", {10, 12}},
    {"GridSample", {20}},
    {"GroupNormalization", {21}},
    {"Hardmax", {13}},
    {"LogSoftmax", {13}},
    {"OneHot", {11}},
    {"Pad", {11}},
    {"ReduceL1", {18}},
    {"ReduceL2", {18}},
    {"ReduceLogSum", {18}},
    {"ReduceLogSumExp", {18}},
    {"ReduceMax", {18}},
    {"ReduceMean", {18}},
    {"ReduceMin", {18}},
    {"ReduceProd", {18}},
    {"ReduceSum", {13}},
    {"ReduceSumSquare", {18}},
    {"Resize", {11, 13, 18, 19}},
    {"RoiAlign", {16}},
    {"Scan", {9}},
    {"Slice", {10}},
    {"Softmax", {13}},
    {"Split", {13, 18}},
    {"Squeeze", {13}},
    {"TopK", {10}},
    {"Unsqueeze", {13}},
    {"Upsample", {9}},
};

const SinceRow* FindRow(std::span<const SinceRow> rows,
                        std::string_view op_type) {
  const auto row = std::lower_bound(
      rows.begin(), rows.end(), op_type,
      [](const SinceRow& a, std::string_view b) { return a.op_type < b; });
  return row != rows.end() && row->op_type == op_type ? &*row : nullptr;
}

// The last opset of a row up to this one; 0 when there is none.
int64_t LastUpTo(const SinceRow* row, int64_t opset) {
  int64_t found = 0;
  if (row == nullptr) return found;
  for (const int16_t since : row->opsets) {
    if (since > 0 && since <= opset) found = since;
  }
  return found;
}

// Lowest opset whose operators take such tensors at all.
int64_t OpsetOfType(DType dtype) {
  switch (dtype) {
    case DType::kInt2:
    case DType::kUint2:
      return 25;
    case DType::kFloat8E8M0:
      return 24;
    case DType::kFloat4E2M1:
      return 23;
    case DType::kInt4:
    case DType::kUint4:
      return 21;
    case DType::kFloat8E4M3FN:
    case DType::kFloat8E4M3FNUZ:
    case DType::kFloat8E5M2:
    case DType::kFloat8E5M2FNUZ:
      return 19;
    case DType::kBfloat16:
      return 13;
    default:
      return 1;
  }
}

// Q and DQ: 10 per tensor, 13 with an axis, 21 with blocks, 16 bits.
int64_t OpsetOfQuantize(const Graph& graph, const Node& node) {
  const ValueId stored =
      node.op_type == "QuantizeLinear" ? node.output() : node.input(0);
  const Value& scale = graph.value(node.input(1));
  if (node.FindAttribute("precision") != nullptr) return 23;
  if (node.op_type == "DequantizeLinear" &&
      node.FindAttribute("output_dtype") != nullptr) {
    return 23;
  }
  if (node.FindAttribute("output_dtype") != nullptr ||
      node.Int("block_size", 0) != 0 ||
      BitsOf(graph.value(stored).dtype) == 16) {
    return 21;
  }
  if (scale.dtype == DType::kFloat16 || scale.dtype == DType::kBfloat16) {
    return 19;
  }
  return node.FindAttribute("axis") != nullptr ? 13 : 10;
}

// 24 gave valid lengths, 25 windows.
int64_t OpsetOfAttention(const Node& node) {
  if (node.Int("left_window_size", -1) != -1 ||
      node.Int("right_window_size", -1) != -1) {
    return 25;
  }
  return node.has_input(6) ? 24 : 23;
}

// Attributes that came after the operator's own `since`.
int64_t OpsetOfAttributes(const Node& node) {
  struct Row {
    std::string_view op_type;
    std::string_view attribute;
    int64_t since;
  };
  constexpr Row kLater[] = {{"ArgMax", "select_last_index", 12},
                            {"ArgMin", "select_last_index", 12},
                            {"BatchNormalization", "training_mode", 14},
                            {"Cast", "round_mode", 24},
                            {"Cast", "saturate", 19},
                            {"Reshape", "allowzero", 14},
                            {"Shape", "end", 15},
                            {"Shape", "start", 15},
                            {"SpaceToDepth", "mode", 28}};
  int64_t opset = 1;
  for (const Row& row : kLater) {
    if (node.op_type == row.op_type &&
        node.FindAttribute(row.attribute) != nullptr) {
      opset = std::max(opset, row.since);
    }
  }
  return opset;
}

// Lowest opset for the tensors of a node.
int64_t OpsetOfTensors(const Graph& graph, const Node& node, bool* bfloat) {
  int64_t opset = 1;
  for (const auto* ids : {&node.inputs, &node.outputs}) {
    for (const ValueId id : *ids) {
      if (id == kNoValue) continue;
      opset = std::max(opset, OpsetOfType(graph.value(id).dtype));
      *bfloat = *bfloat || graph.value(id).dtype == DType::kBfloat16;
    }
  }
  return opset;
}

// Lowest opset in which this node and its tensors are legal; `lowered`: the
// opset of its definition, where that is not its row's.
int64_t OpsetOfNode(const Graph& graph, const Node& node, int64_t lowered = 0) {
  bool bfloat = false;
  int64_t opset = OpsetOfTensors(graph, node, &bfloat);
  if (!node.domain.empty()) return opset;
  opset = std::max(opset, OpsetOfAttributes(node));
  if (node.op_type == "QuantizeLinear" || node.op_type == "DequantizeLinear") {
    return std::max(opset, OpsetOfQuantize(graph, node));
  }
  if (node.op_type == "Attention") {
    opset = std::max(opset, OpsetOfAttention(node));
  } else if (const OpDef* op = FindOp(node.op_type)) {
    opset = std::max<int64_t>(opset, lowered > 0 ? lowered : op->since);
  }
  // Opset 22 gave bfloat16 to the operators that lacked it.
  if (bfloat && DefinitionAt(node.op_type, 22) == 22) {
    opset = std::max<int64_t>(opset, 22);
  }
  return opset;
}

// What the nodes of a graph and its nested graphs ask for.
struct Needs {
  int64_t opset = 1;
  std::string because;  // the node that needs it
  std::vector<const Node*> unknown;
  std::vector<std::string> labels;  // of `unknown`
  bool microsoft = false;
};

Needs NeedsOf(const Graph& graph) {
  Needs needs;
  ForEachGraph(graph, [&](const Graph& each) {
    for (const NodeId id : each.order()) {
      const Node& node = each.node(id);
      const int64_t opset = OpsetOfNode(each, node);
      if (opset > needs.opset) {
        needs.opset = opset;
        needs.because = NodeLabel(each, node);
      }
      if (IsUnknownStandard(node)) {
        needs.unknown.push_back(&node);
        needs.labels.push_back(NodeLabel(each, node));
      }
      needs.microsoft = needs.microsoft || node.domain == "com.microsoft";
    }
  });
  return needs;
}

// The index of an unknown node whose definition at `opset` is not the
// file's; -1 when all mean the same there.
int ChangedNode(const Needs& needs, int64_t file, int64_t opset) {
  for (size_t i = 0; i < needs.unknown.size(); ++i) {
    const std::string& type = needs.unknown[i]->op_type;
    if (!MeansTheSame(type, file, opset)) {
      return static_cast<int>(i);
    }
  }
  return -1;
}

int64_t LowestOpset(const Needs& needs, int64_t file) {
  const int64_t lowest = std::max(kLowestWritten, needs.opset);
  for (int64_t opset = lowest; opset <= std::max(kMeaningOpset, lowest);
       ++opset) {
    if (ChangedNode(needs, file, opset) < 0) return opset;
  }
  if (file >= needs.opset) return file;
  const int changed = ChangedNode(needs, file, lowest);
  Fail(ErrorCode::kUnsupported,
       "{} means something else after opset {} and Squint does not know the "
       "operator, but {} needs opset {}: raise the model's opset first, for "
       "example with onnx.version_converter",
       needs.labels[static_cast<size_t>(std::max(changed, 0))], file,
       needs.because, needs.opset);
}

// Why a node cannot be written in this opset; "" when it can. `file`: where
// operators without a row have their meaning from.
std::string ObstacleTo(const Graph& graph, const Node& node, int64_t file,
                       int64_t opset) {
  const int64_t lowered = OlderDefinition(graph, node, opset);
  const int64_t needed = OpsetOfNode(graph, node, lowered);
  if (opset < needed) return fmt::format("it needs opset {}", needed);
  if (!node.domain.empty() || lowered > 0) return "";
  const int64_t meaning = IsUnknownStandard(node) ? file : kMeaningOpset;
  if (MeansTheSame(node.op_type, meaning, opset)) return "";
  return fmt::format("there it means something else than in opset {}", meaning);
}

}  // namespace

std::optional<int64_t> DefinitionAt(std::string_view op_type, int64_t opset) {
  const int64_t found = LastUpTo(FindRow(kSince, op_type), opset);
  // The two that were withdrawn for good.
  if (found == 0 || (op_type == "Upsample" && opset >= 10) ||
      (op_type == "Scatter" && opset >= 11)) {
    return std::nullopt;
  }
  return found;
}

bool MeansTheSame(std::string_view op_type, int64_t a, int64_t b) {
  const SinceRow* row = FindRow(kRedefined, op_type);
  return DefinitionAt(op_type, a).has_value() ==
             DefinitionAt(op_type, b).has_value() &&
         LastUpTo(row, a) == LastUpTo(row, b);
}

bool IsUnknownStandard(const Node& node) {
  // Later opsets only gave Q and DQ more types.
  if (node.Is("QuantizeLinear") || node.Is("DequantizeLinear")) return false;
  return node.domain.empty() && FindOp(node.op_type) == nullptr;
}

int64_t IrVersionFor(int64_t opset) {
  struct Release {
    int64_t opset;
    int64_t ir;
  };
  constexpr Release kReleases[] = {{8, 3},   {9, 4},   {10, 5}, {11, 6},
                                   {14, 7},  {18, 8},  {20, 9}, {22, 10},
                                   {23, 11}, {24, 12}, {28, 13}};
  for (const Release& release : kReleases) {
    if (opset <= release.opset) return release.ir;
  }
  return 13;
}

namespace {

// The opset that the file had, taken out of the graph.
int64_t TakeFileOpset(Graph& graph) {
  const auto kept = graph.opset.find(std::string(kFileOpset));
  const int64_t file = kept == graph.opset.end() ? kMeaningOpset : kept->second;
  graph.opset.erase(std::string(kFileOpset));
  return file;
}

void SetOpset(Graph& graph, int64_t opset, bool microsoft) {
  graph.opset[""] = opset;
  // Initializers need not be inputs from IR version 4 on.
  graph.ir_version = std::max<int64_t>(IrVersionFor(opset), 4);
  if (microsoft) graph.opset.try_emplace("com.microsoft", 1);
}

}  // namespace

void SetLowestVersions(Graph& graph) {
  const Needs needs = NeedsOf(graph);
  const int64_t opset = LowestOpset(needs, TakeFileOpset(graph));
  SetOpset(graph, opset, needs.microsoft);
}

void SetVersions(Graph& graph, int64_t opset) {
  if (opset < kOldestOpset || opset > kNewestOpset) {
    Fail(ErrorCode::kInvalidArgument, "opset {} is outside {} to {}", opset,
         kOldestOpset, kNewestOpset);
  }
  const int64_t file = TakeFileOpset(graph);
  bool microsoft = false;
  ForEachGraph(graph, [&](const Graph& each) {
    for (const NodeId id : each.order()) {
      const Node& node = each.node(id);
      microsoft = microsoft || node.domain == "com.microsoft";
      const std::string obstacle = ObstacleTo(each, node, file, opset);
      if (obstacle.empty()) continue;
      Fail(ErrorCode::kUnsupported, "{} cannot be written in opset {}: {}",
           NodeLabel(each, node), opset, obstacle);
    }
  });
  SetOpset(graph, opset, microsoft);
}

}  // namespace squint
