#include "squint/graph/graph.h"

#include <algorithm>
#include <queue>
#include <set>

#include "squint/base/error.h"

namespace squint {

GraphBox::GraphBox() : graph_(std::make_unique<Graph>()) {}
GraphBox::GraphBox(Graph graph)
    : graph_(std::make_unique<Graph>(std::move(graph))) {}
GraphBox::GraphBox(const GraphBox& other)
    : graph_(std::make_unique<Graph>(*other.graph_)) {}
GraphBox::GraphBox(GraphBox&&) noexcept = default;
GraphBox& GraphBox::operator=(GraphBox other) noexcept {
  std::swap(graph_, other.graph_);
  return *this;
}
GraphBox::~GraphBox() = default;

// ---- Node

const Attribute* Node::FindAttribute(std::string_view key) const {
  const auto it = attributes.find(key);
  return it == attributes.end() ? nullptr : &it->second;
}

namespace {

template <typename T>
const T* TypedAttribute(const Node& node, std::string_view key,
                        std::string_view type) {
  const Attribute* attribute = node.FindAttribute(key);
  if (attribute == nullptr) return nullptr;
  const T* typed = std::get_if<T>(attribute);
  if (typed == nullptr) {
    Fail(ErrorCode::kInvalidModel, "attribute '{}' is not of type {}", key,
         type);
  }
  return typed;
}

}  // namespace

int64_t Node::Int(std::string_view key, int64_t fallback) const {
  const auto* found = TypedAttribute<int64_t>(*this, key, "int");
  return found ? *found : fallback;
}

float Node::Float(std::string_view key, float fallback) const {
  const auto* found = TypedAttribute<float>(*this, key, "float");
  return found ? *found : fallback;
}

std::string Node::String(std::string_view key,
                         std::string_view fallback) const {
  const auto* found = TypedAttribute<std::string>(*this, key, "string");
  return found ? *found : std::string(fallback);
}

std::vector<int64_t> Node::Ints(std::string_view key,
                                std::vector<int64_t> fallback) const {
  const auto* found = TypedAttribute<std::vector<int64_t>>(*this, key, "ints");
  if (found != nullptr) return *found;
  return fallback;
}

void Node::Set(std::string_view key, Attribute value) {
  attributes.insert_or_assign(std::string(key), std::move(value));
}

std::string NodeLabel(const Graph& graph, const Node& node) {
  std::string name = node.name;
  if (name.empty() && !node.user_names.empty()) name = node.user_names[0];
  if (name.empty() && node.output() != kNoValue) {
    return fmt::format("node of '{}' ({})", graph.value(node.output()).name,
                       node.op_type);
  }
  return fmt::format("node '{}' ({})", name, node.op_type);
}

bool Node::has_graphs() const {
  return std::any_of(attributes.begin(), attributes.end(), [](const auto& a) {
    return std::holds_alternative<GraphBox>(a.second);
  });
}

// ---- Graph, reading

std::vector<NodeId> Graph::order() const {
  std::vector<NodeId> live;
  live.reserve(order_.size());
  for (const NodeId id : order_) {
    if (!node(id).removed) live.push_back(id);
  }
  return live;
}

bool Graph::IsInput(ValueId id) const {
  return std::find(inputs_.begin(), inputs_.end(), id) != inputs_.end();
}

bool Graph::IsOutput(ValueId id) const {
  return std::find(outputs_.begin(), outputs_.end(), id) != outputs_.end();
}

bool Graph::IsCapture(ValueId id) const {
  return std::find(captures_.begin(), captures_.end(), id) != captures_.end();
}

ValueId Graph::FindValue(std::string_view wanted) const {
  const auto it = by_name_.find(wanted);
  return it == by_name_.end() ? kNoValue : it->second;
}

const Tensor* Graph::ConstantOf(ValueId id) const {
  if (id == kNoValue || !value(id).is_constant()) return nullptr;
  return &value(id).constant;
}

// ---- Graph, building

std::string Graph::UniqueName(std::string_view wish) const {
  const std::string unique(wish.empty() ? "value" : wish);
  const auto is_free = [&](const std::string& candidate) {
    return by_name_.find(candidate) == by_name_.end();
  };
  const auto numbered = [&](int i) { return fmt::format("{}_{}", unique, i); };
  if (is_free(unique)) return unique;
  // The first free number where they are taken without gaps, found in a few
  // steps also behind a million of them.
  int taken = 0;
  int free = 1;
  while (!is_free(numbered(free))) taken = std::exchange(free, 2 * free);
  while (free - taken > 1) {
    const int middle = taken + (free - taken) / 2;
    (is_free(numbered(middle)) ? free : taken) = middle;
  }
  return numbered(free);
}

void Graph::Rename(ValueId id, std::string_view wish) {
  Value& renamed = value(id);
  if (renamed.name == wish) return;
  // Whoever has the name gives it up.
  if (const ValueId other = FindValue(wish); other != kNoValue) {
    const std::string fresh = UniqueName(wish);
    value(other).name = fresh;
    by_name_[fresh] = other;
  }
  by_name_.erase(renamed.name);
  renamed.name = std::string(wish);
  by_name_[renamed.name] = id;
}

ValueId Graph::AddValue(std::string_view wish, DType dtype, Shape shape) {
  const auto id = static_cast<ValueId>(values_.size());
  Value added;
  added.name = UniqueName(wish);
  added.dtype = dtype;
  added.shape = std::move(shape);
  by_name_[added.name] = id;
  values_.push_back(std::move(added));
  return id;
}

ValueId Graph::AddInput(std::string_view wish, DType dtype, Shape shape) {
  const ValueId id = AddValue(wish, dtype, std::move(shape));
  inputs_.push_back(id);
  return id;
}

ValueId Graph::AddConstant(std::string_view wish, Tensor tensor) {
  const ValueId id = AddValue(wish, tensor.dtype(), Shape::Of(tensor.dims()));
  value(id).constant = std::move(tensor);
  return id;
}

ValueId Graph::AddCapture(std::string_view wish) {
  const ValueId id = AddValue(wish);
  captures_.push_back(id);
  return id;
}

NodeId Graph::AddNode(Node added) {
  const auto id = static_cast<NodeId>(nodes_.size());
  for (const ValueId output : added.outputs) {
    if (output != kNoValue) value(output).producer = id;
  }
  nodes_.push_back(std::move(added));
  order_.push_back(id);
  return id;
}

ValueId Graph::Emit(std::string_view op_type, std::vector<ValueId> node_inputs,
                    std::string_view output_name, Attributes attributes,
                    std::string_view domain) {
  Node added;
  added.op_type = op_type;
  added.domain = domain;
  added.inputs = std::move(node_inputs);
  added.attributes = std::move(attributes);
  const ValueId output = AddValue(output_name);
  added.outputs = {output};
  added.name = value(output).name;
  AddNode(std::move(added));
  return output;
}

NodeId Graph::InsertBefore(NodeId before, Node added) {
  const NodeId id = AddNode(std::move(added));
  order_.pop_back();
  order_.insert(std::find(order_.begin(), order_.end(), before), id);
  return id;
}

NodeId Graph::InsertAfter(NodeId after, Node added) {
  const NodeId id = AddNode(std::move(added));
  order_.pop_back();
  auto it = std::find(order_.begin(), order_.end(), after);
  if (it != order_.end()) ++it;
  order_.insert(it, id);
  return id;
}

void Graph::ReplaceUses(ValueId from, ValueId to, NodeId except) {
  for (const NodeId id : order_) {
    if (id == except || node(id).removed) continue;
    for (ValueId& input : node(id).inputs) {
      if (input == from) input = to;
    }
    for (ValueId& capture : node(id).captures) {
      if (capture == from) capture = to;
    }
  }
  for (ValueId& output : outputs_) {
    if (output == from) output = to;
  }
}

void Graph::ReplaceInput(NodeId node_id, size_t index, ValueId to) {
  Node& changed = node(node_id);
  if (index >= changed.inputs.size()) {
    changed.inputs.resize(index + 1, kNoValue);
  }
  changed.inputs[index] = to;
}

void Graph::SetProducer(ValueId value_id, NodeId node_id, size_t output_index) {
  Node& producer = node(node_id);
  if (output_index >= producer.outputs.size()) {
    producer.outputs.resize(output_index + 1, kNoValue);
  }
  producer.outputs[output_index] = value_id;
  value(value_id).producer = node_id;
}

void Graph::RemoveNode(NodeId id) {
  Node& removed = node(id);
  removed.removed = true;
  for (const ValueId output : removed.outputs) {
    if (output != kNoValue && value(output).producer == id) {
      value(output).producer = kNoNode;
    }
  }
}

void Graph::Compact() {
  std::vector<char> used(values_.size(), 0);
  const auto mark = [&](const std::vector<ValueId>& ids) {
    for (const ValueId id : ids) {
      if (id != kNoValue) used[static_cast<size_t>(id)] = 1;
    }
  };
  mark(inputs_);
  mark(outputs_);
  mark(captures_);
  const std::vector<NodeId> live = order();
  for (const NodeId id : live) {
    mark(node(id).inputs);
    mark(node(id).outputs);
    mark(node(id).captures);
  }
  std::vector<ValueId> new_value(values_.size(), kNoValue);
  std::vector<Value> values;
  by_name_.clear();
  for (size_t i = 0; i < values_.size(); ++i) {
    if (!used[i]) continue;
    new_value[i] = static_cast<ValueId>(values.size());
    by_name_[values_[i].name] = new_value[i];
    values_[i].producer = kNoNode;
    values.push_back(std::move(values_[i]));
  }
  values_ = std::move(values);
  const auto renumber = [&](std::vector<ValueId>& ids) {
    for (ValueId& id : ids) {
      if (id != kNoValue) id = new_value[static_cast<size_t>(id)];
    }
  };
  renumber(inputs_);
  renumber(outputs_);
  renumber(captures_);
  std::vector<Node> nodes;
  for (const NodeId id : live) {
    Node& kept = node(id);
    renumber(kept.inputs);
    renumber(kept.outputs);
    renumber(kept.captures);
    for (const ValueId output : kept.outputs) {
      if (output != kNoValue) {
        value(output).producer = static_cast<NodeId>(nodes.size());
      }
    }
    nodes.push_back(std::move(kept));
  }
  nodes_ = std::move(nodes);
  order_.resize(nodes_.size());
  for (size_t i = 0; i < order_.size(); ++i) {
    order_[i] = static_cast<NodeId>(i);
  }
}

void Graph::SortTopologically() {
  const std::vector<NodeId> live = order();
  std::vector<int> position(nodes_.size(), 0);
  std::vector<int> waiting(nodes_.size(), 0);
  std::vector<std::vector<NodeId>> readers(nodes_.size());
  for (size_t i = 0; i < live.size(); ++i) {
    position[static_cast<size_t>(live[i])] = static_cast<int>(i);
    const Node& reader = node(live[i]);
    const auto depend = [&](ValueId id) {
      if (id == kNoValue || value(id).producer == kNoNode) return;
      readers[static_cast<size_t>(value(id).producer)].push_back(live[i]);
      ++waiting[static_cast<size_t>(live[i])];
    };
    for (const ValueId id : reader.inputs) depend(id);
    for (const ValueId id : reader.captures) depend(id);
  }
  // Smallest original position first keeps the order stable.
  const auto later = [&](NodeId a, NodeId b) {
    return position[static_cast<size_t>(a)] > position[static_cast<size_t>(b)];
  };
  std::priority_queue<NodeId, std::vector<NodeId>, decltype(later)> ready(
      later);
  for (const NodeId id : live) {
    if (waiting[static_cast<size_t>(id)] == 0) ready.push(id);
  }
  std::vector<NodeId> sorted;
  while (!ready.empty()) {
    const NodeId id = ready.top();
    ready.pop();
    sorted.push_back(id);
    for (const NodeId reader : readers[static_cast<size_t>(id)]) {
      if (--waiting[static_cast<size_t>(reader)] == 0) ready.push(reader);
    }
  }
  if (sorted.size() != live.size()) {
    for (const NodeId id : live) {
      if (waiting[static_cast<size_t>(id)] > 0) {
        Fail(ErrorCode::kInvalidModel, "{} is on a cycle, or behind one",
             NodeLabel(*this, node(id)));
      }
    }
  }
  order_ = std::move(sorted);
}

// ---- UseMap

UseMap::UseMap(const Graph& graph)
    : uses_(static_cast<size_t>(graph.num_values())) {
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    int index = 0;
    for (const auto* list : {&node.inputs, &node.captures}) {
      for (const ValueId input : *list) {
        if (input != kNoValue) {
          uses_[static_cast<size_t>(input)].push_back({id, index});
        }
        ++index;
      }
    }
  }
  int index = 0;
  for (const ValueId output : graph.outputs()) {
    uses_[static_cast<size_t>(output)].push_back({kNoNode, index++});
  }
}

