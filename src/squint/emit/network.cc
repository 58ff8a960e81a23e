#include "squint/emit/network.h"

#include <algorithm>
#include <set>

#include "squint/base/error.h"

namespace squint {
namespace {

constexpr size_t kMostReasons = 8;  // in one message

bool IsIntegerType(DType dtype) {
  return dtype == DType::kInt8 || dtype == DType::kUint8 ||
         dtype == DType::kInt16;
}

bool Contains(const std::vector<Port>& ports, ValueId id) {
  return std::ranges::find(ports, id, &Port::value) != ports.end();
}

Port PortOf(const Graph& graph, ValueId value, std::string name) {
  const Value& stored = graph.value(value);
  Port port;
  port.value = value;
  port.name = std::move(name);
  port.dtype = stored.dtype;
  port.dims = stored.is_constant() ? stored.constant.dims()
                                   : stored.shape.values().value_or(Dims());
  return port;
}

// Scale and zero point from inputs 1 and 2 of a converting node.
void SetScale(const Graph& graph, const Node& converter, Port& port) {
  const Tensor* scale = graph.ConstantOf(converter.input(1));
  const Tensor* zero = graph.ConstantOf(converter.input(2));
  if (scale == nullptr || scale->size() != 1) return;
  port.has_scale = true;
  port.scale = scale->ToFloats()[0];
  port.zero = zero == nullptr ? 0 : static_cast<int32_t>(zero->ToInts()[0]);
}

// What to do about operators that no preset makes integers of.
struct Advice {
  std::string_view op_type;
  std::string_view text;
};
constexpr Advice kAdvice[] = {
    {"ArgMax",
     "end the network before ArgMax: the caller looks for the largest"},
    {"ArgMin",
     "end the network before ArgMin: the caller looks for the smallest"},
    {"TopK", "end the network before TopK: the caller looks for the largest"},
    {"Cast",
     "begin the float network behind what converts and scales an image: the "
     "caller gives integers of the scale in model.h, which may be the image's "
     "own"},
    {"Resize", "export the Resize as a nearest one"},
};

// Adds a line, once, where there is advice about this node.
void Advise(const Node& node, std::string& advice) {
  for (const Advice& row : kAdvice) {
    if (!node.Is(row.op_type)) continue;
    if (advice.find(row.text) == std::string::npos) {
      advice += fmt::format("\n{}", row.text);
    }
  }
}

class Builder {
 public:
  Builder(FixedNetwork& network, const FixedOptions& options)
      : network_(network), graph_(network.program.graph), options_(options) {}

  void Run() {
    for (const ValueId id : graph_.inputs()) AddInput(id);
    for (const ValueId id : graph_.outputs()) AddOutput(id);
    CheckNodes();
    if (!port_failure_.empty()) {
      Fail(ErrorCode::kUnsupported, "{}", port_failure_);
    }
    KeepNeeded();
  }

 private:
  // The steps between the ports; converters that became ports are none.
  void KeepNeeded() {
    std::set<ValueId> needed;
    for (const Port& port : network_.outputs) needed.insert(port.value);
    std::vector<FixedNode> kept;
    auto& nodes = network_.program.nodes;
    for (auto it = nodes.rbegin(); it != nodes.rend(); ++it) {
      const bool wanted = std::ranges::any_of(it->outputs, [&](ValueId id) {
        return needed.contains(id) && !Contains(network_.inputs, id);
      });
      if (!wanted) continue;
      needed.insert(it->inputs.begin(), it->inputs.end());
      kept.push_back(std::move(*it));
    }
    std::ranges::reverse(kept);
    nodes = std::move(kept);
  }

  void CheckNodes() const {
    std::string reasons;
    std::string advice;
    size_t count = 0;
    for (const FixedNode& node : network_.program.nodes) {
      if (node.step || cut_.contains(node.id)) continue;
      ++count;
      Advise(graph_.node(node.id), advice);
      if (count <= kMostReasons) {
        reasons += fmt::format(
            "\n  {}: {}", NodeLabel(graph_, graph_.node(node.id)), node.reason);
      }
    }
    if (count > 0) {
      Fail(
          ErrorCode::kUnsupported,
          "{} node{} cannot be written in {}:{}{}{}\nfiles of another preset "
          "or "
          "tool: quantize the float model with --preset edge, which leaves the "
          "fewest in float{}; docs/edge.md lists what is written",
          count, count == 1 ? "" : "s", options_.real_steps ? "C" : "integers",
          reasons, count > kMostReasons ? "\n  ..." : "", advice,
          options_.real_steps ? "" : "; --allow-float writes float code");
    }
  }

