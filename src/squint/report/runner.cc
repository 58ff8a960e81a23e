#include "squint/report/runner.h"

#include <algorithm>
#include <utility>

#include "squint/base/stopwatch.h"
#include "squint/base/threads.h"
#include "squint/runtime/integer_graph.h"

namespace squint {
namespace {

// Seconds. Longer runs have operators that fill the threads, and more memory.
constexpr double kShortRun = 0.02;
// Bytes of a run whose memory follows its data.
constexpr size_t kUnknownMemory = size_t{64} << 20;

size_t InputBytes(const Sample& sample) {
  size_t bytes = 0;
  for (const Tensor& input : sample.inputs) bytes += input.bytes();
  return bytes;
}

}  // namespace

Runner::Runner(std::shared_ptr<const Graph> graph, RunMode mode,
               const Context& context)
    : graph_(std::move(graph)), context_(context), mode_(mode) {
  if (mode == RunMode::kExecutor) {
    executor_ = std::make_unique<Executor>(graph_, context);
  } else if (mode == RunMode::kIntegers) {
    executor_ = std::make_unique<Executor>(
        std::make_shared<const Graph>(LowerToIntegers(*graph_)), context);
  } else if (mode == RunMode::kFixed) {
    fixed_ = std::make_unique<FixedSession>(*graph_, context);
  }
}

std::vector<Tensor> Runner::Run(const std::vector<Tensor>& inputs,
                                const RunOptions& options) {
  const bool lowered = mode_ == RunMode::kIntegers || mode_ == RunMode::kFixed;
  CheckInternal(!lowered || !options.tap,
                "Runner: a lowered graph has other values");
  if (fixed_) return fixed_->Run(inputs);
  if (executor_) return executor_->Run(inputs, options);
  InterpreterOptions interpreter;
  interpreter.reading = Reading::kInteger;
  interpreter.context = context_;
  if (options.tap) {
    interpreter.tap = [&](ValueId id, const Tensor& tensor) {
      if (std::find(options.taps.begin(), options.taps.end(), id) !=
          options.taps.end()) {
        options.tap(id, tensor);
      }
    };
  }
  return Interpret(*graph_, inputs, interpreter);
}

size_t Runner::together() const {
  if (!are_short_) return 1;
  const auto threads = static_cast<size_t>(executor_->threads().threads());
  const size_t bytes = executor_->arena_use().bytes;
  const size_t fit =
      context_.memory_limit / (bytes > 0 ? bytes : kUnknownMemory);
  return threads <= fit ? 2 * threads : std::max<size_t>(1, fit);
}

std::vector<std::vector<Tensor>> Runner::RunAll(
    std::span<const Sample> samples) {
  std::vector<std::vector<Tensor>> outputs(samples.size());
  const bool alone = std::ranges::any_of(samples, [&](const Sample& sample) {
    return InputBytes(sample) > 2 * lone_input_bytes_;
  });
  if (are_short_ && !alone) {
    executor_->threads().ParallelTasks(samples.size(), [&](size_t i) {
      outputs[i] = executor_->Run(samples[i].inputs);
    });
    return outputs;
  }
  for (size_t i = 0; i < samples.size(); ++i) {
    const Stopwatch stopwatch;
    outputs[i] = Run(samples[i].inputs);
    lone_input_bytes_ = InputBytes(samples[i]);
    // The first run also packs weights.
    are_short_ = executor_ != nullptr && executor_->threads().threads() > 1 &&
                 runs_++ > 0 && stopwatch.Seconds() < kShortRun;
  }
  return outputs;
}

ArenaUse Runner::arena_use() const {
  return executor_ ? executor_->arena_use() : ArenaUse{};
}

std::vector<InputSpec> InputSpecsOf(const Graph& graph) {
  std::vector<InputSpec> specs;
  for (const ValueId id : graph.inputs()) {
    const Value& value = graph.value(id);
    InputSpec spec{value.name, value.dtype, std::nullopt};
    if (value.shape.has_rank()) {
      Dims dims;
      for (const Dim& dim : value.shape.dims()) {
        dims.push_back(dim.value().value_or(-1));
      }
      spec.dims = std::move(dims);
    }
    specs.push_back(std::move(spec));
  }
  return specs;
}

bool IsQuantized(const Graph& whole) {
  bool found = false;
  ForEachGraph(whole, [&](const Graph& graph) {
    for (ValueId id = 0; id < graph.num_values(); ++id) {
      found = found || graph.value(id).quant.has_value();
    }
    for (const NodeId id : graph.order()) {
      const std::string& type = graph.node(id).op_type;
      found = found || type.find("QuantizeLinear") != std::string::npos ||
              type.rfind("QLinear", 0) == 0 || type == "DynamicQuantizeLSTM";
    }
  });
  return found;
}

}  // namespace squint
