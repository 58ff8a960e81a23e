#include "squint/interchange/scan_steps.h"

#include <map>
#include <optional>
#include <utility>

#include "squint/interchange/qdq.h"
#include "squint/ops/recurrent_steps.h"
#include "squint/ops/step_body.h"

namespace squint {
namespace {

constexpr std::string_view kLinearBeforeReset = "linear_before_reset";

const Tensor& RequiredConstant(const Graph& graph, const Node& node,
                               size_t input) {
  const Tensor* constant = graph.ConstantOf(node.input(input));
  if (constant == nullptr) {
    Fail(ErrorCode::kUnsupported,
         "{}: input {} is no constant, as a Scan needs it to be written",
         NodeLabel(graph, node), input);
  }
  return *constant;
}

std::optional<QuantParams> GridOf(const Graph& graph, const Node& node) {
  const StepInputs& at = InputsOfSteps(node);
  if (!node.has_input(at.scale)) return std::nullopt;
  QuantParams grid;
  grid.scale = RequiredConstant(graph, node, at.scale);
  grid.zero_point = RequiredConstant(graph, node, at.zero_point);
  grid.dtype = grid.zero_point.dtype();
  return Normalized(std::move(grid));
}

StepParts PartsOf(const Graph& graph, const Node& node) {
  const StepInputs& at = InputsOfSteps(node);
  StepParts parts;
  parts.lstm = node.op_type == "LSTMSteps";
  parts.linear_before_reset = node.Int(kLinearBeforeReset, 0) != 0;
  for (size_t i = 0; i < at.num_weights; ++i) {
    const size_t input = StepInputs::kWeights + i;
    parts.weights.push_back({RequiredConstant(graph, node, input),
                             graph.value(node.input(input)).quant});
  }
  if (node.has_input(at.late_bias)) {
    parts.late_bias = RequiredConstant(graph, node, at.late_bias);
  }
  parts.grid = GridOf(graph, node);
  return parts;
}

// ---- recognising

bool AllAre(const std::vector<int64_t>& list, int64_t wanted) {
  for (const int64_t value : list) {
    if (value != wanted) return false;
  }
  return true;
}

// One scan input and output, along the first axis, in one direction.
std::optional<bool> ReverseOf(const Node& scan) {
  if (scan.Int("num_scan_inputs", 0) != 1 ||
      !AllAre(scan.Ints("scan_input_axes"), 0) ||
      !AllAre(scan.Ints("scan_output_axes"), 0)) {
    return std::nullopt;
  }
  const auto in = scan.Ints("scan_input_directions", {0});
  const auto out = scan.Ints("scan_output_directions", {0});
  if (in.size() != 1 || in != out || in[0] < 0 || in[0] > 1) {
    return std::nullopt;
  }
  return in[0] == 1;
}

bool IsWeight(const Graph& body, ValueId id, int64_t hidden, int64_t gates) {
  const Tensor* constant = body.ConstantOf(id);
  return constant != nullptr && !body.IsInput(id) &&
         body.value(id).dtype == DType::kFloat32 &&
         constant->dims() == Dims{hidden, gates * hidden};
}

std::vector<NodeId> NodesOf(const Graph& graph, std::string_view op_type) {
  std::vector<NodeId> found;
  for (const NodeId id : graph.order()) {
    if (graph.node(id).Is(op_type)) found.push_back(id);
  }
  return found;
}

// The constant that is added to `product`, if any.
Tensor LateBiasOf(const Graph& body, ValueId product, int64_t hidden) {
  for (const NodeId id : NodesOf(body, "Add")) {
    const Node& add = body.node(id);
    const Tensor* bias = body.ConstantOf(add.input(1));
    if (add.input(0) != product || bias == nullptr) continue;
    if (bias->dims() == Dims{hidden}) return *bias;
  }
  return {};
}

// What the body would be made of, if it were a step.
std::optional<StepParts> GuessParts(const Graph& body) {
  StepParts parts;
  parts.lstm = body.inputs().size() == 3;
  const std::vector<NodeId> products = NodesOf(body, "MatMul");
  if (products.size() != (parts.lstm ? 1u : 2u)) return std::nullopt;
  const Node& first = body.node(products[0]);
  const Tensor* r = body.ConstantOf(first.input(1));
  if (r == nullptr || r->rank() != 2 || r->dim(0) == 0 || !first.has_input(0)) {
    return std::nullopt;
  }
  const int64_t hidden = r->dim(0);
  const int64_t gates[] = {parts.lstm ? 4 : 2, 1};
  for (size_t i = 0; i < products.size(); ++i) {
    const ValueId weight = body.node(products[i]).input(1);
    if (!IsWeight(body, weight, hidden, gates[i])) return std::nullopt;
    parts.weights.push_back(
        {body.value(weight).constant, body.value(weight).quant});
  }
  parts.grid = body.value(first.input(0)).quant;
  if (parts.grid &&
      (parts.grid->kind != QuantKind::kStatic || !parts.grid->per_tensor())) {
    return std::nullopt;
  }
  if (!parts.lstm) {
    const Node& second = body.node(products[1]);
    parts.linear_before_reset = second.input(0) == first.input(0);
    if (parts.linear_before_reset) {
      parts.late_bias = LateBiasOf(body, second.output(), hidden);
    }
  }
  return parts;
}

// Equal up to names: the same nodes in the same order on the same values.
class Likeness {
 public:
  Likeness(const Graph& a, const Graph& b) : a_(a), b_(b) {}

