// squint bench.
#include <fmt/format.h>

#include <charconv>
#include <iostream>

#include "commands.h"
#include "console.h"

namespace squint {
namespace {

constexpr int kMostThreads = 1024;

struct BenchOptions {
  std::string worker;
  std::vector<int> threads = {0};
  std::vector<std::string> dims;
  BenchInputs inputs;
  Execution execution = Execution::kIntegers;
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

void AddOptions(CLI::App& command, BenchOptions& options) {
  command.add_option("--worker", options.worker,
                     "MODEL to time when told to on standard input");
  command
      .add_option("--threads", options.threads,
                  "numbers of threads, as 1,2; default: as many as there are")
      ->delimiter(',')
      ->check(CLI::Range(1, kMostThreads));
  command
      .add_option("--batch", options.inputs.batch,
                  "size of symbolic first dimensions (1)")
      ->check(CLI::PositiveNumber);
  command.add_option("--dim", options.dims,
                     "NAME=SIZE of a symbolic dimension, or INPUT[AXIS]=SIZE");
  command.add_option("--input", options.inputs.files,
                     "FILE.npy in order, NAME=FILE.npy, or one .npz; default: "
                     "random numbers");
  AddExecutionFlags(command, options.execution);
}

void Serve(const BenchOptions& options, Context context) {
  if (options.threads.size() != 1) {
    throw CLI::ValidationError("--threads", "a worker has one number");
  }
  context.threads = options.threads[0];
  context.progress = nullptr;
  ServeBenchmark({options.worker, options.inputs, options.execution}, std::cin,
                 std::cout, context);
}

}  // namespace

void AddBenchCommand(CLI::App& app, CommonOptions& common) {
  auto* command = app.add_subcommand("bench", "how fast models run");
  auto options = std::make_shared<BenchOptions>();
  AddOptions(*command, *options);
  AddContextOptions(*command, common);
  command->callback([options, &common] {
    for (const std::string& dim : options->dims) {
      AddDim(dim, options->inputs.dims);
    }
    Console console;
    Serve(*options, console.MakeContext(common));
  });
}

}  // namespace squint
