// The turns of squint bench: engines as processes, one at work at a time.
#include <algorithm>
#include <memory>

#include "squint/api/bench.h"
#include "squint/api/peer_worker.h"
#include "squint/base/child_process.h"
#include "squint/base/error.h"
#include "squint/base/json.h"
#include "squint/base/machine.h"
#include "squint/base/stopwatch.h"
#include "squint/report/latency.h"

namespace squint {
namespace {

// Rounds beyond those asked for, while the machine is busy with other things.
constexpr int kMostRepeats = 3;

using Command = std::vector<std::string>;

Command WorkerCommand(const BenchRequest& request, const BenchSubject& subject,
                      int threads, const Context& context) {
  Command command = request.worker;
  for (const std::string& argument :
       {subject.model, std::string("--threads"), std::to_string(threads),
        std::string("--loop-limit"), std::to_string(context.loop_limit)}) {
    command.push_back(argument);
  }
  for (const auto& [name, file] : subject.inputs) {
    command.insert(command.end(), {"--input", file});
  }
  if (request.execution == Execution::kSimulated) {
    command.emplace_back("--simulated");
  } else if (request.execution == Execution::kReference) {
    command.emplace_back("--reference");
  }
  if (request.float_format == FloatFormat::kBf16) {
    command.insert(command.end(), {"--float", "bf16"});
  }
  return command;
}

Command PeerCommand(const BenchRequest& request, const BenchSubject& subject,
                    const std::string& peer, int threads) {
  Json inputs = Json::array();
  for (const auto& [name, file] : subject.inputs) {
    inputs.push_back(Json::array({name, file}));
  }
  return {request.python,  "-c",
          kPeerWorker,     peer,
          subject.model,   std::to_string(threads),
          JsonText(inputs)};
}

// The last line of what a program complained about, or how it ended.
std::string Complaint(ChildProcess& child) {
  const std::string how = child.Finish();
  std::string text = child.ErrorText();
  text = text.substr(text.rfind('\n') + 1);  // all of it where there is none
  constexpr std::string_view kOwn = "squint: ";
  if (text.starts_with(kOwn)) text = text.substr(kOwn.size());
  if (!text.empty()) return text;
  return how.empty() ? "ended without an answer" : how;
}

// One engine on one model, as a process that stands still between turns.
class Entrant {
 public:
  Entrant(const BenchSubject& subject, std::string engine, int threads,
          const Command& command)
      : samples_(static_cast<double>(subject.samples)) {
    row_.model = subject.model;
    row_.engine = std::move(engine);
    row_.threads = threads;
    row_.file_bytes = subject.file_bytes;
    child_ = std::make_unique<ChildProcess>(command);
    const auto facts = Answer();
    if (!facts) return;
    row_.load = facts->value("load", 0.0);
    row_.first = facts->value("first", 0.0);
    row_.peak_memory = facts->value("peak", 0.0);
  }

  void TakeTurn(double seconds) {
    const double machine = CpuSecondsOfMachine();
    const double own = CpuSecondsOfProcess(child_->id());
    const Stopwatch stopwatch;
    child_->Continue();
    child_->WriteLine(fmt::format("{}", seconds));
    const auto runs = Answer();
    if (!runs) return;
    const double used = CpuSecondsOfMachine() - machine -
                        (CpuSecondsOfProcess(child_->id()) - own);
    turns_.push_back(
        TurnOf(runs->get<std::vector<double>>(), used / stopwatch.Seconds()));
  }

  bool failed() const { return child_ == nullptr; }
  int CleanTurns() const {
    return static_cast<int>(std::ranges::count_if(
        turns_, [](const Turn& t) { return t.others < kCleanOthers; }));
  }

  BenchRow Row() const {
    BenchRow row = row_;
    if (failed()) return row;
    const Latency latency = LatencyOf(turns_);
    row.median = latency.median;
    row.low = latency.low;
    row.high = latency.high;
    row.best = latency.best;
    row.throughput = latency.median > 0 ? samples_ / latency.median : 0;
    row.runs = latency.runs;
    row.clean = latency.clean;
    row.others = latency.others;
    return row;
  }

 private:
  // The worker's next line; without one, the worker has failed.
  std::optional<Json> Answer() {
    const auto line = child_->ReadLine();
    child_->Pause();
    if (line) {
      try {
        return ParseJson(*line, row_.engine);
      } catch (const Error& error) {
        row_.failure = error.message();
      }
    } else {
      row_.failure = Complaint(*child_);
    }
    child_.reset();
    return std::nullopt;
  }

  BenchRow row_;
  double samples_;
  std::unique_ptr<ChildProcess> child_;  // null: it has failed
  std::vector<Turn> turns_;
};

// Speeds by model: beside the fastest peer; without any, beside the first row.
void CompareSpeeds(bool with_peers, std::vector<BenchRow>& rows) {
  for (BenchRow& row : rows) {
    double reference = 0;
    for (const BenchRow& other : rows) {
      const bool counts =
          with_peers ? other.model == row.model && other.engine != "squint"
                     : true;
      if (!counts || other.median <= 0) continue;
      const bool better = with_peers && other.median < reference;
      if (reference == 0 || better) reference = other.median;
    }
    row.speed = row.median > 0 ? reference / row.median : 0;
  }
}

}  // namespace

std::map<std::string, std::string> PeerVersions(const BenchRequest& request) {
  std::map<std::string, std::string> versions;
  for (const std::string& peer : request.peers) {
    ChildProcess child({request.python, "-c", kPeerWorker, peer});
    const auto line = child.ReadLine();
    if (!line) {
      Fail(ErrorCode::kUnsupported, "peer {}: {}: {}", peer, request.python,
           Complaint(child));
    }
    versions[peer] = ParseJson(*line, peer).value("version", "");
  }
  return versions;
}

std::vector<BenchRow> Race(const BenchRequest& request,
                           const std::vector<BenchSubject>& subjects,
                           int threads, const Context& context) {
  std::vector<std::unique_ptr<Entrant>> entrants;
  for (const BenchSubject& subject : subjects) {
    context.ThrowIfCancelled();
    entrants.push_back(std::make_unique<Entrant>(
        subject, "squint", threads,
        WorkerCommand(request, subject, threads, context)));
    for (const std::string& peer : request.peers) {
      entrants.push_back(std::make_unique<Entrant>(
          subject, peer, threads,
          PeerCommand(request, subject, peer, threads)));
    }
  }
  for (int round = 0; round < kMostRepeats * request.rounds; ++round) {
    context.Report("bench", std::min(round, request.rounds - 1),
                   request.rounds);
    for (const auto& entrant : entrants) {
      context.ThrowIfCancelled();
      if (entrant->failed() || entrant->CleanTurns() >= request.rounds) {
        continue;
      }
      entrant->TakeTurn(request.seconds);
    }
  }
  std::vector<BenchRow> rows;
  rows.reserve(entrants.size());
  for (const auto& entrant : entrants) rows.push_back(entrant->Row());
  CompareSpeeds(!request.peers.empty(), rows);
  return rows;
}

}  // namespace squint
