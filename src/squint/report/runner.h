// One way to run a network on samples for everything that measures: by the
// executor (float; where values are quantized, on their integers or
// simulated), in fixed-point arithmetic, or by the reference interpreter's
// integer reading.
#ifndef SQUINT_REPORT_RUNNER_H_
#define SQUINT_REPORT_RUNNER_H_

#include <memory>
#include <span>
#include <vector>

#include "squint/base/context.h"
#include "squint/data/dataset.h"
#include "squint/data/side_by_side.h"
#include "squint/fixed/session.h"
#include "squint/graph/graph.h"
#include "squint/ops/interpreter.h"
#include "squint/runtime/executor.h"
#include "squint/runtime/run_memory.h"

namespace squint {

enum class RunMode {
  kExecutor,   // float, or simulated
  kIntegers,   // the executor on the lowered graph; takes no taps
  kReference,  // plain loops on the stored integers
  kFixed,      // fixed-point arithmetic (fixed/session.h); takes no taps
};

class Runner {
 public:
  Runner(std::shared_ptr<const Graph> graph, RunMode mode,
         const Context& context);
  std::vector<Tensor> Run(const std::vector<Tensor>& inputs,
                          const RunOptions& options = {});
  // The outputs of each. Where runs are short, whole samples keep the threads
  // busier than the parts of one: then those of `together()` run side by side.
  std::vector<std::vector<Tensor>> RunAll(std::span<const Sample> samples);
  // How many samples should be given to RunAll at once.
  size_t together() const { return together_.count(); }
  // Of the run that ended last.
  ArenaUse arena_use() const;
  const Graph& graph() const { return *graph_; }

 private:
  std::shared_ptr<const Graph> graph_;
  Context context_;
  RunMode mode_;
  SideBySide together_{0, 1, 0};         // none: only an executor takes several
  std::unique_ptr<Executor> executor_;   // or
  std::unique_ptr<FixedSession> fixed_;  // or neither: reference
};

// What the network wants from a dataset.
std::vector<InputSpec> InputSpecsOf(const Graph& graph);

bool IsQuantized(const Graph& graph);

}  // namespace squint

#endif  // SQUINT_REPORT_RUNNER_H_
