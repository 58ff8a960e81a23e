// squint emit.
#include <fmt/format.h>

#include <charconv>

#include "commands.h"
#include "console.h"

namespace squint {
namespace {

[[noreturn]] void RefuseShape(const std::string& text) {
  throw CLI::ValidationError(
      "--shape", "'" + text + "' is not of the form NAME=1,3,32,32");
}

// "1,3,32,32", each 1 or more.
std::vector<int64_t> ParseSizes(std::string_view sizes,
                                const std::string& text) {
  std::vector<int64_t> dims;
  while (true) {
    const size_t comma = sizes.find(',');
    const std::string_view one = sizes.substr(0, comma);
    int64_t size = 0;
    const auto [end, error] =
        std::from_chars(one.data(), one.data() + one.size(), size);
    if (error != std::errc() || end != one.data() + one.size() || size < 1) {
      RefuseShape(text);
    }
    dims.push_back(size);
    if (comma == std::string_view::npos) return dims;
    sizes.remove_prefix(comma + 1);
  }
}

// Names may hold '=' themselves: the last one counts.
void AddShape(const std::string& text, EmitRequest& request) {
  const size_t equals = text.rfind('=');
  if (equals == std::string::npos || equals == 0) RefuseShape(text);
  request.shapes[text.substr(0, equals)] =
      ParseSizes(std::string_view(text).substr(equals + 1), text);
}

void PrintSummary(const EmitRequest& request, const EmitSummary& summary) {
  fmt::print("{}  {} steps\n", request.output, summary.steps);
  fmt::print("  constants  {} bytes of flash, beside the code\n",
             summary.constant_bytes);
  fmt::print(
      "  arena      {} bytes of RAM (no order of these needs less than "
      "{})\n",
      summary.arena_bytes, summary.arena_lower_bound);
  fmt::print("  MACs       {}\n", summary.macs);
}

}  // namespace

void AddEmitCommand(CLI::App& app, CommonOptions& common) {
  auto* command = app.add_subcommand(
      "emit", "plain C99 for microcontrollers: integers only, no heap");
  auto request = std::make_shared<EmitRequest>();
  command->add_option("model", request->model, "quantized ONNX model")
      ->required();
  command->add_option("-o,--output", request->output, "folder to make")
      ->required();
  command->add_option("--name", request->name,
                      "prefix of every symbol (default: model)");
  command
      ->add_option_function<std::vector<std::string>>(
          "--shape",
          [request](const std::vector<std::string>& texts) {
            for (const std::string& text : texts) AddShape(text, *request);
          },
          "INPUT=1,3,32,32: the one size that is emitted")
      ->allow_extra_args(false);
  command->add_flag("--force", request->force,
                    "replace the folder where it exists");
  AddCommonOptions(*command, common);
  command->callback([request, &common] {
    Console console;
    const Context context = console.MakeContext(common);
    const EmitSummary summary = EmitFile(*request, context);
    if (common.json) {
      fmt::print("{}\n", summary.json);
    } else {
      PrintSummary(*request, summary);
    }
  });
}

}  // namespace squint
