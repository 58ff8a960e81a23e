// squint emit.
#include <fmt/format.h>

#include <algorithm>
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

[[noreturn]] void RefuseSize(const char* option, const std::string& text) {
  throw CLI::ValidationError(
      option, "'" + text +
                  "' is no size: a number of bytes from 1 on, of K (1024) or M "
                  "(1024 K), as in 64K");
}

// "65536", "64K", "2M".
int64_t ParseBytes(const char* option, const std::string& text) {
  constexpr int64_t kMost = int64_t{1} << 40;  // no flash is that large
  std::string_view digits = text;
  int64_t unit = 1;
  if (digits.ends_with('K') || digits.ends_with('k')) unit = 1 << 10;
  if (digits.ends_with('M') || digits.ends_with('m')) unit = 1 << 20;
  if (unit > 1) digits.remove_suffix(1);
  int64_t count = 0;
  const char* const end = digits.data() + digits.size();
  const auto [stopped, error] = std::from_chars(digits.data(), end, count);
  if (error != std::errc() || stopped != end || count < 1 ||
      count > kMost / unit) {
    RefuseSize(option, text);
  }
  return count * unit;
}

void AddLimit(CLI::App& command, const char* option, int64_t& limit,
              const char* what) {
  command.add_option_function<std::string>(
      option,
      [option, &limit](const std::string& text) {
        limit = ParseBytes(option, text);
      },
      what);
}

// Names that an exporter made of many are long.
std::string Short(const std::string& name) {
  constexpr size_t kMost = 40;
  return name.size() <= kMost ? name : name.substr(0, kMost - 3) + "...";
}

void PrintPatches(const EmitSummary& summary) {
  const EmitPatches& patches = summary.patches;
  const int64_t whole = summary.macs - patches.extra_macs;
  fmt::print(
      "  patches    {} by {}, of {} layers, '{}' to '{}': the arena takes {} "
      "bytes without them;\n"
      "             {} MACs ({:.1f}%) are computed again\n",
      patches.rows, patches.columns, patches.layers.size(),
      Short(patches.layers.front()), Short(patches.layers.back()),
      patches.arena_bytes, patches.extra_macs,
      100.0 * static_cast<double>(patches.extra_macs) /
          static_cast<double>(std::max<int64_t>(whole, 1)));
}

void PrintSummary(const EmitRequest& request, const EmitSummary& summary) {
  fmt::print("{}  {} steps\n", request.output, summary.steps);
  fmt::print("  constants  {} bytes of flash, beside the code\n",
             summary.constant_bytes);
  fmt::print(
      "  arena      {} bytes of RAM (no order of these needs less than "
      "{})\n",
      summary.arena_bytes, summary.arena_lower_bound);
  if (summary.patches.rows > 0) PrintPatches(summary);
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
  command->add_option(
      "--name", request->name,
      "prefix of every symbol (default: model); macros have it in "
      "capitals");
  command
      ->add_option_function<std::vector<std::string>>(
          "--shape",
          [request](const std::vector<std::string>& texts) {
            for (const std::string& text : texts) AddShape(text, *request);
          },
          "INPUT=1,3,32,32: the one size that is emitted")
      ->allow_extra_args(false);
  AddLimit(*command, "--ram-limit", request->ram_limit,
           "64K: the most the arena may take; where it needs more, layers run "
           "patch by patch");
  AddLimit(*command, "--flash-limit", request->flash_limit,
           "256K: the most that constants and code at -O2 or -Os may take");
  command->add_flag("--allow-float", request->allow_float,
                    "write layers that compute in float with float code; "
                    "without it they are refused by name");
  command
      ->add_option("--kernels", request->kernels,
                   "cmsis-nn: call your CMSIS-NN where it gives the same bytes "
                   "(default: own)")
      ->check(CLI::IsMember({"own", "cmsis-nn"}));
  command->add_flag(
      "--force", request->force,
      "where the folder exists, replace the files in it that squint "
      "wrote; all others stay");
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
