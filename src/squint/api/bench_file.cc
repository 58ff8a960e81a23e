// squint bench: models and other engines timed side by side.
#include <algorithm>
#include <filesystem>

#include "squint/api/bench.h"
#include "squint/api/input_files.h"
#include "squint/api/jobs.h"
#include "squint/base/error.h"
#include "squint/base/temporary_folder.h"
#include "squint/base/threads.h"
#include "squint/data/npy_write.h"
#include "squint/report/random_inputs.h"

namespace squint {
namespace {

BenchSubject MakeSubject(const std::string& model, const BenchInputs& wanted,
                         const std::filesystem::path& folder,
                         const Context& context) {
  return RunOnFiles(model, [&] {
    const LoadedModel loaded = LoadModel(model, context);
    const std::vector<Tensor> inputs = InputsFor(loaded.graph, wanted, context);
    BenchSubject subject{model, loaded.file_bytes, 1, {}};
    if (!inputs.empty() && inputs[0].rank() > 0) {
      subject.samples = inputs[0].dim(0);
    }
    std::filesystem::create_directories(folder);
    for (size_t i = 0; i < inputs.size(); ++i) {
      const auto file = folder / fmt::format("{}.npy", i);
      WriteNpy(file, inputs[i]);
      subject.inputs.emplace_back(
          loaded.graph.value(loaded.graph.inputs()[i]).name, file.string());
    }
    return subject;
  });
}

BenchProfile MakeProfile(const BenchRequest& request,
                         const BenchSubject& subject, const Peaks& peaks,
                         Context context, int threads) {
  context.threads = threads;
  return RunOnFiles(subject.model, [&] {
    const Prepared prepared = PrepareToRun(subject.model, request.execution,
                                           request.float_format, context);
    Runner runner(prepared.graph, RunModeOf(request.execution), context);
    std::vector<std::string> files;
    for (const auto& [name, file] : subject.inputs) files.push_back(file);
    return BenchProfile{subject.model, threads, peaks,
                        ProfileRuns(runner, ReadInputs(*prepared.graph, files),
                                    request.seconds, peaks)};
  });
}

void Check(const BenchRequest& request) {
  if (request.models.empty() || request.rounds < 1) {
    Fail(ErrorCode::kInvalidArgument, "bench needs a model and a round");
  }
  for (const int threads : request.threads) {
    if (threads > 0) continue;
    Fail(ErrorCode::kInvalidArgument, "{} threads cannot run anything",
         threads);
  }
  if (request.profile && request.execution == Execution::kReference) {
    Fail(ErrorCode::kInvalidArgument,
         "plain loops have no profile: integers or simulated have");
  }
}

void ProfileAll(const BenchRequest& request,
                const std::vector<BenchSubject>& subjects, int threads,
                const Context& context, BenchResult& result) {
  ThreadPool pool(threads);
  const Peaks peaks = MeasurePeaks(pool);
  for (size_t i = 0; i < subjects.size(); ++i) {
    const bool ran = std::ranges::any_of(result.rows, [&](const BenchRow& row) {
      return row.model == subjects[i].model && row.engine == "squint" &&
             row.threads == threads && row.failure.empty();
    });
    if (!ran) continue;
    result.profiles.push_back(
        MakeProfile(request, subjects[i], peaks, context, threads));
  }
}

}  // namespace

std::vector<Tensor> InputsFor(const Graph& graph, const BenchInputs& wanted,
                              const Context& context) {
  return wanted.files.empty()
             ? RandomInputs(graph, {wanted.batch, wanted.dims}, context)
             : ReadInputs(graph, wanted.files);
}

BenchSummary BenchFiles(const BenchRequest& given, const Context& context) {
  BenchRequest request = given;
  if (request.threads.empty()) request.threads = {UsableCpus()};
  Check(request);
  BenchResult result;
  result.peers = PeerVersions(request);
  const TemporaryFolder folder;
  std::vector<BenchSubject> subjects;
  for (const std::string& model : request.models) {
    const std::string place = std::to_string(subjects.size());
    subjects.push_back(
        MakeSubject(model, request.inputs, folder.path() / place, context));
  }
  for (const int threads : request.threads) {
    if (threads > UsableCpus()) {
      context.Warn(fmt::format("{} threads on {} CPUs", threads, UsableCpus()));
    }
    for (BenchRow& row : Race(request, subjects, threads, context)) {
      result.rows.push_back(std::move(row));
    }
    if (request.profile) {
      ProfileAll(request, subjects, threads, context, result);
    }
  }
  return {result.rows, BenchText(request, result), BenchJson(request, result)};
}

}  // namespace squint
