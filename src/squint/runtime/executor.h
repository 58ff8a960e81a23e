// Executions of one graph with float kernels: float, and simulated (chosen
// quantized values are quantized and dequantized after they are made, and
// quantized constants are used as the reals they stand for). Nodes run in
// order; shapes are those of the inputs at hand, so any dynamic shape works;
// prepared steps are cached by shape and share packed weights. Nested graphs
// (of If, Loop, Scan) run the same way, prepared once for all their trips.
#ifndef SQUINT_RUNTIME_EXECUTOR_H_
#define SQUINT_RUNTIME_EXECUTOR_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "squint/base/context.h"
#include "squint/graph/graph.h"
#include "squint/tensor/tensor.h"

namespace squint {

struct ArenaUse;  // run_memory.h
class ThreadPool;

// One node that has run, for whoever measures.
struct StepEvent {
  struct Operand {  // kUndefined: absent
    DType dtype = DType::kUndefined;
    Dims dims;
  };
  const Graph& graph;  // the executor's, or one nested in it
  NodeId node = kNoNode;
  NodeId clamp = kNoNode;  // the one that was applied in the same step
  int depth = 0;           // of the graph: 0 for the executor's
  double seconds = 0;      // also those of nested graphs that the node ran
  std::vector<Operand> inputs = {};
  std::vector<Operand> outputs = {};  // behind the clamp
};

struct RunOptions {
  // Values to show to `tap`, numbered as in NestedValues: by id in the
  // executor's graph, then those of nested graphs. A tapped value is never
  // fused away; one of a nested graph comes once each time that graph runs.
  // Called in execution order on the caller's thread
  // with the tensor in logical layout; the tensor is only valid in the call
  // unless copied (copying a Tensor shares its bytes, and that is enough).
  std::vector<ValueId> taps;
  std::function<void(ValueId, const Tensor&)> tap;
  // Which quantized values are simulated, by the same numbers; empty: all
  // that have QuantParams. Activations outside stay float; constants outside
  // are still the dequantized integers (their float original is gone).
  std::vector<bool> simulate;
  // Called behind each node, nodes of nested graphs before the one around.
  std::function<void(const StepEvent&)> on_step;
  // Memory for output `index` of the graph, asked for once a run when its type
  // and shape are known: of their size, aligned to an element. The output is
  // made there where that is possible, else copied, and the Tensor that Run
  // returns only refers to it. Null: Run returns memory of its own.
  std::function<std::byte*(size_t index, DType dtype, const Dims& dims)> place;
};

class Executor {
 public:
  // The graph must have been through InferShapes. Weights are packed by
  // Prepare or the first Run. Threads: context.threads.
  explicit Executor(std::shared_ptr<const Graph> graph,
                    const Context& context = {});
  ~Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  // `inputs` in the order of graph.inputs(). Error{kInvalidArgument} for
  // wrong count, type or shape names the input. From any number of threads at
  // once, each run with memory of its own: results are those of a run alone.
  std::vector<Tensor> Run(const std::vector<Tensor>& inputs,
                          const RunOptions& options = {});

  // Packs weights and prepares steps for inputs of these sizes, on all threads.
  // A Run does whatever is not done yet.
  void Prepare(const std::vector<Dims>& inputs);

  // Of the run that ended last.
  ArenaUse arena_use() const;

  const Graph& graph() const;
  // The threads of Run; a tap may use them.
  ThreadPool& threads();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace squint

#endif  // SQUINT_RUNTIME_EXECUTOR_H_
