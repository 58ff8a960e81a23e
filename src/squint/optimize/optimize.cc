#include "squint/optimize/optimize.h"

#include <algorithm>
#include <array>

#include "squint/base/error.h"
#include "squint/base/stopwatch.h"
#include "squint/ops/infer.h"
#include "squint/optimize/pass.h"

namespace squint {

#define SQUINT_PASS(name, file) extern const PassDef k##name##Pass;
#include "squint/optimize/pass_list.inc"
#undef SQUINT_PASS

namespace {

constexpr std::array kPasses = {
#define SQUINT_PASS(name, file) &k##name##Pass,
#include "squint/optimize/pass_list.inc"
#undef SQUINT_PASS
};

// Rounds over the whole list. Real models settle after three or four; the
// bound only guards against two passes undoing each other.
constexpr int kMaxRounds = 20;

std::vector<bool> Enabled(const OptimizeOptions& options) {
  std::vector<bool> enabled(kPasses.size(), true);
  for (const std::string& name : options.disabled) {
    const PassDef* pass = FindPass(name);
    if (pass == nullptr) {
      std::string names;
      for (const PassDef* known : kPasses) {
        names += names.empty() ? "" : ", ";
        names += known->name;
      }
      Fail(ErrorCode::kInvalidArgument,
           "there is no graph pass '{}' to disable; the passes are: {}", name,
           names);
    }
    enabled[static_cast<size_t>(
        std::find(kPasses.begin(), kPasses.end(), pass) - kPasses.begin())] =
        false;
  }
  return enabled;
}

class Optimizer {
 public:
  Optimizer(Graph& graph, const OptimizeOptions& options,
            const Context& context)
      : graph_(graph),
        options_(options),
        context_(context),
        enabled_(Enabled(options)) {
    for (const PassDef* pass : kPasses) {
      reports_.push_back({.name = pass->name, .lines = {}});
    }
  }

  std::vector<PassReport> Run() {
    inferred_ = InferShapes(graph_);
    for (int round = 0; round < kMaxRounds; ++round) {
      if (!RunRound(round)) break;
    }
    ForEachGraph(graph_, [](Graph& graph) { graph.Compact(); });
    return std::move(reports_);
  }

 private:
  bool RunRound(int round) {
    bool changed = false;
    for (size_t i = 0; i < kPasses.size(); ++i) {
      context_.ThrowIfCancelled();
      if (enabled_[i] && RunPass(i)) changed = true;
    }
    context_.Report("optimize", round + 1, 0);
    return changed;
  }

  bool RunPass(size_t index) {
    const Stopwatch stopwatch;
    PassReport& report = reports_[index];
    const int changes = RunOnGraphs(*kPasses[index], report);
    if (changes > 0) {
      Verify(*kPasses[index]);
      inferred_ = InferShapes(graph_);
    }
    report.changes += changes;
    report.seconds += stopwatch.Seconds();
    return changes > 0;
  }

  // Nested graphs have been given their captures' types by the inference of
  // the whole; their contents are inferred where they are needed.
  int RunOnGraphs(const PassDef& pass, PassReport& report) {
    int changes = 0;
    ForEachGraph(graph_, [&](Graph& graph) {
      const bool nested = &graph != &graph_;
      const InferResult inner = nested ? InferShapes(graph) : InferResult{};
      PassContext pass_context(
          options_, context_,
          nested ? inner.dim_tensors : inferred_.dim_tensors, report.lines);
      changes += pass.run(graph, pass_context);
    });
    return changes;
  }

  void Verify(const PassDef& pass) const {
    if (!options_.verify) return;
    try {
      VerifyGraph(graph_);
    } catch (const Error& error) {
      throw error.In(fmt::format("after graph pass {}", pass.name));
    }
  }

  Graph& graph_;
  const OptimizeOptions& options_;
  const Context& context_;
  std::vector<bool> enabled_;
  std::vector<PassReport> reports_;
  InferResult inferred_;
};

}  // namespace

std::vector<PassReport> Optimize(Graph& graph, const OptimizeOptions& options,
                                 const Context& context) {
  return Optimizer(graph, options, context).Run();
}

std::span<const PassDef* const> AllPasses() { return kPasses; }

const PassDef* FindPass(std::string_view name) {
  const auto it =
      std::find_if(kPasses.begin(), kPasses.end(),
                   [&](const PassDef* pass) { return pass->name == name; });
  return it == kPasses.end() ? nullptr : *it;
}

}  // namespace squint
