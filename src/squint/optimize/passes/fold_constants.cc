// Nodes whose inputs are all constants are computed once, by the operator's
// reference. Limited in size: what would only make the file larger (Expand,
// ConstantOfShape) stays, while what is no larger than its inputs (a weight
// transposed) always folds, and so does what a product reads as its weight or
// bias (a large one stored as float16): only constants become integers. Limited
// in time: the reference is plain loops, so products of large constants stay.
// QuantizeLinear and DequantizeLinear stay, because they say how weights are
// stored.
#include <algorithm>
#include <array>
#include <set>
#include <string_view>

#include "squint/ops/interpreter.h"
#include "squint/optimize/editor.h"
#include "squint/optimize/pass.h"
#include "squint/tensor/pieces.h"

namespace squint {
namespace {

constexpr size_t kAlwaysSmall = 1024;                // bytes of results
constexpr size_t kProductLimit = size_t{1} << 20;    // bytes of inputs
constexpr size_t kLazyTranspose = size_t{16} << 20;  // bytes
constexpr size_t kParameterLimit = size_t{1} << 30;  // bytes of results

// Random, or a statement about storage rather than a computation.
bool IsExcluded(const Node& node) {
  constexpr std::array<std::string_view, 9> kTypes = {
      "QuantizeLinear",    "DequantizeLinear", "DynamicQuantizeLinear",
      "RandomNormal",      "RandomNormalLike", "RandomUniform",
      "RandomUniformLike", "Bernoulli",        "Multinomial",
  };
  return !node.domain.empty() ||
         std::find(kTypes.begin(), kTypes.end(), node.op_type) != kTypes.end();
}

// Many operations for each element.
bool IsProduct(const Node& node) {
  constexpr std::array<std::string_view, 10> kTypes = {
      "MatMul", "Gemm", "Conv", "ConvTranspose", "DeformConv",
      "Einsum", "LSTM", "GRU",  "RNN",           "Attention"};
  return std::find(kTypes.begin(), kTypes.end(), node.op_type) != kTypes.end();
}

// What products and BatchNormalization read as their parameters.
std::set<ValueId> ParametersOf(const Graph& graph) {
  constexpr std::array<std::string_view, 5> kTypes = {
      "Conv", "ConvTranspose", "Gemm", "MatMul", "BatchNormalization"};
  std::set<ValueId> parameters;
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    for (size_t i = 1; i < node.inputs.size(); ++i) {
      if (std::find(kTypes.begin(), kTypes.end(), node.op_type) !=
          kTypes.end()) {
        parameters.insert(node.input(i));
      }
    }
  }
  return parameters;
}

// Operators whose output size depends on the data, at most their input's.
bool ShrinksByData(const Node& node) {
  return node.Is("NonZero") || node.Is("Compress") || node.Is("Unique");
}

class Folder {
 public:
  Folder(Graph& graph, PassContext& pass)
      : graph_(graph),
        pass_(pass),
        editor_(graph),
        parameters_(ParametersOf(graph)) {}

  void Fold(NodeId id) {
    const Node& node = graph_.node(id);
    if (!CanFold(node)) return;
    if (const Tensor* matrix = LargeTransposed(node)) {
      return Replace(id, {TransposeLazily(*matrix)});
    }
    std::vector<const Tensor*> inputs;
    std::vector<Tensor> held(node.inputs.size());
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      if (node.has_input(i)) {
        held[i] = editor_.Constant(node, i)->Materialize();
      }
      inputs.push_back(node.has_input(i) ? &held[i] : nullptr);
    }
    std::vector<Tensor> results = RunNodeReference(graph_, node, inputs);
    if (Fits(node, results)) Replace(id, std::move(results));
  }

 private:
  bool CanFold(const Node& node) const {
    const OpDef* op = FindOp(node.op_type, node.domain);
    if (op == nullptr || op->reference == nullptr || IsExcluded(node) ||
        node.has_graphs() || editor_.IsQuantized(node)) {
      return false;
    }
    if (node.inputs.empty() && !node.Is("Constant")) return false;
    for (const ValueId input : node.inputs) {
      if (input != kNoValue && editor_.Constant(input) == nullptr) return false;
    }
    for (const ValueId output : node.outputs) {
      if (output != kNoValue && graph_.IsOutput(output)) return false;
    }
    return WillFit(node);
  }

  // A weight as exporters write it, so large that its transposed form is
  // better computed when read than held.
  const Tensor* LargeTransposed(const Node& node) const {
    const Tensor* input = editor_.Constant(node, 0);
    const bool swaps = node.Is("Transpose") && input->rank() == 2 &&
                       node.Ints("perm", {1, 0}) == std::vector<int64_t>{1, 0};
    return swaps && BitsOf(input->dtype()) >= 8 &&
                   input->bytes() >= kLazyTranspose
               ? input
               : nullptr;
  }

  size_t InputBytes(const Node& node) const {
    size_t bytes = 0;
    for (const ValueId input : node.inputs) {
      if (input != kNoValue) bytes += graph_.value(input).constant.bytes();
    }
    return bytes;
  }

  size_t Limit(const Node& node) const {
    // A Constant node holds its result already.
    if (node.Is("Constant")) return SIZE_MAX;
    const size_t inputs = InputBytes(node);
    if (IsProduct(node) && inputs > kProductLimit) return 0;
    if (parameters_.contains(node.output()))
      return std::max(inputs, kParameterLimit);
    return std::max(inputs, std::min(pass_.options().fold_limit,
                                     std::max(kAlwaysSmall, 2 * inputs)));
  }

  // Judged by the inferred shapes, before anything is computed.
  bool WillFit(const Node& node) const {
    if (ShrinksByData(node) || node.Is("Constant")) return true;
    size_t bytes = 0;
    for (const ValueId output : node.outputs) {
      if (output == kNoValue) continue;
      const Value& value = graph_.value(output);
      const auto dims = value.shape.values();
      if (!dims || value.dtype == DType::kUndefined) return false;
      bytes += BytesOf(value.dtype, ElementCount(*dims));
    }
    return bytes <= std::min(Limit(node), pass_.context().memory_limit);
  }

  bool Fits(const Node& node, const std::vector<Tensor>& results) const {
    size_t bytes = 0;
    for (size_t i = 0; i < results.size(); ++i) {
      if (node.output(i) == kNoValue) continue;
      if (results[i].empty()) return false;
      bytes += results[i].bytes();
    }
    return bytes <= Limit(node);
  }

  void Replace(NodeId id, std::vector<Tensor> results) {
    const std::vector<ValueId> outputs = graph_.node(id).outputs;
    pass_.Say("{}", NodeLabel(graph_, graph_.node(id)));
    editor_.Remove(id);
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (outputs[i] == kNoValue) continue;
      Value& value = graph_.value(outputs[i]);
      value.dtype = results[i].dtype();
      value.shape = Shape::Of(results[i].dims());
      value.constant = std::move(results[i]);
    }
  }

  Graph& graph_;
  PassContext& pass_;
  Editor editor_;
  std::set<ValueId> parameters_;
};

int RunFoldConstants(Graph& graph, PassContext& pass) {
  Folder folder(graph, pass);
  for (const NodeId id : graph.order()) folder.Fold(id);
  return pass.changes();
}

}  // namespace

extern constinit const PassDef kFoldConstantsPass = {
    .name = "fold-constants",
    .summary = "nodes that read only constants are computed once, if small",
    .run = RunFoldConstants,
};

}  // namespace squint
