// squint quantize, squint calibrate.
#include <fmt/format.h>

#include "commands.h"
#include "console.h"

namespace squint {
namespace {

constexpr size_t kNamesShown = 4;

std::string JoinSome(const std::vector<std::string>& names) {
  std::string text;
  for (size_t i = 0; i < std::min(names.size(), kNamesShown); ++i) {
    text += (i > 0 ? ", " : "") + names[i];
  }
  return names.size() > kNamesShown ? text + ", ..." : text;
}

double Share(size_t part, size_t whole) {
  return whole == 0 ? 0.0
                    : static_cast<double>(part) / static_cast<double>(whole);
}

void PrintSummary(const QuantizeRequest& request,
                  const QuantizeSummary& summary, bool verbose) {
  fmt::print("{}\n", request.output);
  fmt::print("  file       {} -> {}  ({:.3f})\n",
             HumanBytes(summary.float_bytes),
             HumanBytes(summary.quantized_bytes),
             Share(summary.quantized_bytes, summary.float_bytes));
  fmt::print("  weights    {} -> {}  ({:.3f})\n",
             HumanBytes(summary.float_weight_bytes),
             HumanBytes(summary.quantized_weight_bytes),
             Share(summary.quantized_weight_bytes, summary.float_weight_bytes));
  fmt::print("  nodes      {} integer, {} float\n", summary.integer_nodes,
             summary.float_nodes);
  for (const FloatGroup& group : summary.left_float) {
    fmt::print("    float    {} {}: {}{}\n", group.nodes.size(), group.op_type,
               group.reason, verbose ? " [" + JoinSome(group.nodes) + "]" : "");
  }
  if (summary.compared_samples > 0) {
    fmt::print("  compared   {} {} samples, simulated execution\n",
               summary.compared_samples,
               summary.compared_on_calibration ? "calibration" : "held-back");
    fmt::print("    SQNR       {:.2f} dB\n", summary.sqnr);
    fmt::print("    agreement  {:.4f}\n", summary.agreement);
  }
  if (!summary.metric.empty()) {
    fmt::print("    {:10} float {:.4f}, integer {:.4f}\n", summary.metric,
               summary.float_metric, summary.quantized_metric);
  }
  fmt::print("{}", summary.budget_text);
  for (const std::string& note : summary.notes) {
    fmt::print("  note: {}\n", note);
  }
  fmt::print(
      "  time       {:.2f} s, {:.2f} s of it calibrating on {} {}samples\n",
      summary.total_seconds, summary.calibrate_seconds,
      summary.calibration_samples, summary.data_free ? "synthetic " : "");
}

void AddBudgetOptions(CLI::App& command, AccuracyBudget& budget) {
  auto* max_drop = command.add_option(
      "--max-drop", budget.max_drop,
      "search the cheapest network that loses at most so much: 0.5% of the "
      "float metric, or 0.005 of its unit");
  command
      .add_option("--metric", budget.metric,
                  "of the budget (see `squint eval`)")
      ->needs(max_drop);
  command
      .add_option("--judge-data", budget.judge.source,
                  "samples that the budget is judged on (default: every second "
                  "of --data)")
      ->needs(max_drop);
  command
      .add_option("--time-budget", budget.seconds,
                  "for the search; s, m or h behind the number")
      ->needs(max_drop)
      ->transform(CLI::AsNumberWithUnit(
          std::map<std::string, double>{{"s", 1}, {"m", 60}, {"h", 3600}},
          CLI::AsNumberWithUnit::CASE_SENSITIVE, "TIME"));
  command.add_option("--objective", budget.objective, "what is to be cheap")
      ->needs(max_drop)
      ->check(CLI::IsMember({"size", "latency"}));
}

void AddQuantize(CLI::App& app, CommonOptions& common) {
  auto* command = app.add_subcommand(
      "quantize", "calibrate, quantize, compare, and print what it cost");
  auto request = std::make_shared<QuantizeRequest>();
  command->add_option("model", request->model, "float ONNX model")->required();
  command->add_option("-o,--output", request->output, "file to write")
      ->required();
  AddDataOptions(*command, request->data, false);
  AddRecipeOptions(*command, request->recipe);
  command->add_option("--calibration", request->calibration,
                      "table of `squint calibrate` instead of calibrating");
  command->add_flag("--no-data", request->no_data,
                    "do without data: ranges from BatchNormalization where "
                    "the file has it, else from synthetic inputs; accuracy "
                    "may suffer");
  command->add_option("--no-pass", request->disabled_passes,
                      "graph pass to leave out (see `squint ops`)");
  AddBudgetOptions(*command, request->budget);
  command->add_flag("!--no-compare", request->compare,
                    "skip the comparison at the end");
  command->add_option("--external-data", request->external_data,
                      "put tensors of at least so many bytes into a data file "
                      "beside the output (always done beyond 2 GB)");
  AddCommonOptions(*command, common);
  command->callback([request, &common] {
    Console console;
    const Context context = console.MakeContext(common);
    const QuantizeSummary summary = QuantizeFile(*request, context);
    if (common.json) {
      fmt::print("{}\n", summary.json);
    } else {
      PrintSummary(*request, summary, common.verbose);
    }
    if (!summary.budget_met) {
      throw Error(ErrorCode::kBudgetNotMet,
                  fmt::format("the budget is not met; {} is the best found",
                              request->output));
    }
  });
}

void AddCalibrate(CLI::App& app, CommonOptions& common) {
  auto* command = app.add_subcommand(
      "calibrate", "collect statistics into a table, or merge tables");
  auto request = std::make_shared<CalibrateRequest>();
  auto merge = std::make_shared<std::vector<std::string>>();
  command->add_option("model", request->model, "float ONNX model");
  command->add_option("-o,--output", request->output, "table to write (.json)")
      ->required();
  AddDataOptions(*command, request->data, false);
  AddRecipeOptions(*command, request->recipe);
  command->add_flag("--all", request->all,
                    "also the samples that quantize would hold back");
  command->add_option("--merge", *merge, "tables to merge instead");
  AddCommonOptions(*command, common);
  command->callback([request, merge, &common] {
    if (merge->empty() && request->model.empty()) {
      throw CLI::RequiredError("model");
    }
    Console console;
    const Context context = console.MakeContext(common);
    const CalibrateSummary summary =
        merge->empty() ? CalibrateFile(*request, context)
                       : MergeCalibrationFiles(*merge, request->output);
    if (common.json) {
      fmt::print("{}\n", summary.json);
    } else {
      fmt::print("{}: {} samples, {} tensors\n", request->output,
                 summary.samples, summary.tensors);
    }
  });
}

}  // namespace

void AddCommonOptions(CLI::App& command, CommonOptions& common) {
  command.add_option("--threads", common.threads, "0: as many as there are")
      ->check(CLI::Range(0, kMostThreads));
  command.add_flag("--json", common.json, "results as one JSON object");
  AddContextOptions(command, common);
}

void AddContextOptions(CLI::App& command, CommonOptions& common) {
  command.add_option("--seed", common.seed, "of everything random");
  command.add_flag("-v,--verbose", common.verbose, "say what each step did");
  command
      .add_option("--loop-limit", common.loop_limit,
                  "how often the bodies of loops may run in one run")
      ->check(CLI::NonNegativeNumber);
}

void AddDataOptions(CLI::App& command, DataRequest& data, bool required) {
  command
      .add_option("--data", data.source,
                  "folder of images, image, .npy, .npz, idx, dataset .json, "
                  "or the word random")
      ->required(required);
  command.add_option("--preprocess", data.preset,
                     "preprocessing of images, by name");
  command.add_option("--samples", data.samples,
                     "A:B, indices in the whole dataset");
  command.add_option("--limit", data.limit, "at most so many samples")
      ->check(CLI::NonNegativeNumber);
}

void AddRecipeOptions(CLI::App& command, RecipeRequest& recipe) {
  command.add_option("--recipe", recipe.file, "recipe JSON");
  command.add_option("--mode", recipe.mode, "how activations are quantized")
      ->check(CLI::IsMember({"static", "dynamic", "weight-only"}));
  command.add_option("--preset", recipe.preset, "what the file is for")
      ->check(CLI::IsMember({"x86", "arm", "tensorrt", "squint", "edge"}));
  command.add_option("--activations", recipe.activations, "their type")
      ->check(
          CLI::IsMember({"uint8", "int8", "uint16", "int16", "uint4", "int4"}));
  command.add_option("--weights", recipe.weights, "their type")
      ->check(CLI::IsMember({"int8", "uint8", "int16", "int4", "int5", "int6",
                             "int7", "float16", "bfloat16"}));
  command.add_flag("--edges-as-others", recipe.edges_as_others,
                   "static, fewer than 8 bits: no 8 bits for the first and "
                   "last layers");
  command.add_option("--observer", recipe.observer,
                     "how ranges are chosen (see `squint ops`)");
  command.add_option("--group", recipe.group,
                     "int4: elements along K with one scale");
  command.add_flag("--per-tensor", recipe.per_tensor,
                   "one scale for a whole weight");
  command
      .add_option("--io", recipe.io, "type of the graph's inputs and outputs")
      ->check(CLI::IsMember({"float", "int8", "uint8"}));
  command.add_option("--exclude", recipe.exclude_nodes,
                     "node to keep in float, by name");
  command.add_option("--exclude-type", recipe.exclude_types,
                     "operator type to keep in float");
  command.add_option("--enable", recipe.enable, "method to switch on");
  command.add_option("--disable", recipe.disable, "method to switch off");
  command.add_flag_callback(
      "--reconstruct", [&recipe] { recipe.enable.push_back("reconstruct"); },
      "tune the rounding of weights block by block (slow, for few bits)");
  command.add_option("--iterations", recipe.iterations,
                     "of --reconstruct, for each block (default 1000)");
  command.add_flag("--saturation-safe", recipe.saturation_safe,
                   "weights that cannot saturate on CPUs without VNNI");
}

void AddQuantizeCommands(CLI::App& app, CommonOptions& common) {
  AddQuantize(app, common);
  AddCalibrate(app, common);
}

}  // namespace squint