NodeId UseMap::SoleReader(ValueId id) const {
  const auto& uses = of(id);
  return uses.size() == 1 ? uses[0].node : kNoNode;
}

// ---- verifier

void VerifyGraph(const Graph& graph, bool from_file) {
  const ErrorCode code =
      from_file ? ErrorCode::kInvalidModel : ErrorCode::kInternal;
  std::vector<char> defined(static_cast<size_t>(graph.num_values()), 0);
  const auto define = [&](ValueId id, std::string_view by) {
    if (id < 0 || id >= graph.num_values()) {
      Fail(code, "{} defines a value that does not exist", by);
    }
    if (defined[static_cast<size_t>(id)]) {
      Fail(code, "tensor '{}' is defined twice, the second time by {}",
           graph.value(id).name, by);
    }
    defined[static_cast<size_t>(id)] = 1;
  };
  std::set<std::string_view> names;
  for (ValueId id = 0; id < graph.num_values(); ++id) {
    const Value& value = graph.value(id);
    if (!names.insert(value.name).second) {
      Fail(code, "two tensors are called '{}'", value.name);
    }
    if (value.is_constant()) {
      if (value.producer == kNoNode && !graph.IsInput(id)) {
        define(id, "an initializer");
      }
      const DType expected = value.quant ? value.quant->dtype : value.dtype;
      if (value.constant.dtype() != expected) {
        Fail(code, "tensor '{}' holds {} where {} is declared", value.name,
             DTypeName(value.constant.dtype()), DTypeName(expected));
      }
    }
  }
  for (const ValueId id : graph.inputs()) define(id, "the inputs");
  for (const ValueId id : graph.captures()) define(id, "the captures");
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    const std::string label = NodeLabel(graph, node);
    const auto require = [&](ValueId input) {
      if (input == kNoValue) return;
      if (input < 0 || input >= graph.num_values() ||
          !defined[static_cast<size_t>(input)]) {
        Fail(code, "{} reads tensor '{}', which nothing before it defines",
             label,
             input >= 0 && input < graph.num_values() ? graph.value(input).name
                                                      : std::to_string(input));
      }
    };
    for (const ValueId input : node.inputs) require(input);
    for (const ValueId input : node.captures) {
      if (input == kNoValue) Fail(code, "{} captures nothing", label);
      require(input);
    }
    size_t captures = 0;
    for (const auto& [key, attribute] : node.attributes) {
      if (const auto* box = std::get_if<GraphBox>(&attribute)) {
        VerifyGraph(**box, from_file);
        captures += (*box)->captures().size();
      }
    }
    if (captures != node.captures.size()) {
      Fail(code, "{}: its nested graphs capture {} tensors, it passes {}",
           label, captures, node.captures.size());
    }
    for (const ValueId output : node.outputs) {
      if (output == kNoValue) continue;
      define(output, label);
      if (graph.value(output).producer != id) {
        Fail(code, "{}: tensor '{}' names another producer", label,
             graph.value(output).name);
      }
    }
  }
  for (const ValueId id : graph.outputs()) {
    if (id < 0 || id >= graph.num_values() ||
        !defined[static_cast<size_t>(id)]) {
      Fail(code, "graph output '{}' is defined by nothing",
           id >= 0 && id < graph.num_values() ? graph.value(id).name
                                              : std::to_string(id));
    }
  }
}

namespace {

template <typename GraphType>
void Visit(GraphType& graph, const GraphVisitor<GraphType>& visit) {
  visit(graph);
  for (const NodeId id : graph.order()) {
    for (auto& [key, attribute] : graph.node(id).attributes) {
      if (auto* box = std::get_if<GraphBox>(&attribute)) Visit(**box, visit);
    }
  }
}

}  // namespace

void VisitGraphs(Graph& graph, const GraphVisitor<Graph>& visit) {
  Visit(graph, visit);
}

void VisitGraphs(const Graph& graph, const GraphVisitor<const Graph>& visit) {
  Visit(graph, visit);
}

}  // namespace squint
