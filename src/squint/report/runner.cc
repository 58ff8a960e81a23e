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
  if (executor_ == nullptr) return;
  together_ = SideBySide(kShortRun, executor_->threads().threads(),
                         context.memory_limit);
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

std::vector<std::vector<Tensor>> Runner::RunAll(
    std::span<const Sample> samples) {
  std::vector<std::vector<Tensor>> outputs(samples.size());
  if (together_.Allows(samples)) {
    executor_->threads().ParallelTasks(samples.size(), [&](size_t i) {
      outputs[i] = executor_->Run(samples[i].inputs);
    });
    return outputs;
  }
  for (size_t i = 0; i < samples.size(); ++i) {
    const Stopwatch stopwatch;
    outputs[i] = Run(samples[i].inputs);
    const size_t bytes = arena_use().bytes;
    together_.RanAlone(samples[i], stopwatch.Seconds(),
                       bytes > 0 ? bytes : kUnknownMemory);
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
