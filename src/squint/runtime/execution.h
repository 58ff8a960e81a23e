// One executor at work: nodes in order, each result in a pooled buffer that
// goes back after its last reader. A node runs by its prepared step, or by
// its reference where it has none. What is decided run by run: which values
// are simulated, which are shown to taps, which clamps are therefore fused.
// Each nested graph has an execution of its own, kept from run to run, that
// shares threads and memory with the one around it.
#ifndef SQUINT_RUNTIME_EXECUTION_H_
#define SQUINT_RUNTIME_EXECUTION_H_

#include <memory>
#include <vector>

#include "squint/base/threads.h"
#include "squint/graph/nested_values.h"
#include "squint/runtime/buffer_pool.h"
#include "squint/runtime/executor.h"
#include "squint/runtime/node_plan.h"
#include "squint/runtime/program.h"

namespace squint {

class Execution {
 public:
  Execution(const std::shared_ptr<const Graph>& graph, const Context& context,
            OpFinder find, bool poison = false);

  std::vector<Tensor> Run(const std::vector<Tensor>& inputs,
                          const RunOptions& options);

  const Graph& graph() const { return *graph_; }
  ThreadPool& threads() { return shared_->threads; }
  const BufferPool& memory() const { return shared_->memory; }

 private:
  // What all executions of one network have in common.
  struct Shared {
    Shared(const Context& given, OpFinder finder, bool poison)
        : context(given),
          find(finder),
          threads(given.threads),
          memory(given.memory_limit, poison) {}
    Context context;
    OpFinder find;
    ThreadPool threads;
    BufferPool memory;
    int64_t body_runs = 0;  // in the current run
    int depth = 0;          // of the graph that runs
  };
  // A nested graph of the node at some position of the program.
  struct Body {
    std::string key;
    size_t first_capture;  // among the node's captures
    std::unique_ptr<Execution> execution;
  };
  class NodeBodies;

  Execution(std::shared_ptr<const Graph> graph, std::shared_ptr<Shared> shared,
            const NestedValues& values);
  // A value during a run.
  struct Slot {
    Tensor tensor;
    bool pooled = false;     // its bytes are of memory_
    bool simulated = false;  // already the reals of its QuantParams
  };

  // Takes the options of one run, here and in all nested graphs.
  void Configure(const RunOptions& options);
  void Begin();
  void SetInputs(const std::vector<Tensor>& inputs);
  std::vector<Tensor> RunNodes();
  // The nested graph of the node that is running.
  std::vector<Tensor> RunBody(Body& body, const Node& node,
                              const std::vector<Tensor>& inputs);
  void RunNode(size_t position);
  // The same, told to on_step.
  void RunTimed(size_t position);
  StepEvent::Operand OperandOf(ValueId id) const;
  // By a step on the stored integers of quantized constants; false: there is
  // none, they have to be dequantized.
  bool RunStored(size_t position);
  // A quantized constant that a step of this node might take as it is.
  bool MayStayStored(const ProgramNode& step, ValueId id) const;
  bool RunFused(const ProgramNode& step,
                const std::vector<const Tensor*>& inputs, bool stored);
  bool RunView(size_t position, const std::vector<const Tensor*>& inputs);
  void RunStep(const Node& node, const PreparedNode& prepared,
               const std::vector<const Tensor*>& inputs, ValueId first);
  void RunReference(const ProgramNode& step,
                    const std::vector<const Tensor*>& inputs);
  PlanContext PlanFor(size_t position, bool fused, bool stored);

  // Where output 0 goes: over the bytes of input 0 when `in_place` allows.
  Slot PlaceFor(const Node& node, const PreparedNode& prepared, size_t output,
                const std::vector<const Tensor*>& inputs);
  bool CanOverwrite(const Node& node,
                    const std::vector<const Tensor*>& inputs) const;
  // Simulates and shows a value that was just made.
  void Finish(ValueId id);
  void Simulate(ValueId id, Slot& slot);
  void Release(const ProgramNode& step);

  const Tensor& Read(ValueId id);
  const Tensor& Constant(ValueId id);
  Slot& slot(ValueId id) { return slots_[static_cast<size_t>(id)]; }
  const Slot& slot(ValueId id) const { return slots_[static_cast<size_t>(id)]; }

  std::shared_ptr<const Graph> graph_;
  std::shared_ptr<Shared> shared_;
  ValueId first_;       // number of value 0 among those of the whole network
  int num_values_ = 0;  // of the whole; outermost only
  Program program_;
  Graph shapes_;  // NodePlan writes the types at hand here
  PackCache packs_;
  std::vector<NodePlan> plans_;            // by position, unfused
  std::vector<NodePlan> fused_plans_;      // by position, with the clamp
  std::vector<std::vector<Body>> bodies_;  // by position
  std::vector<Tensor> constants_;          // as reals in memory, made on demand

  // Of the current run.
  const RunOptions* options_ = nullptr;
  size_t position_ = 0;
  std::vector<Slot> slots_;
  std::vector<bool> tapped_;
  std::vector<bool> simulated_;
  std::vector<bool> fused_away_;  // by position
};

}  // namespace squint

#endif  // SQUINT_RUNTIME_EXECUTION_H_
