// squint convert.
#include <fmt/format.h>

#include "commands.h"
#include "console.h"

namespace squint {
namespace {

constexpr size_t kExternalBytes = 1024;

void AddChanges(CLI::App& command, ConvertRequest& request) {
  command.add_option("--activations", request.activations,
                     "int8 or uint8, exact: zero points move by 128");
  command.add_option("--format", request.format,
                     "qdq: operators on integers between Q and DQ");
  command.add_option("--opset", request.opset,
                     "default: the lowest possible, at least 21");
  auto* out = command.add_option_function<size_t>(
      "--external-data",
      [&request](size_t bytes) { request.external_threshold = bytes; },
      "weights of so many bytes or more into a file beside the model");
  out->expected(0, 1)->default_str(std::to_string(kExternalBytes));
  command
      .add_flag_callback(
          "--no-external-data", [&request] { request.external_threshold = 0; },
          "weights into the model, as long as it stays under 2 GB")
      ->excludes(out);
}

}  // namespace

void AddConvertCommand(CLI::App& app, CommonOptions& common) {
  auto* command = app.add_subcommand(
      "convert", "the same network in another form, no number changed");
  auto request = std::make_shared<ConvertRequest>();
  command->add_option("model", request->model, "ONNX model")->required();
  command->add_option("-o,--output", request->output, "file to write")
      ->required();
  AddChanges(*command, *request);
  AddCommonOptions(*command, common);
  command->callback([request, &common] {
    Console console;
    const Context context = console.MakeContext(common);
    const ConvertSummary summary = ConvertFile(*request, context);
    if (common.json) {
      fmt::print("{}\n", summary.json);
      return;
    }
    fmt::print("{}  {}, opset {}\n", request->output, HumanBytes(summary.bytes),
               summary.opset);
    for (const std::string& note : summary.notes) {
      fmt::print("  note: {}\n", note);
    }
  });
}

}  // namespace squint
