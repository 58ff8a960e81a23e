// squint eval, compare, run, inspect, ops.
#include <fmt/format.h>

#include "commands.h"
#include "console.h"

namespace squint {
namespace {

// A command whose work is `job(context)`, which prints its own result.
template <typename Job>
void OnCall(CLI::App* command, CommonOptions& common, Job job) {
  AddCommonOptions(*command, common);
  command->callback([job, &common] {
    Console console;
    job(console.MakeContext(common));
  });
}

void AddArithmetic(CLI::App& command, Execution& execution) {
  command
      .add_option_function<std::string>(
          "--arithmetic",
          [&execution](const std::string& name) {
            if (name == "fixed") execution = Execution::kFixed;
          },
          "of quantized models: float factors, or fixed-point ones as in "
          "emitted C (slow)")
      ->check(CLI::IsMember({"float", "fixed"}))
      ->default_str("float");
}

void NoteSimulated(bool quantized, Execution execution) {
  if (quantized && execution == Execution::kSimulated) {
    fmt::print(stderr, "note: quantized model, run by simulated execution\n");
  }
}

void AddEval(CLI::App& app, CommonOptions& common) {
  auto* command = app.add_subcommand("eval", "accuracy on labelled data");
  auto request = std::make_shared<EvalRequest>();
  command->add_option("model", request->model, "ONNX model")->required();
  AddDataOptions(*command, request->data, true);
  command->add_option("--metric", request->metric,
                      "default: the dataset's own, else top1");
  command->add_option("--float-model", request->float_model,
                      "for metrics that compare with a float model");
  AddExecutionFlags(*command, request->execution);
  AddArithmetic(*command, request->execution);
  AddFloatFormat(*command, request->float_format);
  OnCall(command, common, [request, &common](const Context& context) {
    const EvalSummary summary = EvaluateFile(*request, context);
    if (common.json) {
      fmt::print("{}\n", summary.json);
      return;
    }
    NoteSimulated(summary.quantized, request->execution);
    fmt::print("{} {:.5f}  ({} samples, {:.2f} s)\n", summary.metric,
               summary.value, summary.samples, summary.seconds);
  });
}

void PrintDifferences(const std::vector<TensorDifference>& list) {
  for (const TensorDifference& d : list) {
    fmt::print("  {:8.2f} dB  cosine {:.6f}  {} {}\n", d.sqnr, d.cosine,
               d.op_type, d.name);
  }
}

void AddCompare(CLI::App& app, CommonOptions& common) {
  auto* command = app.add_subcommand(
      "compare", "a float and a quantized model on the same samples");
  auto request = std::make_shared<CompareRequest>();
  command->add_option("float_model", request->float_model, "float model")
      ->required();
  command
      ->add_option("quantized_model", request->quantized_model,
                   "quantized model")
      ->required();
  AddDataOptions(*command, request->data, true);
  AddExecutionFlags(*command, request->execution);
  OnCall(command, common, [request, &common](const Context& context) {
    const CompareSummary summary = CompareFiles(*request, context);
    if (common.json) {
      fmt::print("{}\n", summary.json);
      return;
    }
    NoteSimulated(true, request->execution);
    fmt::print("agreement {:.4f}  ({} samples)\noutputs\n", summary.agreement,
               summary.samples);
    PrintDifferences(summary.outputs);
    fmt::print("worst values inside\n");
    PrintDifferences(summary.worst);
  });
}

void AddRun(CLI::App& app, CommonOptions& common) {
  auto* command = app.add_subcommand("run", "run a model on arrays");
  auto request = std::make_shared<RunRequest>();
  command->add_option("model", request->model, "ONNX model")->required();
  command
      ->add_option("--input", request->inputs,
                   "FILE.npy in order, NAME=FILE.npy, or one .npz")
      ->required();
  command->add_option("--output", request->output, "FILE.npy or FILE.npz");
  AddExecutionFlags(*command, request->execution);
  AddArithmetic(*command, request->execution);
  AddFloatFormat(*command, request->float_format);
  OnCall(command, common, [request, &common](const Context& context) {
    const RunSummary summary = RunFile(*request, context);
    if (common.json) {
      fmt::print("{}\n", summary.json);
      return;
    }
    NoteSimulated(summary.quantized, request->execution);
    for (const auto& [name, shape] : summary.outputs) {
      fmt::print("{} {}\n", name, shape);
    }
  });
}

void AddInspect(CLI::App& app, CommonOptions& common) {
  auto* command = app.add_subcommand(
      "inspect", "what is in a model: sizes, operators, quantization");
  auto request = std::make_shared<InspectRequest>();
  command->add_option("model", request->model, "ONNX model")->required();
  command->add_flag("--nodes", request->nodes, "list every node");
  command->add_option("--preset", request->preset,
                      "target whose decisions the nodes show");
  command->add_flag("--forecast", request->forecast,
                    "how long each node should take on this machine, float "
                    "and int8");
  auto dims = std::make_shared<std::vector<std::string>>();
  AddSizeOptions(*command, request->inputs, *dims);
  OnCall(command, common, [request, dims, &common](const Context& context) {
    ReadDims(*dims, request->inputs);
    const InspectSummary summary = InspectFile(*request, context);
    fmt::print("{}{}", common.json ? summary.json : summary.text,
               common.json ? "\n" : "");
  });
}

void AddOps(CLI::App& app, CommonOptions& common) {
  auto* command = app.add_subcommand(
      "ops", "operators, passes, observers, methods, metrics and targets");
  OnCall(command, common, [&common](const Context&) {
    std::string separator;
    if (common.json) fmt::print("[");
    for (const ListEntry& entry : ListFeatures()) {
      if (common.json) {
        fmt::print("{}{{\"kind\": \"{}\", \"name\": \"{}\"}}", separator,
                   entry.kind, entry.name);
        separator = ", ";
      } else {
        fmt::print("{:9} {:28} {}\n", entry.kind, entry.name, entry.summary);
      }
    }
    if (common.json) fmt::print("]\n");
  });
}

}  // namespace

void AddExecutionFlags(CLI::App& command, Execution& execution) {
  if (execution == Execution::kIntegers) {
    command.add_flag_callback(
        "--simulated", [&execution] { execution = Execution::kSimulated; },
        "run quantized models by float kernels with rounded values");
  }
  command.add_flag_callback(
      "--reference", [&execution] { execution = Execution::kReference; },
      "run quantized models by plain loops on their integers (slow)");
}

void AddFloatFormat(CLI::App& command, FloatFormat& format) {
  command
      .add_option_function<std::string>(
          "--float",
          [&format](const std::string& name) {
            if (name == "bf16") format = FloatFormat::kBf16;
          },
          "factors of float products: float32, or rounded to bfloat16, for "
          "CPUs with AVX512_BF16")
      ->check(CLI::IsMember({"float32", "bf16"}))
      ->default_str("float32");
}

void AddMeasureCommands(CLI::App& app, CommonOptions& common) {
  AddEval(app, common);
  AddCompare(app, common);
  AddRun(app, common);
  AddInspect(app, common);
  AddOps(app, common);
}

}  // namespace squint
