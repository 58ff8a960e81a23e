// The subcommands. Each adds its options to the parser and returns what to
// run when it was chosen.
#ifndef SQUINT_CLI_COMMANDS_H_
#define SQUINT_CLI_COMMANDS_H_

#include <CLI/CLI.hpp>
#include <memory>

#include "squint/squint.h"

namespace squint {

// More are a slip of the keyboard.
inline constexpr int kMostThreads = 1024;

// Options that every command has.
struct CommonOptions {
  int threads = 0;
  uint64_t seed = 1;
  bool verbose = false;
  bool json = false;
  int64_t loop_limit = Context().loop_limit;
};

void AddCommonOptions(CLI::App& command, CommonOptions& common);
// Those of them that no command has in another form.
void AddContextOptions(CLI::App& command, CommonOptions& common);
// --reference, and --simulated where integers are the default.
void AddExecutionFlags(CLI::App& command, Execution& execution);
// --float
void AddFloatFormat(CLI::App& command, FloatFormat& format);
// --batch and --dim; the latter are texts until they are read.
void AddSizeOptions(CLI::App& command, BenchInputs& inputs,
                    std::vector<std::string>& dims);
void ReadDims(const std::vector<std::string>& dims, BenchInputs& inputs);
void AddDataOptions(CLI::App& command, DataRequest& data, bool required);
void AddRecipeOptions(CLI::App& command, RecipeRequest& recipe);

void AddQuantizeCommands(CLI::App& app, CommonOptions& common);
void AddConvertCommand(CLI::App& app, CommonOptions& common);
void AddEmitCommand(CLI::App& app, CommonOptions& common);
void AddMeasureCommands(CLI::App& app, CommonOptions& common);
void AddBenchCommand(CLI::App& app, CommonOptions& common);

}  // namespace squint

#endif  // SQUINT_CLI_COMMANDS_H_
