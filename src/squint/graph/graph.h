// The network: nodes and values, single assignment, topologically ordered.
// No operator semantics here; those are in ops/.
//
// Values and nodes are addressed by small integers that stay valid while the
// graph is edited: removing marks, Compact() renumbers. A value's `dtype` is
// its real type, what the operators compute with; when `quant` is set, the
// number that every reader sees is a quantized one, and a constant then
// holds the stored integers (constant.dtype() == quant->dtype).
//
// Copying a Graph copies no weights. A const Graph may be read by any thread.
#ifndef SQUINT_GRAPH_GRAPH_H_
#define SQUINT_GRAPH_GRAPH_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "squint/graph/dim.h"
#include "squint/tensor/quant_params.h"
#include "squint/tensor/tensor.h"

namespace squint {

using ValueId = int32_t;
using NodeId = int32_t;
inline constexpr ValueId kNoValue = -1;  // an optional input or output left out
inline constexpr NodeId kNoNode = -1;

class Graph;

// A nested graph (body of If, Loop, Scan), copied with its owner.
class GraphBox {
 public:
  GraphBox();
  explicit GraphBox(Graph graph);
  GraphBox(const GraphBox& other);
  GraphBox(GraphBox&&) noexcept;
  GraphBox& operator=(GraphBox other) noexcept;
  ~GraphBox();
  Graph& operator*() { return *graph_; }
  const Graph& operator*() const { return *graph_; }
  Graph* operator->() { return graph_.get(); }
  const Graph* operator->() const { return graph_.get(); }

 private:
  std::unique_ptr<Graph> graph_;
};

// Attribute types that Squint does not interpret (type protos, sparse
// tensors, lists of graphs) are kept as the bytes of the AttributeProto.
struct OpaqueAttribute {
  std::string bytes;
};
using Attribute = std::variant<int64_t, float, std::string, Tensor, GraphBox,
                               std::vector<int64_t>, std::vector<float>,
                               std::vector<std::string>, OpaqueAttribute>;
using Attributes = std::map<std::string, Attribute, std::less<>>;

struct Value {
  std::string name;       // unique in the graph, what the file will say
  std::string user_name;  // what the user's file called it; "" if none
  DType dtype = DType::kUndefined;
  Shape shape;
  std::string type_bytes;  // TypeProto of sequences, maps, optionals; "" else
  std::string opaque_fields;  // doc string, metadata: for the round trip
  Tensor constant;            // empty unless an initializer
  std::optional<QuantParams> quant;
  NodeId producer = kNoNode;  // kept by Graph
  bool is_constant() const { return !constant.empty(); }
};

struct Node {
  std::string op_type;
  std::string domain;  // "" is ai.onnx
  std::string name;    // "" allowed in files; diagnostics use NodeLabel()
  // Names in the user's file of what this node stands for (fusion merges).
  std::vector<std::string> user_names;
  std::string doc;
  std::vector<ValueId> inputs;  // kNoValue where an optional one is absent
  std::vector<ValueId> outputs;
  Attributes attributes;
  // Outer values that the nested graphs read, in the order of each nested
  // graph's `captures` (the lists of all nested graphs, concatenated by
  // attribute name).
  std::vector<ValueId> captures;
  // Function overload, metadata, device placement: for the round trip.
  std::string opaque_fields;
  bool removed = false;

  bool Is(std::string_view type, std::string_view in_domain = "") const {
    return op_type == type && domain == in_domain && !removed;
  }
  ValueId input(size_t i) const {
    return i < inputs.size() ? inputs[i] : kNoValue;
  }
  ValueId output(size_t i = 0) const {
    return i < outputs.size() ? outputs[i] : kNoValue;
  }
  bool has_input(size_t i) const { return input(i) != kNoValue; }
  // If, Loop, Scan and whatever else has a nested graph as an attribute.
  bool has_graphs() const;

  // Typed attributes; the default when absent, Error{kInvalidModel} when of
  // another type.
  const Attribute* FindAttribute(std::string_view key) const;
  int64_t Int(std::string_view key, int64_t fallback) const;
  float Float(std::string_view key, float fallback) const;
  std::string String(std::string_view key, std::string_view fallback) const;
  std::vector<int64_t> Ints(std::string_view key,
                            std::vector<int64_t> fallback = {}) const;
  void Set(std::string_view key, Attribute value);
};

// "node 'conv1' (Conv)", or by its first output when it has no name.
std::string NodeLabel(const Graph& graph, const Node& node);

class Graph {
 public:
  std::string name;
  std::string doc;
  std::map<std::string, int64_t> opset;  // domain -> version, "" is ai.onnx
  int64_t ir_version = 0;
  std::string producer_name;
  std::string producer_version;
  std::map<std::string, std::string> metadata;
  // Parts of the file that Squint does not model (training info, functions
  // left in place, quantization annotations), kept for the round trip.
  std::string opaque_model_fields;
  std::string opaque_graph_fields;

