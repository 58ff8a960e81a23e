#include "conformance/examine.h"

#include <fmt/ranges.h>

#include <functional>
#include <initializer_list>
#include <set>
#include <sstream>
#include <utility>

#include "conformance/accepted_types.h"
#include "conformance/child.h"
#include "squint/interchange/interchange.h"
#include "squint/onnx/onnx.h"
#include "squint/ops/infer.h"
#include "squint/quantize/selection.h"

namespace squint {
namespace {

constexpr unsigned kSeconds = 60;  // for all ways of one case

std::string KeyOf(std::string_view domain, std::string_view type) {
  return domain.empty() ? std::string(type)
                        : fmt::format("{}::{}", domain, type);
}

// One line of a child's report: fields between tabs.
std::string Line(std::initializer_list<std::string_view> fields) {
  std::string line;
  for (const std::string_view field : fields) {
    if (!line.empty()) line += '\t';
    for (const char c : field) line += c == '\t' || c == '\n' ? ' ' : c;
  }
  return line;
}

std::vector<std::string> Fields(const std::string& line) {
  std::vector<std::string> fields(1);
  for (const char c : line) {
    if (c == '\t') {
      fields.emplace_back();
    } else {
      fields.back() += c;
    }
  }
  return fields;
}

// ---- in the child: what the case is about

// What cannot be read is not described; the ways say why.
void IgnoringErrors(const std::function<void()>& describe) {
  try {
    describe();
  } catch (const Error&) {
  }
}

// Comma-separated, each once.
std::string UnknownOperators(const Graph& graph) {
  std::set<std::string> unknown;
  ForEachGraph(graph, [&](const Graph& each) {
    for (const NodeId id : each.order()) {
      const Node& node = each.node(id);
      if (FindOp(node.op_type, node.domain) != nullptr) continue;
      unknown.insert(KeyOf(node.domain, node.op_type));
    }
  });
  return fmt::format("{}", fmt::join(unknown, ", "));
}

void Describe(const TestCase& test, const Reporter& report) {
  const Graph graph = ReadOnnx(test.model).graph;
  const std::vector<NodeId> order = graph.order();
  if (!order.empty()) {
    const Node& first = graph.node(order.front());
    report(Line({"op", KeyOf(first.domain, first.op_type)}));
  }
  report(Line({"type", AcceptedType(graph)}));
  // A model-local function is no operator once it is inlined.
  const std::string unknown = UnknownOperators(graph);
  if (!unknown.empty()) {
    report(Line({"unknown", UnknownOperators(LoadModel(test.model).graph)}));
  }
}

// ---- in the child: the quantization rules

void ReportRule(const Graph& graph, const Node& node, const Reporter& report) {
  const OpDef* op = FindOp(node.op_type, node.domain);
  if (op == nullptr || op->quantize == nullptr) return;
  for (const std::string_view name : TargetNames()) {
    const Target& target = FindTarget(name);
    const QuantSpec spec = op->quantize({graph, node, target});
    std::string reason = spec.reason;
    if (reason.empty() && graph.value(node.output()).dtype != DType::kFloat32) {
      reason = "its result is no float32 tensor";
    }
    if (reason.empty() && !spec.clamp && !TargetRuns(target, node)) {
      reason = "computed in float";
    }
    report(Line({"rule", KeyOf(op->domain, op->type), name, reason}));
  }
}

// Of the nodes that work on float32, weights bound as constants.
void ReportRules(const TestCase& test, const Reporter& report) {
  if (test.data_sets.empty()) return;
  Graph graph = LoadModel(test.model).graph;
  DataSet data = ReadDataSet(test.data_sets.front(), graph);
  BindInputs(graph, data);
  InferShapes(graph);
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    const ValueId input = node.input(0);
    if (input == kNoValue || graph.value(input).dtype != DType::kFloat32) {
      continue;
    }
    ReportRule(graph, node, report);
  }
}

void ReportRowRule(const OpDef& op, const Reporter& report) {
  Graph graph;
  const ValueId x =
      graph.AddInput("x", DType::kFloat32, Shape::Of({1, 4, 4, 4}));
  const ValueId w =
      graph.AddConstant("w", Tensor(DType::kFloat32, {4, 4, 1, 1}));
  graph.AddOutput(graph.Emit(op.type, {x, w}, "y", {}, op.domain));
  graph.value(graph.outputs()[0]).dtype = DType::kFloat32;
  ReportRule(graph, graph.node(graph.order().front()), report);
}

// ---- in the parent

struct Report {
  std::string op;
  std::string type;
  std::string unknown;
  std::vector<RuleFinding> rules;
};

Report ParseReport(const std::string& text) {
  Report report;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::vector<std::string> fields = Fields(line);
    fields.resize(4);
    if (fields[0] == "op") report.op = fields[1];
    if (fields[0] == "type") report.type = fields[1];
    if (fields[0] == "unknown") report.unknown = fields[1];
    if (fields[0] == "rule") {
      report.rules.push_back({fields[1], fields[2], fields[3]});
    }
  }
  return report;
}

// Nothing excuses a crash; a failure is excused by what the case contains.
Outcome Judge(const ChildResult& child, const Report& about) {
  if (!child.demise.empty()) return {Status::kFailed, child.demise};
  const std::string message = child.text.substr(0, child.text.find('\n'));
  if (message.empty()) return {Status::kPassed, ""};
  if (!about.type.empty()) return {Status::kSkipped, about.type};
  if (!about.unknown.empty()) return {Status::kUnknown, about.unknown};
  return {Status::kFailed, message};
}

}  // namespace

std::string_view UnexpandedName(std::string_view name) {
  return name.substr(0, name.find("_expanded"));
}

CaseResult Examine(const TestCase& test, const std::filesystem::path& scratch) {
  const auto ask = [&](void (*describe)(const TestCase&, const Reporter&)) {
    const auto work = [&](const Reporter& report) {
      IgnoringErrors([&] { describe(test, report); });
    };
    return ParseReport(RunInChild(work, kSeconds).text);
  };
  const Report about = ask(Describe);
  CaseResult result{
      .name = test.name, .op = about.op, .outcomes = {}, .rules = {}};
  for (size_t i = 0; i < kWays.size(); ++i) {
    const ChildResult child = RunInChild(
        [&](const Reporter& report) {
          try {
            report(Line({CheckWay(kWays[i], test, scratch)}));
          } catch (const Error& error) {
            report(Line({error.what()}));
          }
        },
        kSeconds);
    result.outcomes[i] = Judge(child, about);
  }
  if (about.unknown.empty() && about.type.empty()) {
    result.rules = ask(ReportRules).rules;
  }
  return result;
}

std::vector<RuleFinding> ExamineRows() {
  std::vector<RuleFinding> findings;
  for (const OpDef* op : AllOps()) {
    const auto work = [&](const Reporter& report) {
      IgnoringErrors([&] { ReportRowRule(*op, report); });
    };
    const ChildResult child = RunInChild(work, kSeconds);
    for (RuleFinding& finding : ParseReport(child.text).rules) {
      findings.push_back(std::move(finding));
    }
  }
  return findings;
}

}  // namespace squint