  bool Holds() {
    const std::vector<NodeId> a = a_.order();
    const std::vector<NodeId> b = b_.order();
    if (a.size() != b.size() || !Bind(a_.inputs(), b_.inputs())) return false;
    for (size_t i = 0; i < a.size(); ++i) {
      if (!SameNode(a_.node(a[i]), b_.node(b[i]))) return false;
    }
    return SameValues(a_.outputs(), b_.outputs());
  }

 private:
  bool SameNode(const Node& a, const Node& b) {
    return a.op_type == b.op_type && a.domain == b.domain &&
           SameAttributes(a, b) && SameValues(a.inputs, b.inputs) &&
           Bind(a.outputs, b.outputs);
  }

  // A step's nodes have integers alone.
  static bool SameAttributes(const Node& a, const Node& b) {
    if (a.attributes.size() != b.attributes.size()) return false;
    for (const auto& [key, value] : a.attributes) {
      const Attribute* other = b.FindAttribute(key);
      const auto* number = std::get_if<int64_t>(&value);
      const auto* same = other ? std::get_if<int64_t>(other) : nullptr;
      if (number == nullptr || same == nullptr || *number != *same) {
        return false;
      }
    }
    return true;
  }

  bool SameValues(const std::vector<ValueId>& a,
                  const std::vector<ValueId>& b) const {
    if (a.size() != b.size()) return false;
    for (size_t i = 0; i < a.size(); ++i) {
      if (!SameValue(a[i], b[i])) return false;
    }
    return true;
  }

  bool SameValue(ValueId a, ValueId b) const {
    if (a == kNoValue || b == kNoValue) return a == b;
    if (const auto it = bound_.find(a); it != bound_.end()) {
      return it->second == b;
    }
    const Value& x = a_.value(a);
    const Value& y = b_.value(b);
    return x.is_constant() && y.is_constant() && x.quant == y.quant &&
           SameContent(x.constant.Materialize(), y.constant.Materialize());
  }

  bool Bind(const std::vector<ValueId>& a, const std::vector<ValueId>& b) {
    if (a.size() != b.size()) return false;
    for (size_t i = 0; i < a.size(); ++i) {
      if (b[i] == kNoValue || a_.value(a[i]).quant != b_.value(b[i]).quant ||
          b_.value(b[i]).is_constant()) {
        return false;
      }
      bound_[a[i]] = b[i];
    }
    return true;
  }