  // ---- reading
  const Value& value(ValueId id) const {
    return values_[static_cast<size_t>(id)];
  }
  Value& value(ValueId id) { return values_[static_cast<size_t>(id)]; }
  const Node& node(NodeId id) const { return nodes_[static_cast<size_t>(id)]; }
  Node& node(NodeId id) { return nodes_[static_cast<size_t>(id)]; }
  int num_values() const { return static_cast<int>(values_.size()); }
  int num_nodes() const { return static_cast<int>(nodes_.size()); }
  // Live nodes in topological order.
  std::vector<NodeId> order() const;
  const std::vector<ValueId>& inputs() const { return inputs_; }
  const std::vector<ValueId>& outputs() const { return outputs_; }
  // Inner values that stand for outer ones (nested graphs only).
  const std::vector<ValueId>& captures() const { return captures_; }
  bool IsInput(ValueId id) const;
  bool IsOutput(ValueId id) const;
  bool IsCapture(ValueId id) const;
  ValueId FindValue(std::string_view name) const;  // kNoValue if none
  // The constant behind an optional input, null when absent or not constant.
  const Tensor* ConstantOf(ValueId id) const;

  // ---- building
  // Names are made unique by a suffix when taken.
  ValueId AddValue(std::string_view name, DType dtype = DType::kUndefined,
                   Shape shape = {});
  ValueId AddInput(std::string_view name, DType dtype, Shape shape);
  ValueId AddConstant(std::string_view name, Tensor tensor);
  ValueId AddCapture(std::string_view name);  // in a nested graph
  void AddOutput(ValueId id) { outputs_.push_back(id); }
  // Appends; inputs must exist. Outputs get this node as producer.
  NodeId AddNode(Node node);
  // A node with one new output named after `output_name`.
  ValueId Emit(std::string_view op_type, std::vector<ValueId> node_inputs,
               std::string_view output_name, Attributes attributes = {},
               std::string_view domain = "");
  // As AddNode, but placed before `before` in the order.
  NodeId InsertBefore(NodeId before, Node node);
  NodeId InsertAfter(NodeId after, Node node);
  // Every node input, capture and graph output that reads `from` reads `to`
  // instead, except in node `except`.
  void ReplaceUses(ValueId from, ValueId to, NodeId except = kNoNode);
  void ReplaceInput(NodeId node_id, size_t index, ValueId to);
  void SetOutputs(std::vector<ValueId> ids) { outputs_ = std::move(ids); }
  void SetInputs(std::vector<ValueId> ids) { inputs_ = std::move(ids); }
  // The node around must pass as many values, in the same order.
  void SetCaptures(std::vector<ValueId> ids) { captures_ = std::move(ids); }
  void SetProducer(ValueId value_id, NodeId node_id, size_t output_index);
  // Marks a node removed; its outputs lose their producer.
  void RemoveNode(NodeId id);
  // Drops removed nodes and unused values; ids change.
  void Compact();
  // Puts the nodes into topological order (stable). Error{kInvalidModel}
  // names a node on a cycle.
  void SortTopologically();
  std::string UniqueName(std::string_view wish) const;
  // Renames a value (e.g. to keep a graph output's name).
  void Rename(ValueId id, std::string_view name);

 private:
  std::vector<Value> values_;
  std::vector<Node> nodes_;
  std::vector<NodeId> order_;
  std::vector<ValueId> inputs_;
  std::vector<ValueId> outputs_;
  std::vector<ValueId> captures_;
  std::map<std::string, ValueId, std::less<>> by_name_;
};

// Who reads each value: built once per pass, invalid after edits.
struct Use {
  NodeId node = kNoNode;  // kNoNode: the graph's output list
  int index = 0;          // input index; inputs.size() + i for captures
};
class UseMap {
 public:
  explicit UseMap(const Graph& graph);
  const std::vector<Use>& of(ValueId id) const {
    return uses_[static_cast<size_t>(id)];
  }
  // The only reader, when there is one and it is a node.
  NodeId SoleReader(ValueId id) const;

 private:
  std::vector<std::vector<Use>> uses_;
};

// Calls f(key, nested, first) for each nested graph of a node: the outer
// value behind nested.captures()[i] is node.captures[first + i].
template <typename NodeType, typename F>
void ForEachBody(NodeType& node, F&& f) {
  size_t first = 0;
  for (auto& [key, attribute] : node.attributes) {
    auto* box = std::get_if<GraphBox>(&attribute);
    if (box == nullptr) continue;
    const size_t count = (*box)->captures().size();
    f(key, **box, first);
    first += count;
  }
}

// What is called for each graph of a walk, which is there once.
template <typename GraphType>
class GraphVisitor {
 public:
  template <typename F>
  explicit GraphVisitor(F& f)
      : f_(const_cast<void*>(static_cast<const void*>(&f))),
        call_([](void* visit, GraphType& graph) {
          (*static_cast<F*>(visit))(graph);
        }) {}
  void operator()(GraphType& graph) const { call_(f_, graph); }

 private:
  void* f_;
  void (*call_)(void*, GraphType&);
};
void VisitGraphs(Graph& graph, const GraphVisitor<Graph>& visit);
void VisitGraphs(const Graph& graph, const GraphVisitor<const Graph>& visit);

// Calls f(graph) for the graph and every nested one, outermost first.
template <typename GraphType, typename F>
void ForEachGraph(GraphType& graph, F&& f) {
  VisitGraphs(graph, GraphVisitor<GraphType>(f));
}

// Text form, one node a line, with types, shapes and quantization.
std::string PrintGraph(const Graph& graph);

// Structure only: single assignment, order, ids in range, unique names,
// captures matching, constants' dtypes matching. Throws Error{kInternal},
// or kInvalidModel when `from_file`, naming the first violation.
void VerifyGraph(const Graph& graph, bool from_file = false);

}  // namespace squint

#endif  // SQUINT_GRAPH_GRAPH_H_
