// squint bench --worker: one network in a process of its own, timed on demand.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <istream>
#include <ostream>

#include "squint/api/bench.h"
#include "squint/api/jobs.h"
#include "squint/base/error.h"
#include "squint/base/machine.h"
#include "squint/base/stopwatch.h"

namespace squint {
namespace {

constexpr int kRunsToWarm = 2;
constexpr size_t kFewestRuns = 3;

double Mebibytes(size_t bytes) { return static_cast<double>(bytes) / 0x1p20; }

double StandardDeviation(const Tensor& tensor) {
  const std::vector<float> values = tensor.ToFloats();
  const auto count = static_cast<double>(values.size());
  double mean = 0;
  for (const float value : values) mean += value / count;
  double variance = 0;
  for (const float value : values) {
    variance += (value - mean) * (value - mean) / count;
  }
  return std::sqrt(variance);
}

double SecondsOrdered(const std::string& line) {
  double seconds = 0;
  const char* end = line.data() + line.size();
  const auto [rest, error] = std::from_chars(line.data(), end, seconds);
  if (error != std::errc() || rest != end || !(seconds >= 0)) {
    Fail(ErrorCode::kInvalidArgument, "'{}' is no number of seconds", line);
  }
  return seconds;
}

class Subject {
 public:
  Subject(const BenchWorkerRequest& request, const Context& context) {
    Stopwatch load;
    const Prepared prepared = PrepareToRun(request.model, request.execution,
                                           request.float_format, context);
    runner_ = std::make_unique<Runner>(prepared.graph,
                                       RunModeOf(request.execution), context);
    load_seconds_ = load.Seconds();
    inputs_ = InputsFor(*prepared.graph, request.inputs, context);
    // Results in memory that is there, as a Session's caller has it.
    results_.resize(prepared.graph->outputs().size());
    options_.place = [this](size_t index, DType dtype, const Dims& dims) {
      Tensor& result = results_[index];
      if (result.dtype() != dtype || !std::ranges::equal(result.dims(), dims)) {
        result = Tensor(dtype, dims);
      }
      return result.mutable_raw();
    };
  }

  // The worker's first line; `base`: bytes resident before loading.
  Json FirstRun(size_t base) {
    Stopwatch first;
    const Tensor output = runner_->Run(inputs_, options_).at(0);
    const double first_seconds = first.Seconds();
    for (int i = 0; i < kRunsToWarm; ++i) runner_->Run(inputs_, options_);
    const ProcessMemory memory = MemoryOfThisProcess();
    return JsonObject("load", load_seconds_, "first", first_seconds, "base",
                      Mebibytes(base), "rss", Mebibytes(memory.resident),
                      "peak", Mebibytes(memory.peak), "shape", output.dims(),
                      "std", NumberOrNull(StandardDeviation(output)));
  }

  Json RunFor(double seconds) {
    Json runs = Json::array();
    const Stopwatch whole;
    do {
      const Stopwatch run;
      runner_->Run(inputs_, options_);
      runs.push_back(run.Seconds());
    } while (whole.Seconds() < seconds || runs.size() < kFewestRuns);
    return runs;
  }

 private:
  std::unique_ptr<Runner> runner_;
  std::vector<Tensor> inputs_;
  std::vector<Tensor> results_;
  RunOptions options_;
  double load_seconds_ = 0;
};

void Serve(const BenchWorkerRequest& request, std::istream& orders,
           std::ostream& answers, const Context& context) {
  const size_t base = MemoryOfThisProcess().resident;
  Subject subject(request, context);
  answers << JsonText(subject.FirstRun(base)) << std::endl;
  for (std::string line; std::getline(orders, line);) {
    answers << JsonText(subject.RunFor(SecondsOrdered(line))) << std::endl;
  }
}

}  // namespace

void ServeBenchmark(const BenchWorkerRequest& request, std::istream& orders,
                    std::ostream& answers, const Context& context) {
  RunOnFiles(request.model, [&] {
    Serve(request, orders, answers, context);
    return true;
  });
}

}  // namespace squint
