// Q/DQ nodes to QuantParams, the inverse of the layout. No reader and no
// graph output ever sees another number than the nodes gave it:
//   DQ(integer constant), Q -> DQ of a float constant: a quantized constant
//   x -> Q -> DQ, nobody else reads x: x itself is quantized
//   x -> Q -> DQ, others read x: a new value, made from x by Requantize
//   DQ of integers with other readers or origin: the node stays and the
//     parameters stand on its result, whose numbers are on that grid
//   x -> Q of integers with other readers, nobody else reads x: the node
//     stays and x, rounded already, is quantized
// What QuantParams cannot say (scales computed at run time, float8) stays.
#include <algorithm>
#include <utility>

#include "squint/interchange/absorb.h"
#include "squint/interchange/interchange.h"
#include "squint/interchange/qdq.h"
#include "squint/interchange/scan_steps.h"

namespace squint {
namespace {

class Absorber {
 public:
  explicit Absorber(Graph& graph) : graph_(graph) {}

  void Run() {
    AbsorbNBits(graph_);
    AbsorbDynamic(graph_);
    WriteOutQLinear(graph_);
    FoldClipsOfConstants(graph_);
    MoveBehindDequantize(graph_);
    AbsorbConstants();
    AbsorbPairs();
    AbsorbGathers(graph_);
    MarkRemainingDequantized();
    MarkRemainingQuantized();
    graph_.Compact();
  }

 private:
  // DQ of stored integers; the result becomes a constant that holds them.
  void AbsorbConstants() {
    for (const NodeId id : graph_.order()) {
      const Node& node = graph_.node(id);
      if (!node.Is("DequantizeLinear") || !IsFixed(graph_, node.input(0))) {
        continue;
      }
      auto params = ParamsOfNode(graph_, node);
      if (!params) continue;
      MakeConstant(id, graph_.value(node.input(0)).constant,
                   std::move(*params));
    }
  }

  // The output of node `id` becomes a quantized constant.
  void MakeConstant(NodeId id, Tensor stored, QuantParams params) {
    const ValueId output = graph_.node(id).output();
    graph_.RemoveNode(id);
    Value& value = graph_.value(output);
    value.dtype = params.real_dtype;
    value.shape = Shape::Of(stored.dims());
    value.constant = std::move(stored);
    value.quant = std::move(params);
  }

  void AbsorbPairs() {
    for (const NodeId id : graph_.order()) {
      if (!graph_.node(id).Is("QuantizeLinear")) continue;
      const auto params = ParamsOfNode(graph_, graph_.node(id));
      if (params) AbsorbPair(id, *params);
    }
  }

  // All readers of Q's result are DQs with Q's own parameters, and DQ gives
  // the type that Q takes.
  std::vector<NodeId> EqualDequantizes(NodeId quantize,
                                       const QuantParams& params,
                                       const UseMap& uses) const {
    std::vector<NodeId> found;
    const Node& node = graph_.node(quantize);
    const DType real = graph_.value(node.input(0)).dtype;
    for (const Use& use : uses.of(node.output())) {
      if (use.node == kNoNode || use.index != 0) return {};
      const Node& reader = graph_.node(use.node);
      if (!reader.Is("DequantizeLinear") ||
          ParamsOfNode(graph_, reader) != params) {
        return {};
      }
      found.push_back(use.node);
    }
    const bool same_type =
        real == params.real_dtype || real == DType::kUndefined;
    return same_type ? found : std::vector<NodeId>{};
  }

  void AbsorbPair(NodeId quantize, const QuantParams& params) {
    const UseMap uses(graph_);
    const std::vector<NodeId> dequantizes =
        EqualDequantizes(quantize, params, uses);
    if (dequantizes.empty()) return;
    const ValueId real = graph_.node(quantize).input(0);
    const Value& value = graph_.value(real);
    if (IsFixed(graph_, real) && !value.quant &&
        value.dtype == params.real_dtype) {
      const Tensor stored = QuantizeTensor(value.constant, params);
      for (const NodeId id : dequantizes) MakeConstant(id, stored, params);
      graph_.RemoveNode(quantize);
      return;
    }
    if (CanCarry(real, dequantizes, uses)) {
      PutOn(real, quantize, dequantizes, params);
    } else {
      PutOnNew(real, quantize, dequantizes, params);
    }
  }

