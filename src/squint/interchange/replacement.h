// One node that is written out in others, and what takes its place.
#ifndef SQUINT_INTERCHANGE_REPLACEMENT_H_
#define SQUINT_INTERCHANGE_REPLACEMENT_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "squint/graph/graph.h"

namespace squint {

class Replacement {
 public:
  Replacement(Graph& graph, NodeId id)
      : graph_(graph), id_(id), node_(graph.node(id)) {}

  const Node& node() const { return node_; }
  bool has(size_t i) const { return node_.has_input(i); }
  ValueId in(size_t i) const { return node_.input(i); }
  const Shape& shape(size_t i) const { return graph_.value(in(i)).shape; }

  // A new value, or the node's own result `output` if that is not kNoValue.
  ValueId Emit(std::string_view op_type, std::vector<ValueId> inputs,
               Attributes attributes = {}, ValueId output = kNoValue) {
    Node made;
    made.op_type = op_type;
    made.user_names = node_.user_names;
    made.name = output == kNoValue ? "" : node_.name;
    made.inputs = std::move(inputs);
    made.attributes = std::move(attributes);
    made.outputs = {output == kNoValue ? NewValue(op_type) : output};
    const ValueId result = made.outputs[0];
    graph_.InsertBefore(id_, std::move(made));
    return result;
  }
  // The node itself goes; this one makes its result.
  void Last(std::string_view op_type, std::vector<ValueId> inputs,
            Attributes attributes = {}) {
    graph_.RemoveNode(id_);
    Emit(op_type, std::move(inputs), std::move(attributes), node_.output());
  }
  // A scalar of the type of input 0.
  ValueId Scalar(std::string_view name, float value) {
    const DType dtype = graph_.value(in(0)).dtype;
    const Tensor scalar = Tensor::Scalar<float>(value);
    return graph_.AddConstant(name,
                              IsFloat(dtype) ? scalar.CastTo(dtype) : scalar);
  }
  // The attributes but these.
  Attributes Without(const std::vector<std::string>& keys) const {
    Attributes attributes = node_.attributes;
    for (const std::string& key : keys) attributes.erase(key);
    return attributes;
  }
  Graph& graph() { return graph_; }

 private:
  ValueId NewValue(std::string_view op_type) {
    const Value& result = graph_.value(node_.output());
    return graph_.AddValue(fmt::format("{}_{}", result.name, op_type),
                           graph_.value(in(0)).dtype);
  }

  Graph& graph_;
  NodeId id_;
  Node node_;
};

}  // namespace squint

#endif  // SQUINT_INTERCHANGE_REPLACEMENT_H_
