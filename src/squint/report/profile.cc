#include "squint/report/profile.h"

#include <algorithm>
#include <utility>

#include "squint/base/stopwatch.h"
#include "squint/graph/user_name.h"
#include "squint/ops/macs.h"
#include "squint/report/latency.h"

namespace squint {
namespace {

constexpr int64_t kFewestRuns = 3;

double BytesOf(const std::vector<StepEvent::Operand>& operands) {
  double bytes = 0;
  for (const StepEvent::Operand& operand : operands) {
    if (operand.dtype == DType::kUndefined) continue;
    bytes += static_cast<double>(
        squint::BytesOf(operand.dtype, ElementCount(operand.dims)));
  }
  return bytes;
}

std::vector<Dims> DimsOf(const std::vector<StepEvent::Operand>& operands) {
  std::vector<Dims> dims;
  dims.reserve(operands.size());
  for (const StepEvent::Operand& operand : operands) {
    dims.push_back(operand.dims);
  }
  return dims;
}

ProfileRow Describe(const StepEvent& event) {
  const Node& node = event.graph.node(event.node);
  ProfileRow row;
  row.name = UserName(event.graph, node);
  row.op_type = node.op_type;
  if (event.clamp != kNoNode) {
    row.op_type += "+" + event.graph.node(event.clamp).op_type;
  }
  if (!event.outputs.empty()) {
    row.shape = DimsToString(event.outputs[0].dims);
  }
  const DType first =
      event.inputs.empty() ? DType::kUndefined : event.inputs[0].dtype;
  row.integer = first == DType::kUint8 || first == DType::kInt8;
  return row;
}

// Fills in what follows from seconds, macs and bytes.
void Judge(const Peaks& peaks, ProfileRow& row) {
  const double peak = row.integer ? peaks.integer_macs : peaks.float_macs;
  if (row.seconds <= 0 || peak <= 0 || peaks.read_bytes <= 0) return;
  const double arithmetic = static_cast<double>(row.macs) / peak;
  const double memory = row.bytes / peaks.read_bytes;
  row.peak_share = arithmetic / row.seconds;
  row.compute_bound = row.macs > 0 && arithmetic >= memory;
  row.roof_share = std::max(arithmetic, memory) / row.seconds;
}

void SortByTime(std::vector<ProfileRow>& rows) {
  std::ranges::stable_sort(rows, std::greater<>(), &ProfileRow::seconds);
}

}  // namespace

void Profiler::Add(const StepEvent& event) {
  const auto [at, is_new] =
      index_.try_emplace({&event.graph, event.node}, records_.size());
  if (is_new) {
    records_.push_back({Describe(event), {}, std::vector<double>(runs_, 0.0)});
  }
  ProfileRow& current = records_[at->second].current;
  // Nodes of nested graphs came before, and count by themselves.
  const auto depth = static_cast<size_t>(event.depth);
  nested_.resize(std::max(nested_.size(), depth + 2), 0.0);
  const double inner = std::exchange(nested_[depth + 1], 0.0);
  if (depth > 0) nested_[depth] += event.seconds;
  current.seconds += std::max(0.0, event.seconds - inner);
  current.macs += MacsOf(event.graph.node(event.node), DimsOf(event.inputs),
                         DimsOf(event.outputs));
  current.bytes += BytesOf(event.inputs) + BytesOf(event.outputs);
}

void Profiler::EndRun() {
  for (Record& record : records_) {
    const ProfileRow run = std::exchange(record.current, {});
    record.seconds.push_back(run.seconds);
    record.row.macs = run.macs;
    record.row.bytes = run.bytes;
  }
  ++runs_;
}

std::vector<ProfileRow> Profiler::Rows(const Peaks& peaks) const {
  std::vector<ProfileRow> rows;
  double sum = 0;
  for (const Record& record : records_) {
    rows.push_back(record.row);
    rows.back().seconds = Median(record.seconds);
    sum += rows.back().seconds;
  }
  for (ProfileRow& row : rows) {
    row.share = sum > 0 ? row.seconds / sum : 0;
    Judge(peaks, row);
  }
  return rows;
}

std::vector<ProfileRow> TotalsByOperator(const std::vector<ProfileRow>& rows,
                                         const Peaks& peaks) {
  std::vector<ProfileRow> totals;
  for (const ProfileRow& row : rows) {
    auto total = std::ranges::find_if(totals, [&](const ProfileRow& t) {
      return t.op_type == row.op_type && t.integer == row.integer;
    });
    if (total == totals.end()) {
      totals.push_back(row);
      totals.back().name = row.op_type;
      totals.back().shape.clear();
      continue;
    }
    total->seconds += row.seconds;
    total->share += row.share;
    total->macs += row.macs;
    total->bytes += row.bytes;
    total->nodes += row.nodes;
  }
  for (ProfileRow& total : totals) Judge(peaks, total);
  SortByTime(totals);
  return totals;
}

Profile ProfileRuns(Runner& runner, const std::vector<Tensor>& inputs,
                    double seconds, const Peaks& peaks) {
  Profiler profiler;
  RunOptions options;
  options.on_step = [&](const StepEvent& event) { profiler.Add(event); };
  runner.Run(inputs);
  Profile profile;
  std::vector<double> runs;
  const Stopwatch whole;
  do {
    const Stopwatch run;
    runner.Run(inputs, options);
    runs.push_back(run.Seconds());
    profiler.EndRun();
  } while (whole.Seconds() < seconds || std::ssize(runs) < kFewestRuns);
  profile.runs = std::ssize(runs);
  profile.arena = runner.arena_use();
  profile.run_seconds = Median(runs);
  profile.rows = profiler.Rows(peaks);
  profile.totals = TotalsByOperator(profile.rows, peaks);
  SortByTime(profile.rows);
  return profile;
}

}  // namespace squint
