// One executor at work: nodes in order, each result in a pooled buffer that
// goes back after its last reader. A node runs by its prepared step, or by
// its reference where it has none. What is decided run by run: which values
// are simulated, which are shown to taps, which clamps are therefore fused.
#ifndef SQUINT_RUNTIME_EXECUTION_H_
#define SQUINT_RUNTIME_EXECUTION_H_

#include <memory>
#include <vector>

#include "squint/base/threads.h"
#include "squint/runtime/buffer_pool.h"
#include "squint/runtime/executor.h"
#include "squint/runtime/node_plan.h"
#include "squint/runtime/program.h"

namespace squint {

class Execution {
 public:
  Execution(std::shared_ptr<const Graph> graph, const Context& context,
            OpFinder find, bool poison = false);

  std::vector<Tensor> Run(const std::vector<Tensor>& inputs,
                          const RunOptions& options);

  const Graph& graph() const { return *graph_; }
  ThreadPool& threads() { return threads_; }
  const BufferPool& memory() const { return memory_; }

 private:
  // A value during a run.
  struct Slot {
    Tensor tensor;
    bool pooled = false;     // its bytes are of memory_
    bool simulated = false;  // already the reals of its QuantParams
  };

  void Begin(const RunOptions& options);
  void SetInputs(const std::vector<Tensor>& inputs);
  void RunNode(size_t position);
  bool RunFused(const ProgramNode& step,
                const std::vector<const Tensor*>& inputs);
  bool RunView(size_t position, const std::vector<const Tensor*>& inputs);
  void RunStep(const Node& node, const PreparedNode& prepared,
               const std::vector<const Tensor*>& inputs, ValueId first);
  void RunReference(const ProgramNode& step,
                    const std::vector<const Tensor*>& inputs);
  PlanContext PlanFor(size_t position, bool fused);

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
  Context context_;
  Program program_;
  Graph shapes_;  // NodePlan writes the types at hand here
  ThreadPool threads_;
  BufferPool memory_;
  PackCache packs_;
  std::vector<NodePlan> plans_;        // by position, unfused
  std::vector<NodePlan> fused_plans_;  // by position, with the clamp
  std::vector<Tensor> constants_;      // as reals in memory, made on demand

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
