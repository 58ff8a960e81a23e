// The pass over the samples: decode ahead, run, tap, count.
#include <algorithm>
#include <atomic>
#include <set>
#include <utility>

#include "squint/base/stopwatch.h"
#include "squint/base/threads.h"
#include "squint/calibrate/calibration.h"
#include "squint/calibrate/collector.h"
#include "squint/data/side_by_side.h"
#include "squint/graph/nested_values.h"
#include "squint/runtime/executor.h"

namespace squint {
namespace {

// Seconds on all threads. Longer runs have operators that fill these, and more
// memory.
constexpr double kShortRun = 0.15;

bool IsObservable(const Value& value) {
  return !value.is_constant() && value.type_bytes.empty() &&
         (value.dtype == DType::kFloat32 || value.dtype == DType::kFloat16 ||
          value.dtype == DType::kBfloat16);
}

// Of the graph and of its nested ones: what comes in and what nodes make.
std::vector<ValueId> DefaultValues(const NestedValues& nested) {
  std::vector<ValueId> values;
  for (const NestedValues::Part& part : nested.parts()) {
    const Graph& graph = *part.graph;
    const auto add = [&](const std::vector<ValueId>& ids) {
      for (const ValueId id : ids) {
        if (id != kNoValue && IsObservable(graph.value(id))) {
          values.push_back(part.first + id);
        }
      }
    };
    add(graph.inputs());
    add(graph.captures());
    for (const NodeId node : graph.order()) add(graph.node(node).outputs);
  }
  return values;
}

// ChannelAxis() of every value of the graph and its nested ones.
std::vector<int> ChannelAxes(const NestedValues& nested) {
  std::vector<int> axes;
  for (const NestedValues::Part& part : nested.parts()) {
    const UseMap uses(*part.graph);
    for (ValueId id = 0; id < part.graph->num_values(); ++id) {
      axes.push_back(ChannelAxis(*part.graph, uses, id));
    }
  }
  return axes;
}

// One pass, its state between samples always that of whole samples.
class Pass {
 public:
  Pass(const Graph& graph, const CalibrateOptions& options,
       const Context& context)
      : options_(options),
        executor_(std::make_shared<const Graph>(graph),
                  ContextFor(graph, context)),
        cancel_(context.cancel),
        together_(kShortRun, executor_.threads().threads(),
                  context.memory_limit) {
    result_.model_hash = options.model_hash;
    const NestedValues nested(graph);
    taps_ = options.values.empty() ? DefaultValues(nested) : options.values;
    const std::vector<std::string> names = nested.Names();
    const std::vector<int> axes = ChannelAxes(nested);
    by_value_.resize(names.size());
    for (const ValueId id : taps_) {
      const auto i = static_cast<size_t>(id);
      const auto given = options.channel_axes.find(id);
      by_value_[i] = {
          &result_.values[names[i]],
          given != options.channel_axes.end() ? given->second : axes[i]};
    }
  }

  // Takes up where an interrupted pass stopped.
  void Resume() {
    if (options_.resume.empty() || !std::filesystem::exists(options_.resume)) {
      return;
    }
    const Calibration saved = ReadCalibration(options_.resume);
    const std::set<int64_t> wanted(options_.samples.begin(),
                                   options_.samples.end());
    for (const auto& [index, hash] : saved.samples) {
      if (wanted.contains(index)) continue;
      Fail(ErrorCode::kInvalidArgument,
           "{}: holds sample {}, which this calibration does not use; remove "
           "the file to start anew",
           options_.resume.string(), index);
    }
    try {
      result_.Merge(saved);
    } catch (const Error& error) {
      throw error.In(options_.resume.string());
    }
  }

  std::vector<int64_t> Remaining() const {
    std::vector<int64_t> indices;
    for (const int64_t index : options_.samples) {
      if (!result_.samples.contains(index)) indices.push_back(index);
    }
    return indices;
  }

  // How many samples the next Run should have.
  size_t together() const { return together_.count(); }

  // How many have run: fewer than given where the caller cancelled.
  size_t Run(std::span<const Sample> samples) {
    if (samples.size() == 1 || !together_.Allows(samples)) {
      for (const Sample& sample : samples) RunAlone(sample);
      return samples.size();
    }
    std::vector<char> ran(samples.size(), 0);
    executor_.threads().ParallelTasks(samples.size(), [&](size_t i) {
      if (cancel_ != nullptr && *cancel_) return;
      Run(samples[i]);
      ran[i] = 1;
    });
    for (size_t i = 0; i < samples.size(); ++i) {
      if (ran[i]) result_.samples[samples[i].index] = samples[i].hash;
    }
    return static_cast<size_t>(std::ranges::count(ran, 1));
  }

