// squint bench.
#include <fmt/format.h>

#include <charconv>
#include <cstdio>
#include <iostream>
#include <memory>

#include "commands.h"
#include "console.h"

namespace squint {
namespace {

constexpr int kMostRounds = 1000;
// This very program, whatever it is called.
constexpr const char* kSelf = "/proc/self/exe";

struct BenchOptions {
  BenchRequest request;
  std::string worker;
  std::vector<std::string> dims;
  std::string json;  // a file, "-" for standard output, "" for none
};

// "batch=8" into `dims`.
void AddDim(const std::string& text, std::map<std::string, int64_t>& dims) {
  const size_t equals = text.rfind('=');
  int64_t size = 0;
  const char* end = text.data() + text.size();
  const char* begin = equals == std::string::npos ? end : &text[equals + 1];
  const auto [rest, error] = std::from_chars(begin, end, size);
  if (equals == 0 || error != std::errc() || rest != end) {
    throw CLI::ValidationError("--dim", "'" + text + "' is not NAME=SIZE");
  }
  dims[text.substr(0, equals)] = size;
}

// --json takes a value or none, and may stand before a model: only what cannot
// be one is a place to write to.
void SortOutJson(BenchOptions& options) {
  const std::string& json = options.json;
  if (json.empty() || json == "-" || json.ends_with(".json")) return;
  options.request.models.insert(options.request.models.begin(), json);
  options.json = "-";
}

void AddInputOptions(CLI::App& command, BenchOptions& options) {
  BenchInputs& inputs = options.request.inputs;
  AddSizeOptions(command, inputs, options.dims);
  command
      .add_option("--input", inputs.files,
                  "FILE.npy in order, NAME=FILE.npy, or one .npz; default: "
                  "random numbers")
      ->allow_extra_args(false);
}

void AddMeasuringOptions(CLI::App& command, BenchOptions& options) {
  BenchRequest& request = options.request;
  command
      .add_option("--threads", request.threads,
                  "numbers of threads, as 1,2; default: as many as there are")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::Range(1, kMostThreads));
  command
      .add_option("--rounds", request.rounds,
                  "turns that each model gets (7); up to three times as "
                  "many while other programs disturb")
      ->check(CLI::Range(1, kMostRounds));
  command.add_option("--seconds", request.seconds, "length of a turn (0.4)")
      ->check(CLI::NonNegativeNumber);
  command.add_flag("--profile", request.profile,
                   "where the time goes, node by node, beside the measured "
                   "peaks of this machine");
  command
      .add_option("--peers", request.peers,
                  "other engines on the same files: onnxruntime,openvino")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::IsMember({"onnxruntime", "openvino"}));
  command.add_option("--python", request.python,
                     "a Python that has the peers (python3)");
}

void AddOptions(CLI::App& command, BenchOptions& options) {
  command.add_option("models", options.request.models, "ONNX models");
  AddMeasuringOptions(command, options);
  AddInputOptions(command, options);
  AddExecutionFlags(command, options.request.execution);
  AddFloatFormat(command, options.request.float_format);
  command
      .add_option("--json", options.json,
                  "results as one JSON object, to a FILE.json or to standard "
                  "output instead of tables")
      ->expected(0, 1)
      ->default_str("-");
  command.add_option("--worker", options.worker,
                     "MODEL to time when told to: reads numbers of seconds, "
                     "writes lines of JSON");
}

void Serve(const BenchOptions& options, Context context) {
  const BenchRequest& request = options.request;
  if (!request.models.empty() || request.threads.size() > 1) {
    throw CLI::ValidationError("--worker",
                               "takes one model and one number of threads");
  }
  if (!request.threads.empty()) context.threads = request.threads[0];
  context.progress = nullptr;
  ServeBenchmark(
      {options.worker, request.inputs, request.execution, request.float_format},
      std::cin, std::cout, context);
}

void WriteText(const std::string& path, const std::string& text) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(
      std::fopen(path.c_str(), "w"), std::fclose);
  if (!file || std::fputs(text.c_str(), file.get()) < 0 ||
      std::fflush(file.get()) != 0) {
    throw Error(ErrorCode::kIo, path + ": cannot be written");
  }
}

void Measure(BenchOptions& options, const Context& context) {
  if (options.request.models.empty()) throw CLI::RequiredError("models");
  options.request.worker = {kSelf, "bench", "--worker"};
  const BenchSummary summary = BenchFiles(options.request, context);
  if (options.json == "-") {
    fmt::print("{}\n", summary.json);
  } else {
    fmt::print("{}", summary.text);
    if (!options.json.empty()) WriteText(options.json, summary.json + "\n");
  }
  for (const BenchRow& row : summary.rows) {
    if (row.failure.empty()) continue;
    throw Error(ErrorCode::kUnsupported, fmt::format("{} on {}: {}", row.engine,
                                                     row.model, row.failure));
  }
}

}  // namespace

void AddSizeOptions(CLI::App& command, BenchInputs& inputs,
                    std::vector<std::string>& dims) {
  command
      .add_option("--batch", inputs.batch,
                  "size of symbolic first dimensions (1)")
      ->check(CLI::PositiveNumber);
  command
      .add_option("--dim", dims,
                  "NAME=SIZE of a symbolic dimension, or INPUT[AXIS]=SIZE; "
                  "several with commas between")
      ->delimiter(',')
      ->allow_extra_args(false);
}

void ReadDims(const std::vector<std::string>& dims, BenchInputs& inputs) {
  for (const std::string& dim : dims) AddDim(dim, inputs.dims);
}

void AddBenchCommand(CLI::App& app, CommonOptions& common) {
  auto* command = app.add_subcommand(
      "bench", "how fast models run, side by side, each in its own process");
  auto options = std::make_shared<BenchOptions>();
  AddOptions(*command, *options);
  AddContextOptions(*command, common);
  command->callback([options, &common] {
    ReadDims(options->dims, options->request.inputs);
    SortOutJson(*options);
    Console console;
    const Context context = console.MakeContext(common);
    if (options->worker.empty()) {
      Measure(*options, context);
    } else {
      Serve(*options, context);
    }
  });
}

}  // namespace squint
