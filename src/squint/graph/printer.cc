// The text form of a graph, for people and for tests that compare graphs.
#include <fmt/core.h>
#include <fmt/ranges.h>

#include "squint/graph/graph.h"

namespace squint {
namespace {

std::string Describe(const Graph& graph, ValueId id) {
  if (id == kNoValue) return "-";
  const Value& value = graph.value(id);
  std::string text = fmt::format("%{}: {}{}", value.name,
                                 DTypeName(value.dtype),
                                 value.shape.ToString());
  if (value.quant) text += fmt::format(" {{{}}}", ToString(*value.quant));
  return text;
}

std::string Describe(const Attribute& attribute) {
  struct Printer {
    std::string operator()(int64_t v) const { return std::to_string(v); }
    std::string operator()(float v) const { return fmt::format("{}", v); }
    std::string operator()(const std::string& v) const {
      return fmt::format("\"{}\"", v);
    }
    std::string operator()(const Tensor& v) const {
      return fmt::format("{}{}", DTypeName(v.dtype()), DimsToString(v.dims()));
    }
    std::string operator()(const GraphBox& v) const {
      return "{\n" + PrintGraph(*v) + "}";
    }
    std::string operator()(const std::vector<int64_t>& v) const {
      return fmt::format("{}", v);
    }
    std::string operator()(const std::vector<float>& v) const {
      return fmt::format("{}", v);
    }
    std::string operator()(const std::vector<std::string>& v) const {
      return fmt::format("{}", v);
    }
    std::string operator()(const OpaqueAttribute& v) const {
      return fmt::format("<{} bytes>", v.bytes.size());
    }
  };
  return std::visit(Printer{}, attribute);
}

}  // namespace

std::string PrintGraph(const Graph& graph) {
  std::string text = fmt::format("graph {}\n", graph.name);
  for (const ValueId id : graph.inputs()) {
    text += fmt::format("  input  {}\n", Describe(graph, id));
  }
  for (const ValueId id : graph.captures()) {
    text += fmt::format("  capture {}\n", Describe(graph, id));
  }
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    std::string outputs;
    for (const ValueId output : node.outputs) {
      outputs += (outputs.empty() ? "" : ", ") + Describe(graph, output);
    }
    text += fmt::format("  {} = {}{}{}(", outputs, node.domain,
                        node.domain.empty() ? "" : "::", node.op_type);
    bool first = true;
    for (const ValueId input : node.inputs) {
      text += fmt::format("{}{}", first ? "" : ", ",
                          input == kNoValue ? "-"
                                            : "%" + graph.value(input).name);
      first = false;
    }
    text += ")";
    for (const auto& [key, attribute] : node.attributes) {
      text += fmt::format(" {}={}", key, Describe(attribute));
    }
    text += "\n";
  }
  for (const ValueId id : graph.outputs()) {
    text += fmt::format("  output {}\n", Describe(graph, id));
  }
  return text;
}

}  // namespace squint
