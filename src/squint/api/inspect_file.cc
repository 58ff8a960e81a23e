// squint inspect and squint ops: what is in a model, what Squint knows.
#include <algorithm>
#include <map>

#include "squint/api/forecast_text.h"
#include "squint/api/jobs.h"
#include "squint/calibrate/calibration.h"
#include "squint/data/metric.h"
#include "squint/graph/user_name.h"
#include "squint/interchange/interchange.h"
#include "squint/ops/op.h"
#include "squint/optimize/attention_pattern.h"
#include "squint/optimize/optimize.h"
#include "squint/optimize/rotary_pattern.h"
#include "squint/quantize/method.h"
#include "squint/quantize/selection.h"
#include "squint/tensor/held_bits.h"

namespace squint {
namespace {

struct Weights {
  int64_t elements = 0;
  size_t bytes = 0;
  std::map<std::string, size_t> bytes_by_type;
};

// Nested graphs included.
Weights CountWeights(const Graph& whole) {
  Weights weights;
  ForEachGraph(whole, [&](const Graph& graph) {
    for (ValueId id = 0; id < graph.num_values(); ++id) {
      const Value& value = graph.value(id);
      if (!value.is_constant()) continue;
      weights.elements += value.constant.size();
      weights.bytes += value.constant.bytes();
      weights.bytes_by_type[std::string(DTypeName(value.constant.dtype()))] +=
          value.constant.bytes();
    }
  });
  return weights;
}

std::string Signature(const Graph& graph, ValueId id) {
  const Value& value = graph.value(id);
  const bool known = value.dtype != DType::kUndefined;
  return fmt::format("{} {}{}", value.name,
                     known ? DTypeName(value.dtype) : "of unknown type",
                     value.shape.has_rank() ? value.shape.ToString()
                     : known                ? " of unknown rank"
                                            : "");
}

// What `quantize` would do with the node under the target.
std::string Outlook(const Selection& selection, NodeId id) {
  const Decision& decision = selection.of(id);
  if (decision.absorbed_clamp) return "absorbed by its producer's range";
  return decision.integer ? "integer" : "float: " + decision.reason;
}

// What small operators spell out, after optimization.
struct Patterns {
  size_t attention = 0;
  size_t causal = 0;  // of these
  size_t rotary = 0;
};

Patterns FindPatterns(const Graph& graph) {
  Patterns patterns;
  ForEachGraph(graph, [&](const Graph& each) {
    for (const AttentionMatch& match : FindAttention(each)) {
      ++patterns.attention;
      if (match.causal()) ++patterns.causal;
    }
    patterns.rotary += FindRotaryEmbeddings(each).size();
  });
  return patterns;
}

std::string QuantizationOf(const Graph& graph, const Node& node) {
  const ValueId output = node.output();
  if (output == kNoValue || !graph.value(output).quant) return "float";
  return ToString(*graph.value(output).quant);
}

// The quantized weights of a node, with the bits that they hold; biases are no
// weights.
Json WeightsOf(const Graph& graph, const Node& node) {
  Json weights = Json::array();
  for (const ValueId id : node.inputs) {
    if (id == kNoValue) continue;
    const Value& value = graph.value(id);
    if (!value.is_constant() || !value.quant || value.constant.rank() < 2) {
      continue;
    }
    weights.push_back(JsonObject("type", DTypeName(value.constant.dtype()),
                                 "bits", HeldBits(value.constant), "numbers",
                                 value.constant.size()));
  }
  return weights;
}

// "int8 of 6 bits"; the bits only where the type has more.
std::string DescribeWeights(const Json& weights) {
  std::string text;
  for (const Json& weight : weights) {
    const auto type = weight["type"].get<std::string>();
    const int bits = weight["bits"].get<int>();
    text += text.empty() ? "  weights " : ", ";
    text += bits == BitsOf(DTypeFromName(type))
                ? type
                : fmt::format("{} of {} bits", type, bits);
  }
  return text;
}

class Inspection {
 public:
  Inspection(const InspectRequest& request, const Context& context)
      : request_(request),
        context_(context),
        model_(LoadModel(request.model, context)) {
    prepared_ = Prepare(model_, request.model, {}, {});
    Absorb(model_.graph);
    weights_ = CountWeights(model_.graph);
    ForEachGraph(model_.graph, [&](const Graph& graph) {
      for (const NodeId id : graph.order()) {
        ++operators_[graph.node(id).op_type];
      }
    });
  }