  // The QuantizeLinear behind a real input becomes the input. What nothing
  // reads is none.
  void AddInput(ValueId id) {
    const std::string& name = graph_.value(id).name;
    if (uses_.of(id).empty()) return;
    if (IsIntegerType(graph_.value(id).dtype)) {
      network_.inputs.push_back(PortOf(graph_, id, name));
      return;
    }
    for (const FixedNode& node : network_.program.nodes) {
      const Node& reader = graph_.node(node.id);
      if (!reader.Is("QuantizeLinear") || reader.input(0) != id) continue;
      if (options_.real_steps && Readers(id) > 1) break;
      cut_.insert(node.id);
      network_.inputs.push_back(PortOf(graph_, reader.output(), name));
      SetScale(graph_, reader, network_.inputs.back());
      return;
    }
    if (options_.real_steps && graph_.value(id).dtype == DType::kFloat32) {
      network_.inputs.push_back(PortOf(graph_, id, name));
      return;
    }
    port_failure_ = fmt::format(
        "input '{}' ({}) is not quantized: emitted C takes integers", name,
        DTypeName(graph_.value(id).dtype));
  }

  void AddOutput(ValueId id) {
    const std::string& name = graph_.value(id).name;
    const NodeId producer = graph_.value(id).producer;
    if (producer != kNoNode && graph_.node(producer).Is("DequantizeLinear")) {
      const Node& converter = graph_.node(producer);
      cut_.insert(producer);
      network_.outputs.push_back(PortOf(graph_, converter.input(0), name));
      SetScale(graph_, converter, network_.outputs.back());
      return;
    }
    const bool real =
        options_.real_steps && graph_.value(id).dtype == DType::kFloat32;
    if (!real && !IsIntegerType(graph_.value(id).dtype)) {
      port_failure_ = fmt::format(
          "output '{}' is real numbers: quantize the float model with --preset "
          "edge, which ends in integers",
          name);
      return;
    }
    network_.outputs.push_back(PortOf(graph_, id, name));
  }

  int64_t Readers(ValueId id) const {
    return std::ranges::count_if(
        network_.program.nodes, [&](const FixedNode& node) {
          return std::ranges::find(node.inputs, id) != node.inputs.end();
        });
  }

  FixedNetwork& network_;
  const Graph& graph_;
  const UseMap uses_{graph_};
  const FixedOptions options_;
  std::set<NodeId> cut_;      // converters at inputs and outputs
  std::string port_failure_;  // told when all nodes are fine
};

}  // namespace

int64_t FixedNetwork::BytesOf(ValueId id) const {
  const Value& value = program.graph.value(id);
  const bool constant = value.is_constant();
  const DType dtype = constant ? value.constant.dtype() : value.dtype;
  const int64_t size =
      constant ? value.constant.size() : ElementCount(*value.shape.values());
  return size * BitsOf(dtype) / 8;
}

bool FixedNetwork::has_real_steps() const {
  return std::ranges::any_of(
      steps(), [](const FixedNode& node) { return node.step->is_real(); });
}

std::set<ValueId> FixedNetwork::BehindRealSteps() const {
  std::set<ValueId> behind;
  for (const FixedNode& node : steps()) {
    const bool reads = std::ranges::any_of(
        node.inputs, [&](ValueId id) { return behind.contains(id); });
    if (!reads && !node.step->is_real()) continue;
    behind.insert(node.outputs.begin(), node.outputs.end());
  }
  return behind;
}

FixedNetwork MakeNetwork(const Graph& lowered,
                         const std::vector<Dims>& input_dims,
                         const FixedOptions& options) {
  FixedNetwork network;
  network.program = MakeFixedProgram(lowered, input_dims, options);
  Builder(network, options).Run();
  return network;
}

}  // namespace squint
