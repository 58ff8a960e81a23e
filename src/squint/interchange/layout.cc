// QuantParams to nodes, in the patterns that runtimes recognise:
//   constants:   integer initializer -> DequantizeLinear -> readers
//   activations: producer -> QuantizeLinear -> DequantizeLinear -> readers
// One DQ serves all readers of a value (ONNX Runtime splits it itself). A
// zero point is always written, for without it Gemm does not fuse. Graph
// inputs and outputs keep their names: an input is quantized behind itself,
// an output is what its DQ makes.
#include "squint/interchange/layout.h"

#include <algorithm>

#include "squint/base/hash.h"
#include "squint/graph/captures.h"
#include "squint/interchange/interchange.h"
#include "squint/interchange/qdq.h"

namespace squint {

ValueId Layout::Parameter(std::string_view name, const Tensor& content) {
  if (is_nested_) return graph.AddConstant(name, content);
  const std::string key = fmt::format(
      "{} {} {}", DTypeName(content.dtype()), DimsToString(content.dims()),
      ContentHash({content.raw(), content.bytes()}));
  const auto [it, is_new] = parameters_.try_emplace(key, kNoValue);
  if (is_new) it->second = graph.AddConstant(name, content);
  return it->second;
}

std::vector<ValueId> Layout::Parameters(const std::string& name,
                                        const QuantParams& params,
                                        bool of_weight) {
  const auto parameter = [&](const char* suffix, const Tensor& content) {
    return of_weight ? graph.AddConstant(name + suffix, content.Materialize())
                     : Parameter(name + suffix, content.Materialize());
  };
  std::vector<ValueId> ids = {parameter("_scale", params.scale)};
  if (!params.zero_point.empty()) {
    ids.push_back(parameter("_zero_point", params.zero_point));
  }
  return ids;
}

ValueId Layout::Integers(ValueId constant) {
  const Tensor stored = graph.value(constant).constant;
  const std::string key =
      fmt::format("{} {} {}", static_cast<const void*>(stored.buffer().get()),
                  DTypeName(stored.dtype()), DimsToString(stored.dims()));
  const auto [it, is_new] = integers_.try_emplace(key, kNoValue);
  if (is_new) {
    it->second =
        graph.AddConstant(graph.value(constant).name + "_quantized", stored);
  }
  return it->second;
}

ValueId Layout::Insert(NodeId before, std::string_view op_type,
                       std::vector<ValueId> inputs, std::string_view output,
                       DType dtype, Attributes attributes,
                       std::string_view domain) {
  const ValueId made = graph.AddValue(output, dtype);
  InsertFor(made, before, op_type, std::move(inputs), std::move(attributes),
            domain);
  return made;
}

NodeId Layout::InsertFor(ValueId output, NodeId before,
                         std::string_view op_type, std::vector<ValueId> inputs,
                         Attributes attributes, std::string_view domain) {
  Node node;
  node.op_type = op_type;
  node.domain = domain;
  node.inputs = std::move(inputs);
  node.outputs = {output};
  node.attributes = std::move(attributes);
  return before == kNoNode ? graph.AddNode(std::move(node))
                           : graph.InsertBefore(before, std::move(node));
}

Attributes AxisAttributes(const QuantParams& params) {
  Attributes attributes;
  if (!params.per_tensor()) {
    attributes["axis"] = static_cast<int64_t>(params.axis);
  }
  if (params.block > 0) attributes["block_size"] = params.block;
  return attributes;
}

NodeId InsertQuantize(Layout& layout, ValueId real, ValueId integers,
                      const QuantParams& params, NodeId before) {
  std::vector<ValueId> inputs = {real};
  const std::string name = layout.graph.value(real).name;
  for (const ValueId id : layout.Parameters(name, params)) {
    inputs.push_back(id);
  }
  return layout.InsertFor(integers, before, "QuantizeLinear", std::move(inputs),
                          AxisAttributes(params));
}

// DQ's result has the scale's type; another real type takes a Cast.
void InsertDequantize(Layout& layout, ValueId integers, ValueId result,
                      const QuantParams& params, NodeId before,
                      bool of_weight) {
  Graph& graph = layout.graph;
  const std::string name = graph.value(result).name;
  std::vector<ValueId> inputs = {integers};
  for (const ValueId id : layout.Parameters(name, params, of_weight)) {
    inputs.push_back(id);
  }
  if (params.real_dtype == params.scale.dtype()) {
    layout.InsertFor(result, before, "DequantizeLinear", std::move(inputs),
                     AxisAttributes(params));
    return;
  }
  const ValueId scaled = layout.Insert(
      before, "DequantizeLinear", std::move(inputs), name + "_scaled",
      params.scale.dtype(), AxisAttributes(params));
  layout.InsertFor(result, before, "Cast", {scaled},
                   {{"to", static_cast<int64_t>(params.real_dtype)}});
}

NodeId PlaceBehind(const Graph& graph, ValueId id, const UseMap& uses) {
  const NodeId producer = graph.value(id).producer;
  if (producer == kNoNode) {
    return uses.of(id).empty() ? kNoNode : uses.of(id)[0].node;
  }
  const std::vector<NodeId> order = graph.order();
  const auto it = std::find(order.begin(), order.end(), producer);
  return it == order.end() || it + 1 == order.end() ? kNoNode : *(it + 1);
}

void TakeOverReaders(Graph& graph, ValueId id, ValueId result, NodeId except) {
  const std::vector<ValueId> outputs = graph.outputs();
  const bool renames = graph.IsOutput(id) && !graph.IsInput(id);
  graph.ReplaceUses(id, result, except);
  // What is input and output at once has one name for both.
  if (graph.IsInput(id)) graph.SetOutputs(outputs);
  if (!renames) return;
  const std::string name = graph.value(id).name;
  graph.Rename(id, graph.UniqueName(name + "_float"));
  graph.Rename(result, name);
  graph.value(result).user_name = graph.value(id).user_name;
}

namespace {

// A constant becomes what its DQ (or its Cast from float16) makes.
void LayOutConstant(Layout& layout, ValueId id, const UseMap& uses) {
  Graph& graph = layout.graph;
  const QuantParams params = Normalized(*graph.value(id).quant);
  const NodeId first = uses.of(id).empty() ? kNoNode : uses.of(id)[0].node;
  const ValueId stored = layout.Integers(id);
  graph.value(id).quant.reset();
  graph.value(id).constant = Tensor();
  if (params.scale.empty()) {
    layout.InsertFor(id, first, "Cast", {stored},
                     {{"to", static_cast<int64_t>(params.real_dtype)}});
  } else {
    InsertDequantize(layout, stored, id, params, first, true);
  }
}

// The Q that stands behind this value already, with its very parameters:
// what that makes are the value's integers.
NodeId EqualQuantize(const Graph& graph, ValueId id, const QuantParams& params,
                     const UseMap& uses) {
  for (const Use& use : uses.of(id)) {
    if (use.node == kNoNode || use.index != 0) continue;
    const Node& node = graph.node(use.node);
    if (!node.Is("QuantizeLinear")) continue;
    if (ParamsOfNode(graph, node) == params) return use.node;
  }
  return kNoNode;
}

// Integers of other origin (a quantized graph input, a Gather in a quantized
// table) are dequantized into `id`: its numbers are on the grid already.
bool IsMadeByEqualDequantize(const Graph& graph, ValueId id,
                             const QuantParams& params) {
  const NodeId producer = graph.value(id).producer;
  return producer != kNoNode && graph.node(producer).Is("DequantizeLinear") &&
         ParamsOfNode(graph, graph.node(producer)) == params;
}

void LayOutActivation(Layout& layout, ValueId id, const UseMap& uses) {
  Graph& graph = layout.graph;
  const QuantParams params = Normalized(*graph.value(id).quant);
  graph.value(id).quant.reset();
  if (IsMadeByEqualDequantize(graph, id, params)) return;
  const Value old = graph.value(id);
  const NodeId place = PlaceBehind(graph, id, uses);
  const NodeId equal = EqualQuantize(graph, id, params, uses);
  ValueId integers = kNoValue;
  if (equal == kNoNode) {
    integers = graph.AddValue(old.name + "_quantized", params.dtype, old.shape);
  } else {
    integers = graph.node(equal).output();
    graph.RemoveNode(equal);
  }
  const NodeId quantize = InsertQuantize(layout, id, integers, params, place);
  if (equal != kNoNode && uses.of(id).size() == 1) return;
  const ValueId result =
      graph.AddValue(old.name + "_dequantized", old.dtype, old.shape);
  TakeOverReaders(graph, id, result, quantize);
  InsertDequantize(layout, integers, result, params, place);
}

// squint::Requantize(x) -> d becomes Q and DQ in its place; without
// parameters on d it is nothing but x. Run-time parameters are left to
// LayOutDynamic.
void LayOutRequantize(Layout& layout, NodeId id) {
  Graph& graph = layout.graph;
  const ValueId real = graph.node(id).input(0);
  const ValueId result = graph.node(id).output();
  const Value made = graph.value(result);
  if (made.quant && made.quant->kind != QuantKind::kStatic) return;
  if (!made.quant && !graph.IsOutput(result)) {
    graph.ReplaceUses(result, real);
    graph.RemoveNode(id);
    return;
  }
  if (!made.quant) {
    graph.node(id).op_type = "Identity";
    graph.node(id).domain = "";
    return;
  }
  const QuantParams params = Normalized(*made.quant);
  graph.value(result).quant.reset();
  graph.RemoveNode(id);
  const ValueId integers =
      graph.AddValue(made.name + "_quantized", params.dtype, made.shape);
  InsertQuantize(layout, real, integers, params, id);
  InsertDequantize(layout, integers, result, params, id);
}

// Runtimes want a graph output to be made by a node, not to be a constant
// or, in a nested graph, a capture.
void LayOutOutputs(Layout& layout) {
  Graph& graph = layout.graph;
  std::vector<ValueId> outputs = graph.outputs();
  for (ValueId& id : outputs) {
    const bool is_fixed = graph.value(id).is_constant() && !graph.IsInput(id);
    if (!is_fixed && !graph.IsCapture(id)) continue;
    const Value old = graph.value(id);
    const ValueId made =
        layout.Insert(kNoNode, "Identity", {id}, old.name, old.dtype);
    graph.value(made).shape = old.shape;
    graph.Rename(id, graph.UniqueName(old.name + "_value"));
    graph.Rename(made, old.name);
    id = made;
  }
  graph.SetOutputs(outputs);
}

// Bytes of a constant that is worth a capture in place of a copy.
constexpr size_t kLeastShared = 256;

template <typename F>
void ForEachQuantized(Graph& graph, bool constant, F&& f) {
  const UseMap uses(graph);
  const int count = graph.num_values();
  for (ValueId id = 0; id < count; ++id) {
    Value& value = graph.value(id);
    if (!value.quant || value.is_constant() != constant) continue;
    if (constant && uses.of(id).empty()) {  // all readers took the integers
      value.quant.reset();
      continue;
    }
    f(id, uses);
  }
}

void LayOutGraph(Graph& graph, bool is_nested) {
  QuantizeBothSidesOfMovement(graph);
  Layout layout(graph, is_nested);
  for (const NodeId id : graph.order()) {
    if (graph.node(id).Is("Requantize", "squint")) LayOutRequantize(layout, id);
  }
  LayOutGathers(layout);
  LayOutDynamic(layout);
  ForEachQuantized(graph, true, [&](ValueId id, const UseMap& uses) {
    LayOutConstant(layout, id, uses);
  });
  ForEachQuantized(graph, false, [&](ValueId id, const UseMap& uses) {
    LayOutActivation(layout, id, uses);
  });
  LayOutOutputs(layout);
  graph.Compact();
}

}  // namespace

Graph LayOutQuantization(const Graph& graph) {
  Graph laid = graph;
  ExpandInternalNodes(laid);
  ForEachGraph(laid, [&](Graph& each) { LayOutGraph(each, &each != &laid); });
  ShareNestedConstants(laid, kLeastShared);
  VerifyGraph(laid);
  return laid;
}

}  // namespace squint
