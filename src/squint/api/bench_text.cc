// The tables of squint bench, and the same as JSON.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "squint/api/bench.h"
#include "squint/api/jobs.h"
#include "squint/base/machine.h"
#include "squint/base/threads.h"
#include "squint/base/version.h"

namespace squint {
namespace {

constexpr double kMilli = 1e3;
constexpr double kMega = 1e6;
constexpr double kGiga = 1e9;
constexpr double kKibi = 1024;

// The end of what would make a column too wide.
std::string Fitted(const std::string& text, size_t width) {
  if (text.size() <= width) return text;
  return "~" + text.substr(text.size() - width + 1);
}

std::string FileName(const std::string& path) {
  return std::filesystem::path(path).filename().string();
}

std::string Engines(const BenchResult& result) {
  std::string text = fmt::format("squint {}", ToolVersion());
  for (const auto& [name, version] : result.peers) {
    text += fmt::format(", {} {}", name, version);
  }
  return text;
}

std::string Header(const BenchRequest& request, const BenchResult& result) {
  return fmt::format(
      "{}, {}, {} CPUs, {} UTC\n{}\n"
      "{} rounds of {} s each in turn; ms: median of the rounds' medians, "
      "spread: least and\ngreatest of them, best: fastest run\n",
      CpuModel(), InstructionSet(), UsableCpus(), DateAndTime(),
      Engines(result), request.rounds, request.seconds);
}

std::string RowText(const BenchRow& row) {
  const std::string name =
      fmt::format("{:34} {:12}", Fitted(FileName(row.model), 34), row.engine);
  if (!row.failure.empty()) {
    return fmt::format("{} failed: {}\n", name, row.failure);
  }
  return fmt::format(
      "{} {:9.3f} {:9.3f}..{:<9.3f} {:9.3f} {:9.1f} {:6.2f} {:8.1f} {:8.1f} "
      "{:8.1f} {:7.2f}{}\n",
      name, row.median * kMilli, row.low * kMilli, row.high * kMilli,
      row.best * kMilli, row.throughput, row.speed, row.load * kMilli,
      row.first * kMilli, row.peak_memory,
      static_cast<double>(row.file_bytes) / kMega,
      row.clean ? "" : fmt::format("  *{:.1f}", row.others));
}

std::string TableText(const BenchRequest& request, const BenchResult& result,
                      int threads) {
  std::string text = fmt::format(
      "\nthreads {}\n{:34} {:12} {:>9} {:>20} {:>9} {:>9} {:>6} {:>8} {:>8} "
      "{:>8} {:>7}\n",
      threads, "model", "engine", "ms", "spread", "best", "samples/s",
      request.peers.empty() ? "x 1st" : "x peer", "load ms", "1st ms",
      "peak MiB", "file MB");
  bool clean = true;
  for (const BenchRow& row : result.rows) {
    if (row.threads != threads) continue;
    text += RowText(row);
    clean = clean && (row.clean || !row.failure.empty());
  }
  if (!clean) {
    text += "* so many CPUs were busy with other programs meanwhile\n";
  }
  return text;
}

// Arithmetic columns are empty where nothing is multiplied.
std::string ProfileLine(const std::string& name, const ProfileRow& row) {
  const std::string arithmetic =
      row.macs == 0
          ? fmt::format("{:9} {:8} {:6}", "", "", "")
          : fmt::format("{:9.2f} {:8.2f} {:6.1f}",
                        static_cast<double>(row.macs) / kMega,
                        static_cast<double>(row.macs) / row.seconds / kGiga,
                        100 * row.peak_share);
  const double bandwidth = row.seconds > 0 ? row.bytes / row.seconds : 0;
  return fmt::format(
      "{} {:8.4f} {:6.2f} {} {:7.2f} {:>7} {:6.1f}\n", name,
      row.seconds * kMilli, 100 * row.share, arithmetic, bandwidth / kGiga,
      row.compute_bound ? "compute" : "memory", 100 * row.roof_share);
}

std::string ProfileHead(std::string_view name) {
  return fmt::format("{} {:>8} {:>6} {:>9} {:>8} {:>6} {:>7} {:>7} {:>6}\n",
                     name, "ms", "%", "MMAC", "GMAC/s", "% peak", "GB/s",
                     "bound", "% roof");
}

std::string ArenaText(const ArenaUse& arena) {
  if (arena.bytes == 0) return "results in blocks of a pool\n";
  return fmt::format(
      "results in an arena of {:.1f} KiB, {:.3f} times the most that are "
      "needed at once\n",
      static_cast<double>(arena.bytes) / kKibi,
      static_cast<double>(arena.bytes) /
          static_cast<double>(arena.lower_bound));
}

std::string ProfileText(const BenchProfile& one) {
  const Profile& profile = one.profile;
  double sum = 0;
  int64_t macs = 0;
  for (const ProfileRow& row : profile.rows) {
    sum += row.seconds;
    macs += row.macs;
  }
  std::string text = fmt::format(
      "\nprofile of {}, threads {}: {:.3f} ms in nodes, {:.3f} ms a run "
      "(median "
      "of {}), {:.1f} MMAC\npeaks: float {:.1f} GMAC/s, 8-bit {:.1f} GMAC/s, "
      "reading memory {:.1f} GB/s\n",
      one.model, one.threads, sum * kMilli, profile.run_seconds * kMilli,
      profile.runs, static_cast<double>(macs) / kMega,
      one.peaks.float_macs / kGiga, one.peaks.integer_macs / kGiga,
      one.peaks.read_bytes / kGiga);
  text += ArenaText(profile.arena);
  text += ProfileHead(
      fmt::format("{:30} {:26} {:20}", "node", "operator", "output"));
  for (const ProfileRow& row : profile.rows) {
    text +=
        ProfileLine(fmt::format("{:30} {:26} {:20}", Fitted(row.name, 30),
                                Fitted(row.op_type, 26), Fitted(row.shape, 20)),
                    row);
  }
  text += "\n" + ProfileHead(fmt::format("{:30} {:>47}", "operator", "nodes"));
  for (const ProfileRow& row : profile.totals) {
    const std::string name =
        row.macs == 0 ? row.name
                      : row.name + (row.integer ? ", 8-bit" : ", float");
    text += ProfileLine(fmt::format("{:30} {:>47}", name, row.nodes), row);
  }
  return text;
}

Json ToJson(const BenchRow& row) {
  if (!row.failure.empty()) {
    return JsonObject("model", row.model, "engine", row.engine, "threads",
                      row.threads, "failure", row.failure);
  }
  return JsonObject("model", row.model, "engine", row.engine, "threads",
                    row.threads, "seconds", row.median, "low", row.low, "high",
                    row.high, "best", row.best, "samples_per_second",
                    row.throughput, "speed", row.speed, "load", row.load,
                    "first", row.first, "peak_mebibytes", row.peak_memory,
                    "file_bytes", row.file_bytes, "runs", row.runs, "clean",
                    row.clean, "others", row.others);
}

Json ToJson(const std::vector<ProfileRow>& rows) {
  Json list = Json::array();
  for (const ProfileRow& row : rows) {
    list.push_back(JsonObject(
        "name", row.name, "op_type", row.op_type, "shape", row.shape, "nodes",
        row.nodes, "seconds", row.seconds, "share", row.share, "macs", row.macs,
        "arithmetic", row.integer ? "integer" : "float", "bytes", row.bytes,
        "peak_share", row.peak_share, "roof_share", row.roof_share, "bound",
        row.compute_bound ? "compute" : "memory"));
  }
  return list;
}

Json ToJson(const BenchProfile& one) {
  return JsonObject(
      "model", one.model, "threads", one.threads, "float_macs_per_second",
      one.peaks.float_macs, "integer_macs_per_second", one.peaks.integer_macs,
      "bytes_per_second", one.peaks.read_bytes, "runs", one.profile.runs,
      "seconds", one.profile.run_seconds, "arena_bytes",
      one.profile.arena.bytes, "arena_lower_bound",
      one.profile.arena.lower_bound, "nodes", ToJson(one.profile.rows),
      "operators", ToJson(one.profile.totals));
}

}  // namespace

std::string BenchText(const BenchRequest& request, const BenchResult& result) {
  std::string text = Header(request, result);
  std::set<int> shown;
  for (const int threads : request.threads) {
    if (shown.insert(threads).second) {
      text += TableText(request, result, threads);
    }
  }
  for (const BenchProfile& profile : result.profiles) {
    text += ProfileText(profile);
  }
  return text;
}

std::string BenchJson(const BenchRequest& request, const BenchResult& result) {
  Json rows = Json::array();
  for (const BenchRow& row : result.rows) rows.push_back(ToJson(row));
  Json profiles = Json::array();
  for (const BenchProfile& profile : result.profiles) {
    profiles.push_back(ToJson(profile));
  }
  const Json machine =
      JsonObject("cpu", CpuModel(), "instruction_set", InstructionSet(), "cpus",
                 UsableCpus(), "date", DateAndTime());
  Json json = JsonObject("machine", machine, "squint", ToolVersion(), "peers",
                         result.peers, "rounds", request.rounds,
                         "seconds_of_a_turn", request.seconds, "rows", rows);
  if (request.profile) json["profiles"] = profiles;
  return JsonText(json);
}

}  // namespace squint
