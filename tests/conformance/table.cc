#include "conformance/table.h"

#include <algorithm>
#include <numeric>

#include "squint/interchange/interchange.h"
#include "squint/ops/op.h"

namespace squint {
namespace {

std::string KeyOf(const OpDef& op) {
  return op.domain.empty() ? std::string(op.type)
                           : fmt::format("{}::{}", op.domain, op.type);
}

int Total(const std::map<std::string, int>& counts) {
  return std::accumulate(
      counts.begin(), counts.end(), 0,
      [](int sum, const auto& entry) { return sum + entry.second; });
}

// "3 strings, 1 float8"
std::string ListOf(const std::map<std::string, int>& counts) {
  std::string text;
  for (const auto& [what, count] : counts) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, what);
  }
  return text;
}

void Add(OperatorRow& row, const CaseResult& result) {
  ++row.cases;
  const auto has = [&](Status status) {
    return std::find_if(
        result.outcomes.begin(), result.outcomes.end(),
        [&](const Outcome& outcome) { return outcome.status == status; });
  };
  for (size_t i = 0; i < kWays.size(); ++i) {
    if (result.outcomes[i].status == Status::kPassed) ++row.passed[i];
  }
  const auto end = result.outcomes.end();
  if (has(Status::kFailed) != end) {
    ++row.failed;
  } else if (const auto skip = has(Status::kSkipped); skip != end) {
    ++row.skipped[skip->message];
  } else if (const auto gap = has(Status::kUnknown); gap != end) {
    ++row.unknown[gap->message];
  }
}

void AddRules(OperatorTable& table, const std::vector<RuleFinding>& rules) {
  for (const RuleFinding& rule : rules) {
    OperatorRow& row = table[rule.op];
    if (rule.reason.empty()) {
      row.integer_on.insert(rule.target);
    } else if (row.reason.empty()) {
      row.reason = rule.reason;
    }
  }
}

std::string RuleOf(const OperatorRow& row) {
  const std::vector<std::string_view> targets = TargetNames();
  if (row.integer_on.size() == targets.size()) return "integer";
  if (row.integer_on.empty()) return "float: " + row.reason;
  std::string text = "integer on";
  for (const std::string_view target : targets) {
    if (!row.integer_on.contains(std::string(target))) continue;
    text += fmt::format("{} {}", text.ends_with("on") ? "" : ",", target);
  }
  return text;
}

std::string MarkdownRow(const OpDef& op, const OperatorRow& row) {
  std::string line =
      fmt::format("| {} | {} | {} ", KeyOf(op), op.since, RuleOf(row));
  const int counted = row.cases - row.excused();
  for (const int passed : row.passed) {
    line += row.cases == 0 ? "| " : fmt::format("| {}/{} ", passed, counted);
  }
  std::string excused = ListOf(row.skipped);
  if (!row.unknown.empty()) {
    excused += fmt::format("{}{} with operators unknown here",
                           excused.empty() ? "" : ", ", Total(row.unknown));
  }
  return line + "| " + excused + (excused.empty() ? "|\n" : " |\n");
}

constexpr const char* kHead = R"(# Operators

Written by `make conformance`; do not edit. Every operator that Squint knows:
the lowest opset it is written in, what becomes of it under quantization (the
rule on a typical node; `integer` is on every target, see
[decisions/003-islands.md](decisions/003-islands.md) for when a node is left
float nevertheless), and how many of the ONNX backend node tests (onnx 1.17.0)
pass, each run with its inputs as they are and with all but the first as
constants:

- interpreter: the reference, on the loaded model;
- executor: the runtime;
- saved: the reference, after saving and loading;
- optimized: the reference, after every graph pass.

Tolerances are those of the ONNX backend runner: 1e-3 relative and 1e-7
absolute, integers exactly. The written-out form of an operator counts as its
own case. Not counted are cases of types that Squint leaves out (strings,
complex, float8, sequences, optionals) and written-out forms that need an
operator without a row here.

)";