  void Checkpoint() const {
    if (!options_.resume.empty()) WriteCalibration(options_.resume, result_);
  }

  Calibration Take() {
    if (!options_.resume.empty()) std::filesystem::remove(options_.resume);
    return std::move(result_);
  }

 private:
  struct Observed {
    ValueStatistics* statistics = nullptr;
    int axis = -1;
  };

  // A sample is run to its end, so that every value has seen it. Not so with
  // loops, which may have no end: a cancelled pass is then taken up from the
  // last checkpoint.
  static Context ContextFor(const Graph& graph, Context context) {
    if (NestedValues(graph).parts().size() == 1) context.cancel = nullptr;
    return context;
  }

  void RunAlone(const Sample& sample) {
    const Stopwatch stopwatch;
    const size_t bytes = Run(sample);
    together_.RanAlone(sample, stopwatch.Seconds(), bytes);
    result_.samples[sample.index] = sample.hash;
  }

  // Returns the bytes of all that was seen.
  size_t Run(const Sample& sample) {
    size_t bytes = 0;
    RunOptions options;
    options.taps = taps_;
    options.tap = [&](ValueId id, const Tensor& tensor) {
      bytes += tensor.bytes();
      if (tensor.dtype() != DType::kFloat32) return;
      const Observed& observed = by_value_[static_cast<size_t>(id)];
      collector_.Add(tensor, observed.axis, sample.index, executor_.threads(),
                     *observed.statistics);
    };
    try {
      executor_.Run(sample.inputs, options);
    } catch (const Error& error) {
      throw error.In(fmt::format("sample {}", sample.id));
    }
    return bytes;
  }

  const CalibrateOptions& options_;
  Executor executor_;
  Collector collector_;
  Calibration result_;
  std::vector<ValueId> taps_;
  std::vector<Observed> by_value_;
  const std::atomic<bool>* cancel_;
  SideBySide together_;
};

void CheckSamples(const Dataset& dataset, const CalibrateOptions& options) {
  if (options.samples.empty()) {
    Fail(ErrorCode::kInvalidArgument, "there is no sample to calibrate on ({})",
         dataset.description());
  }
  std::set<int64_t> seen;
  for (const int64_t index : options.samples) {
    if (index < 0 || index >= dataset.size()) {
      Fail(ErrorCode::kInvalidArgument,
           "sample {} is outside the dataset of {} ({})", index, dataset.size(),
           dataset.description());
    }
    if (!seen.insert(index).second) {
      Fail(ErrorCode::kInvalidArgument, "sample {} is given twice", index);
    }
  }
}

}  // namespace

Calibration Calibrate(const Graph& graph, const Dataset& dataset,
                      const CalibrateOptions& options, const Context& context) {
  CheckSamples(dataset, options);
  Pass pass(graph, options, context);
  pass.Resume();
  const std::vector<int64_t> remaining = pass.Remaining();
  const auto total = static_cast<int64_t>(options.samples.size());
  int64_t done = total - static_cast<int64_t>(remaining.size());
  // The dataset is the caller's and outlives the stream.
  const std::shared_ptr<const Dataset> borrowed(&dataset, [](auto*) {});
  SampleStream stream(borrowed, remaining, 1);
  context.Report("calibrate", done, total);
  const auto stop_when_cancelled = [&] {
    if (context.cancel != nullptr && *context.cancel) pass.Checkpoint();
    context.ThrowIfCancelled();
  };
  for (;;) {
    const std::vector<Sample> samples = NextSamples(stream, pass.together());
    if (samples.empty()) break;
    stop_when_cancelled();
    if (pass.Run(samples) < samples.size()) stop_when_cancelled();
    const int64_t before = done;
    done += std::ssize(samples);
    if (done / options.checkpoint_every > before / options.checkpoint_every &&
        done < total) {
      pass.Checkpoint();
    }
    for (int64_t told = before; told < done;) {
      context.Report("calibrate", ++told, total);
    }
  }
  return pass.Take();
}

}  // namespace squint