  // Q is all that reads the value, so that nobody misses the real one.
  bool CanCarry(ValueId real, const std::vector<NodeId>& dequantizes,
                const UseMap& uses) const {
    const Value& value = graph_.value(real);
    if (value.quant || value.is_constant() || uses.of(real).size() != 1) {
      return false;
    }
    if (value.producer != kNoNode) {
      // The result of a DQ that stays is on a grid of its own.
      return !graph_.node(value.producer).Is("DequantizeLinear");
    }
    if (!graph_.IsInput(real)) return false;  // a capture
    return std::none_of(dequantizes.begin(), dequantizes.end(), [&](NodeId id) {
      return graph_.IsOutput(graph_.node(id).output());
    });
  }

  void PutOn(ValueId real, NodeId quantize,
             const std::vector<NodeId>& dequantizes,
             const QuantParams& params) {
    Value& value = graph_.value(real);
    value.quant = params;
    value.dtype = params.real_dtype;
    graph_.RemoveNode(quantize);
    for (const NodeId id : dequantizes) ReplaceByValue(id, real);
  }

  // The result of node `id` is `by` from now on; a graph output keeps its
  // name, a second one by way of Identity.
  void ReplaceByValue(NodeId id, ValueId by) {
    const ValueId result = graph_.node(id).output();
    if (!graph_.value(by).shape.has_rank()) {
      graph_.value(by).shape = graph_.value(result).shape;
    }
    const bool is_output = graph_.IsOutput(result);
    if (is_output && (graph_.IsOutput(by) || graph_.IsInput(by))) {
      Node& node = graph_.node(id);
      node.op_type = "Identity";
      node.inputs = {by};
      node.attributes.clear();
      return;
    }
    graph_.RemoveNode(id);
    graph_.ReplaceUses(result, by);
    if (!is_output) return;
    const std::string name = graph_.value(result).name;
    const std::string user_name = graph_.value(result).user_name;
    graph_.Rename(result, graph_.UniqueName(name + "_absorbed"));
    graph_.Rename(by, name);
    graph_.value(by).user_name = user_name;
  }

  // The first DQ becomes the Requantize, in Q's place and with DQ's result.
  void PutOnNew(ValueId real, NodeId quantize,
                const std::vector<NodeId>& dequantizes,
                const QuantParams& params) {
    const ValueId result = graph_.node(dequantizes[0]).output();
    Node requantize;
    requantize.op_type = "Requantize";
    requantize.domain = "squint";
    requantize.name = graph_.node(quantize).name;
    requantize.inputs = {real};
    requantize.outputs = {result};
    graph_.RemoveNode(quantize);
    graph_.RemoveNode(dequantizes[0]);
    graph_.InsertBefore(quantize, std::move(requantize));
    Value& value = graph_.value(result);
    value.quant = params;
    value.dtype = params.real_dtype;
    for (size_t i = 1; i < dequantizes.size(); ++i) {
      ReplaceByValue(dequantizes[i], result);
    }
  }

  // DQ nodes that stay: quantized graph inputs, results of integer
  // operators, Q with several kinds of readers.
  void MarkRemainingDequantized() {
    for (const NodeId id : graph_.order()) {
      const Node& node = graph_.node(id);
      if (!node.Is("DequantizeLinear")) continue;
      auto params = ParamsOfNode(graph_, node);
      Value& result = graph_.value(node.output());
      if (params && IsExactlyRepeatable(*params) && !result.quant) {
        result.dtype = params->real_dtype;
        result.quant = std::move(params);
      }
    }
  }

  // Q nodes that stay (integer graph outputs, integer operators): rounding
  // twice is rounding once.
  void MarkRemainingQuantized() {
    const UseMap uses(graph_);
    for (const NodeId id : graph_.order()) {
      const Node& node = graph_.node(id);
      if (!node.Is("QuantizeLinear")) continue;
      auto params = ParamsOfNode(graph_, node);
      Value& real = graph_.value(node.input(0));
      const bool same_type = params && real.dtype == params->real_dtype;
      if (same_type && IsExactlyRepeatable(*params) && !real.quant &&
          !real.is_constant() && real.producer != kNoNode &&
          !graph_.node(real.producer).Is("DequantizeLinear") &&
          uses.of(node.input(0)).size() == 1) {
        real.quant = std::move(params);
      }
    }
  }

  // Quantizing what was dequantized gives the same integers: float32 keeps
  // 16 bits apart, float16 keeps 8.
  static bool IsExactlyRepeatable(const QuantParams& params) {
    const int bits = BitsOf(params.dtype);
    return bits <= 8 || (bits == 16 && params.real_dtype == DType::kFloat32);
  }

  Graph& graph_;
};

}  // namespace

void Absorb(Graph& graph) {
  ForEachGraph(graph, [](Graph& each) { Absorber(each).Run(); });
  AbsorbSteps(graph);
}

}  // namespace squint