std::string UnknownTable(const OperatorTable& table) {
  std::string text =
      "## Operators of the tests that Squint does not know\n\n"
      "Such nodes are read, kept and written; they do not run.\n\n"
      "| operator | cases | pass written out |\n|---|---|---|\n";
  for (const auto& [key, row] : table) {
    const size_t colon = key.find("::");
    const bool standard = colon == std::string::npos;
    const OpDef* op = standard
                          ? FindOp(key)
                          : FindOp(key.substr(colon + 2), key.substr(0, colon));
    if (op != nullptr || row.cases == 0) continue;
    text += fmt::format("| {} | {} | {} |\n", key, row.cases, row.passed[0]);
  }
  return text;
}

}  // namespace

int OperatorRow::excused() const { return Total(skipped) + Total(unknown); }

OperatorTable Tabulate(const std::vector<CaseResult>& results,
                       const std::vector<RuleFinding>& rules) {
  OperatorTable table;
  for (const OpDef* op : AllOps()) table[KeyOf(*op)];
  std::map<std::string, std::string, std::less<>> op_of_case;
  for (const CaseResult& result : results) op_of_case[result.name] = result.op;
  for (const CaseResult& result : results) {
    const auto base = op_of_case.find(UnexpandedName(result.name));
    Add(table[base == op_of_case.end() ? result.op : base->second], result);
    AddRules(table, result.rules);
  }
  std::set<std::string> told;
  for (const auto& [key, row] : table) {
    if (!row.integer_on.empty() || !row.reason.empty()) told.insert(key);
  }
  std::vector<RuleFinding> others = rules;
  std::erase_if(
      others, [&](const RuleFinding& rule) { return told.contains(rule.op); });
  AddRules(table, others);
  return table;
}

Share ShareOf(const OperatorTable& table,
              const std::set<std::string>& promised) {
  Share share;
  for (const std::string& key : promised) {
    const auto it = table.find(key);
    if (it == table.end()) continue;
    const OperatorRow& row = it->second;
    share.cases += row.cases;
    share.skipped += Total(row.skipped);
    for (size_t i = 0; i < kWays.size(); ++i) share.passed[i] += row.passed[i];
  }
  return share;
}

std::string TextOf(const OperatorTable& table) {
  std::string text = fmt::format("{:<28}{:>6}", "operator", "cases");
  for (const std::string_view way : kWayNames) {
    text += fmt::format("{:>12}", way);
  }
  text += "  failed  not counted\n";
  for (const auto& [key, row] : table) {
    if (row.cases == 0) continue;
    text += fmt::format("{:<28}{:>6}", key, row.cases);
    for (const int passed : row.passed) text += fmt::format("{:>12}", passed);
    std::string excused = ListOf(row.skipped);
    if (!excused.empty() && !row.unknown.empty()) excused += ", ";
    excused += ListOf(row.unknown);
    text += fmt::format("{:>8}  {}\n", row.failed, excused);
  }
  return text;
}

std::string MarkdownOf(const OperatorTable& table, const Share& promised) {
  std::string text = kHead;
  text +=
      "| operator | opset | quantized | interpreter | executor | saved "
      "| optimized | not counted |\n|---|---|---|---|---|---|---|---|\n";
  std::map<std::string, const OpDef*> sorted;
  for (const OpDef* op : AllOps()) sorted[KeyOf(*op)] = op;
  for (const auto& [key, op] : sorted) {
    text += MarkdownRow(*op, table.at(key));
  }
  const int counted = promised.cases - promised.skipped;
  text += fmt::format(
      "\nOf the operators that Squint sets out to run\n"
      "(`tests/conformance/promised_operators.txt`) there are {} cases, {} of "
      "them of types\nleft out. Of the other {} pass: ",
      promised.cases, promised.skipped, counted);
  for (size_t i = 0; i < kWays.size(); ++i) {
    text += fmt::format("{}{} {} ({:.1f}%)", i == 0 ? "" : ", ", kWayNames[i],
                        promised.passed[i],
                        100.0 * promised.passed[i] / std::max(counted, 1));
  }
  return text + ".\n\n" + UnknownTable(table);
}

}  // namespace squint