  const Graph& a_;
  const Graph& b_;
  std::map<ValueId, ValueId> bound_;
};

ValueId AddWeight(Graph& graph, const std::string& name,
                  const StepConstant& weight) {
  const ValueId id = graph.AddConstant(name, weight.content);
  graph.value(id).dtype = DType::kFloat32;
  graph.value(id).quant = weight.quant;
  return id;
}

void BecomeSteps(Graph& graph, NodeId id, const StepParts& parts,
                 bool reverse) {
  const Node scan = graph.node(id);
  Node& node = graph.node(id);
  node.op_type = parts.lstm ? "LSTMSteps" : "GRUSteps";
  node.domain = "squint";
  node.attributes.clear();
  if (reverse) node.Set("reverse", int64_t{1});
  if (parts.linear_before_reset) node.Set(kLinearBeforeReset, int64_t{1});
  const std::string name = graph.value(scan.outputs.back()).name;
  std::vector<ValueId> inputs = {scan.inputs.back()};
  for (const StepConstant& weight : parts.weights) {
    inputs.push_back(AddWeight(graph, name + "_R", weight));
  }
  inputs.insert(inputs.end(), scan.inputs.begin(), scan.inputs.end() - 1);
  if (!parts.lstm) {
    inputs.push_back(
        parts.late_bias.empty()
            ? kNoValue
            : graph.AddConstant(name + "_late_bias", parts.late_bias));
  }
  if (parts.grid) {
    inputs.push_back(
        graph.AddConstant(name + "_state_scale", parts.grid->scale));
    inputs.push_back(
        graph.AddConstant(name + "_state_zero_point", parts.grid->zero_point));
  }
  graph.node(id).inputs = std::move(inputs);
  const size_t states = scan.outputs.size() - 1;
  graph.SetProducer(scan.outputs[states], id, 0);
  for (size_t i = 0; i < states; ++i) {
    graph.SetProducer(scan.outputs[i], id, i + 1);
  }
}

void AbsorbScan(Graph& graph, NodeId id) {
  const Node& scan = graph.node(id);
  const Attribute* attribute = scan.FindAttribute("body");
  const auto* box = attribute ? std::get_if<GraphBox>(attribute) : nullptr;
  const auto reverse = ReverseOf(scan);
  if (box == nullptr || !reverse || !scan.captures.empty()) return;
  const Graph& body = **box;
  const size_t inputs = body.inputs().size();
  if ((inputs != 2 && inputs != 3) || scan.inputs.size() != inputs ||
      scan.outputs.size() != inputs || scan.outputs.back() == kNoValue) {
    return;
  }
  const auto parts = GuessParts(body);
  if (!parts || !Likeness(BuildStepBody(*parts, "step"), body).Holds()) return;
  BecomeSteps(graph, id, *parts, *reverse);
}

}  // namespace

void WriteStepsAsScan(Graph& graph, NodeId id) {
  const Node steps = graph.node(id);
  const StepInputs& at = InputsOfSteps(steps);
  const StepParts parts = PartsOf(graph, steps);
  std::vector<ValueId> outputs = steps.outputs;
  outputs.resize(parts.lstm ? 3 : 2, kNoValue);
  for (ValueId& output : outputs) {
    if (output == kNoValue) output = graph.AddValue("state", DType::kFloat32);
  }
  const std::string prefix = graph.value(outputs[0]).name;
  Graph body = BuildStepBody(parts, prefix);
  body.opset = graph.opset;
  body.ir_version = graph.ir_version;
  Node& node = graph.node(id);
  node.op_type = "Scan";
  node.domain = "";
  node.attributes.clear();
  node.Set("body", GraphBox(std::move(body)));
  node.Set("num_scan_inputs", int64_t{1});
  if (steps.Int("reverse", 0) != 0) {
    node.Set("scan_input_directions", std::vector<int64_t>{1});
    node.Set("scan_output_directions", std::vector<int64_t>{1});
  }
  node.inputs = {steps.input(at.h)};
  if (parts.lstm) node.inputs.push_back(steps.input(at.c));
  node.inputs.push_back(steps.input(StepInputs::kGates));
  const size_t states = outputs.size() - 1;
  for (size_t i = 0; i < states; ++i) graph.SetProducer(outputs[i + 1], id, i);
  graph.SetProducer(outputs[0], id, states);
}

void AbsorbSteps(Graph& graph) {
  ForEachGraph(graph, [](Graph& each) {
    bool changed = false;
    for (const NodeId id : each.order()) {
      if (!each.node(id).Is("Scan")) continue;
      AbsorbScan(each, id);
      changed |= !each.node(id).Is("Scan");
    }
    if (changed) each.Compact();
  });
}

}  // namespace squint