  InspectSummary Run() {
    const Graph& graph = model_.graph;
    InspectSummary summary;
    Line(summary, "{}: {} bytes, IR {}, producer {} {}", request_.model,
         model_.file_bytes, graph.ir_version, graph.producer_name,
         graph.producer_version);
    for (const auto& [domain, version] : model_.opset) {
      Line(summary, "  opset {} {}", domain.empty() ? "ai.onnx" : domain,
           version);
    }
    for (const ValueId id : graph.inputs()) {
      Line(summary, "  input  {}", Signature(graph, id));
    }
    for (const ValueId id : graph.outputs()) {
      Line(summary, "  output {}", Signature(graph, id));
    }
    Line(summary, "  weights: {} numbers, {} bytes", weights_.elements,
         weights_.bytes);
    for (const auto& [type, bytes] : weights_.bytes_by_type) {
      Line(summary, "    {:10} {:12} bytes", type, bytes);
    }
    Line(summary, "  operators:");
    for (const auto& [type, count] : operators_) {
      Line(summary, "    {:24} {:5}", type, count);
    }
    const Patterns patterns = FindPatterns(*prepared_.graph);
    if (patterns.attention > 0) {
      Line(summary, "  attention in small operators: {} ({} causal)",
           patterns.attention, patterns.causal);
    }
    if (patterns.rotary > 0) {
      Line(summary, "  rotary embeddings in small operators: {}",
           patterns.rotary);
    }
    for (const auto& [key, value] : graph.metadata) {
      Line(summary, "  metadata {}: {}", key, value);
    }
    for (const std::string& finding : model_.findings) {
      Line(summary, "  note: {}", finding);
    }
    Json nodes = Json::array();
    if (request_.nodes) {
      Line(summary, "  nodes, after optimization{}:",
           prepared_.quantized
               ? ""
               : fmt::format(", as {} would quantize them", request_.preset));
      ListNodes(*prepared_.graph, prepared_.quantized, 0, summary, nodes);
    }
    Json json = ToJson(prepared_.quantized, patterns, nodes);
    if (request_.forecast) {
      const ForecastReport report = ForecastFor(prepared_, request_, context_);
      summary.text += report.text;
      json["forecast"] = report.json;
    }
    summary.json = JsonText(json);
    return summary;
  }

 private:
  template <typename... Args>
  static void Line(InspectSummary& summary, fmt::format_string<Args...> format,
                   Args&&... args) {
    summary.text += fmt::format(format, std::forward<Args>(args)...) + "\n";
  }

  // Nodes of nested graphs follow the node around, `depth` steps to the right.
  void ListNodes(const Graph& graph, bool quantized, int depth,
                 InspectSummary& summary, Json& nodes) const {
    const Selection selection(graph, FindTarget(request_.preset), {}, {});
    for (const NodeId id : graph.order()) {
      const Node& node = graph.node(id);
      const std::string& label = UserName(node);
      const std::string state =
          quantized ? QuantizationOf(graph, node) : Outlook(selection, id);
      const std::string shape =
          node.output() == kNoValue
              ? ""
              : graph.value(node.output()).shape.ToString();
      Json weights = WeightsOf(graph, node);
      Line(summary, "    {:{}}{:20} {:32} {:20} {}{}", "", 2 * depth,
           node.op_type, label, shape, state, DescribeWeights(weights));
      Json entry = JsonObject("op_type", node.op_type, "name", label, "shape",
                              shape, "state", state);
      if (!weights.empty()) entry["weights"] = std::move(weights);
      ForEachBody(node, [&](const std::string& key, const Graph& body, size_t) {
        Line(summary, "    {:{}}{}:", "", 2 * depth + 1, key);
        Json inner = Json::array();
        ListNodes(body, quantized, depth + 1, summary, inner);
        if (!entry.contains("graphs")) entry["graphs"] = Json::object();
        entry["graphs"][key] = std::move(inner);
      });
      nodes.push_back(std::move(entry));
    }
  }

  Json ToJson(bool quantized, const Patterns& patterns,
              const Json& nodes) const {
    Json json = Json::object();
    json["model"] = request_.model;
    json["bytes"] = model_.file_bytes;
    json["hash"] = model_.hash;
    json["quantized"] = quantized;
    json["weight_elements"] = weights_.elements;
    json["weight_bytes"] = weights_.bytes;
    json["operators"] = operators_;
    json["attention_patterns"] = patterns.attention;
    json["causal_attention_patterns"] = patterns.causal;
    json["rotary_patterns"] = patterns.rotary;
    json["metadata"] = model_.graph.metadata;
    json["findings"] = model_.findings;
    if (request_.nodes) json["nodes"] = nodes;
    return json;
  }

  const InspectRequest& request_;
  const Context& context_;
  LoadedModel model_;
  Prepared prepared_;
  Weights weights_;
  std::map<std::string, int> operators_;
};

std::string DescribeOp(const OpDef& op) {
  std::string text = "shapes";
  if (op.reference) text += ", reference";
  if (op.prepare) text += ", fast float";
  if (op.integer_reference) text += ", integer";
  if (op.quantize) text += ", quantization rule";
  if (op.upgrade) text += ", upgrade";
  return text;
}

}  // namespace

InspectSummary InspectFile(const InspectRequest& request,
                           const Context& context) {
  return RunOnFiles(request.model,
                    [&] { return Inspection(request, context).Run(); });
}

std::vector<ListEntry> ListFeatures() {
  std::vector<ListEntry> list;
  for (const OpDef* op : AllOps()) {
    const std::string domain =
        op->domain.empty() ? "" : std::string(op->domain) + "::";
    list.push_back(
        {"operator", domain + std::string(op->type), DescribeOp(*op)});
  }
  for (const PassDef* pass : AllPasses()) {
    list.push_back(
        {"pass", std::string(pass->name), std::string(pass->summary)});
  }
  for (const ObserverDef* observer : AllObservers()) {
    list.push_back({"observer", std::string(observer->name),
                    std::string(observer->summary)});
  }
  for (const MethodDef* method : AllMethods()) {
    list.push_back(
        {"method", std::string(method->name), std::string(method->summary)});
  }
  for (const std::string_view metric : MetricNames()) {
    list.push_back({"metric", std::string(metric), ""});
  }
  for (const std::string_view target : TargetNames()) {
    list.push_back({"target", std::string(target), FindTarget(target).note});
  }
  return list;
}

}  // namespace squint
