#include "squint/graph/splice.h"

#include <set>
#include <utility>

#include "squint/base/error.h"

namespace squint {
namespace {

// What each value of the body is in the graph. Outputs that a node makes are
// the replaced node's, all others but what is read are new.
std::vector<ValueId> MapValues(Graph& graph, const Node& replaced,
                               const Graph& body,
                               const std::vector<ValueId>& reads,
                               const std::string& prefix) {
  std::vector<ValueId> map(static_cast<size_t>(body.num_values()), kNoValue);
  std::set<ValueId> mapped;
  size_t next = 0;
  for (const auto* list : {&body.inputs(), &body.captures()}) {
    for (const ValueId id : *list) {
      map[static_cast<size_t>(id)] =
          next < reads.size() ? reads[next] : kNoValue;
      mapped.insert(id);
      ++next;
    }
  }
  for (size_t i = 0; i < body.outputs().size(); ++i) {
    const ValueId id = body.outputs()[i];
    if (body.value(id).producer != kNoNode && replaced.output(i) != kNoValue &&
        mapped.insert(id).second) {
      map[static_cast<size_t>(id)] = replaced.output(i);
      graph.value(replaced.output(i)).quant = body.value(id).quant;
    }
  }
  for (ValueId id = 0; id < body.num_values(); ++id) {
    if (mapped.contains(id)) continue;
    Value value = body.value(id);
    const ValueId added =
        graph.AddValue(prefix + value.name, value.dtype, value.shape);
    value.name = graph.value(added).name;
    value.producer = kNoNode;
    graph.value(added) = std::move(value);
    map[static_cast<size_t>(id)] = added;
  }
  return map;
}

// Outputs that are not a node's own result: a value read or a constant
// handed through, or the same value twice.
void PassOutputs(Graph& graph, NodeId before, const Node& replaced,
                 const Graph& body, const std::vector<ValueId>& map) {
  for (size_t i = 0; i < body.outputs().size(); ++i) {
    const ValueId source = map[static_cast<size_t>(body.outputs()[i])];
    if (replaced.output(i) == kNoValue || replaced.output(i) == source) {
      continue;
    }
    if (source == kNoValue) {
      Fail(ErrorCode::kUnsupported,
           "the function hands an input through that the call leaves out");
    }
    Node identity;
    identity.op_type = "Identity";
    identity.user_names = replaced.user_names;
    identity.inputs = {source};
    identity.outputs = {replaced.output(i)};
    graph.InsertBefore(before, std::move(identity));
  }
}

}  // namespace

void Splice(Graph& graph, NodeId id, const Graph& body,
            const std::vector<ValueId>& reads, const std::string& prefix) {
  const Node replaced = graph.node(id);
  graph.RemoveNode(id);
  const std::vector<ValueId> map =
      MapValues(graph, replaced, body, reads, prefix);
  for (const NodeId body_id : body.order()) {
    Node node = body.node(body_id);
    for (auto* ids : {&node.inputs, &node.outputs, &node.captures}) {
      for (ValueId& value : *ids) {
        if (value != kNoValue) value = map[static_cast<size_t>(value)];
      }
    }
    for (const ValueId capture : node.captures) {
      if (capture == kNoValue) {
        Fail(ErrorCode::kUnsupported,
             "a nested graph in the function reads an input that the call "
             "leaves out");
      }
    }
    if (!node.name.empty()) node.name = prefix + node.name;
    graph.InsertBefore(id, std::move(node));
  }
  PassOutputs(graph, id, replaced, body, map);
}

}  // namespace squint
