// A pass's hands: questions about a graph whose answers stay right while it
// is edited, and the edits that keep names, provenance and the graph's
// outputs as they must be.
#ifndef SQUINT_OPTIMIZE_EDITOR_H_
#define SQUINT_OPTIMIZE_EDITOR_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "squint/graph/graph.h"

namespace squint {

class Editor {
 public:
  explicit Editor(Graph& graph) : graph_(graph) {}

  // ---- questions
  // A constant in plain (not quantized) numbers that no caller may override;
  // null otherwise.
  const Tensor* Constant(ValueId id) const;
  const Tensor* Constant(const Node& node, size_t input) const {
    return Constant(node.input(input));
  }
  // The single number in a float constant of one element.
  std::optional<double> Scalar(ValueId id) const;
  // Readers of a value, graph outputs included.
  const std::vector<Use>& UsesOf(ValueId id);
  // The node that reads `id` and is its only use; kNoNode otherwise.
  NodeId SoleReader(ValueId id);
  // The node that makes `id`, when it is of this type in the default domain
  // and is read by nobody but one node.
  NodeId SoleProducer(ValueId id, std::string_view op_type);
  NodeId Producer(ValueId id) const;  // kNoNode for inputs, constants, none
  bool Makes(ValueId id, std::string_view op_type) const;
  // Some input or output carries quantization: hands off.
  bool IsQuantized(const Node& node) const;
  bool IsFloat32(ValueId id) const;
  // Rank of a value, -1 when unknown.
  int Rank(ValueId id) const;
  // "conv1": what a report calls a node.
  std::string Name(NodeId id) const;

  // ---- edits
  // `kept` also stands for `gone` in the user's names.
  void MergeNames(NodeId kept, NodeId gone);
  // Readers of `node`'s output 0 read `instead`, and the node goes. A graph
  // output keeps its value: then `instead`'s producer makes it. False, and
  // nothing done, when that cannot be (an input or a constant would have to
  // be the output).
  bool Bypass(NodeId node, ValueId instead);
  // `node` makes what `last` made (output 0) and `last` goes; `node`'s own
  // output 0 must have had no other reader than nodes that go too.
  void TakeOutput(NodeId node, NodeId last);
  // Input `index` becomes this constant: in place when nobody else reads the
  // old one, else a new value with the old one's user name. `wish` names a
  // constant where there was none.
  void SetConstant(NodeId node, size_t index, Tensor tensor,
                   std::string_view wish = "");
  ValueId AddConstant(std::string_view wish, Tensor tensor);
  void SetInput(NodeId node, size_t index, ValueId value);
  // A node with one output before `before`.
  ValueId EmitBefore(NodeId before, std::string_view op_type,
                     std::vector<ValueId> inputs, Attributes attributes = {});
  void Remove(NodeId node);
  // Removes the node that makes `value` if nobody reads any of its outputs,
  // then those that only it needed.
  void RemoveUnread(ValueId value);
  // Turns a node into another operator that makes the same output 0. What
  // only its old inputs needed goes.
  void Become(NodeId node, std::string_view op_type,
              std::vector<ValueId> inputs, Attributes attributes = {});
  // For edits made on the graph itself.
  void Invalidate() { uses_.reset(); }
  Graph& graph() { return graph_; }
  const Graph& graph() const { return graph_; }

 private:
  Graph& graph_;
  std::optional<UseMap> uses_;  // rebuilt when asked for after an edit
};

// The nodes in the graph's order, each once.
std::vector<NodeId> InOrder(const Graph& graph,
                            const std::vector<NodeId>& nodes);

}  // namespace squint

#endif  // SQUINT_OPTIMIZE_EDITOR_H_
