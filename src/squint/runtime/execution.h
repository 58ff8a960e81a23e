// One run of a network at work: nodes in order, each result in a block of
// memory that is free again after its last reader. A node runs by its prepared
// step, or by its reference where it has none. What is decided run by run:
// which values are simulated, which are shown to taps, which clamps are
// therefore fused. Each nested graph has an execution of its own, kept from run
// to run, that shares memory with the one around it.
#ifndef SQUINT_RUNTIME_EXECUTION_H_
#define SQUINT_RUNTIME_EXECUTION_H_

#include <list>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "squint/runtime/executor.h"
#include "squint/runtime/network.h"
#include "squint/runtime/replay.h"
#include "squint/runtime/run_memory.h"

namespace squint {

class Execution {
 public:
  // `network` must outlive this. One run at a time; others of the same
  // network may run in other executions.
  explicit Execution(Network& network, bool poison = false);

  std::vector<Tensor> Run(const std::vector<Tensor>& inputs,
                          const RunOptions& options);
  // Lets go of what an interrupted run still holds.
  void Clear();

  const RunMemory& memory() const { return shared_->memory; }

 private:
  // What the execution of a graph and those of its nested graphs have in
  // common.
  struct Shared {
    RunMemory memory;
    int64_t body_runs = 0;  // in the current run
    int depth = 0;          // of the graph that runs
  };
  class NodeBodies;

  Execution(Network& network, std::shared_ptr<Shared> shared);
  // A value during a run.
  struct Slot {
    Tensor tensor;
    bool pooled = false;     // its bytes are of Shared::memory
    bool simulated = false;  // already the reals of its QuantParams
  };

  // Begins a run in memory that is planned by the sizes of its inputs. Taps and
  // chosen values change what is made, and so do places outside.
  void BeginMemory(const std::vector<Tensor>& inputs,
                   const RunOptions& options);
  // The run before, again, where that gives what this run would.
  std::optional<std::vector<Tensor>> RunAgain(
      const std::vector<Tensor>& inputs);
  // What a run as wanted may be written down or run again in; null: none.
  std::shared_ptr<Arena> ArenaToReplay() const;
  Replay* ReplayOf(const std::shared_ptr<Arena>& arena);  // null: none
  // Writes the run down from here on, if it may be run again and was not tried.
  void BeginRecording(const std::vector<Tensor>& inputs);
  void RecordStep(const Node& node,
                  const std::shared_ptr<const PreparedNode>& prepared,
                  const BufferRef& scratch);
  void EndRecording();
  // The run that goes on cannot be run again.
  void StopRecording();
  // After a run that failed: the next one may be written down.
  void DropRecording();
  RunPlaces PlacesOf(std::span<const Tensor> inputs) const;
  // Takes the options of one run, here and in all nested graphs.
  void Configure(const RunOptions& options);
  void Begin();
  void SetInputs(const std::vector<Tensor>& inputs);
  std::vector<Tensor> RunNodes();
  std::vector<Tensor> TakeOutputs();
  // The nested graph of the node that is running: one of network_.bodies.
  std::vector<Tensor> RunBody(size_t body, const Node& node,
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
  void RunStep(const Node& node,
               const std::shared_ptr<const PreparedNode>& prepared,
               const std::vector<const Tensor*>& inputs, ValueId first);
  // Fills step_inputs_, step_outputs_ and made_.
  void FindOperands(const Node& node, const PreparedNode& prepared,
                    const std::vector<const Tensor*>& inputs, ValueId first);
  void RunReference(const ProgramNode& step,
                    const std::vector<const Tensor*>& inputs);

  // Where an output goes, which is value `id`: to its place outside if it has
  // one; output 0 over the bytes of an input where that may be.
  Slot PlaceFor(const Node& node, const PreparedNode& prepared, size_t output,
                ValueId id, const std::vector<const Tensor*>& inputs);
  // The place outside of a value that is an output of the network, or null.
  std::byte* PlaceOutside(ValueId id, DType dtype, const Dims& dims);
  std::byte* PlaceOfOutput(size_t index, DType dtype, const Dims& dims);
  bool CanOverwrite(const Node& node, size_t input,
                    const std::vector<const Tensor*>& inputs) const;
  // Simulates and shows a value that was just made.
  void Finish(ValueId id);
  void Simulate(ValueId id, Slot& slot);
  void Release(const ProgramNode& step);

  const Tensor& Read(ValueId id);
  Slot& slot(ValueId id) { return slots_[static_cast<size_t>(id)]; }
  const Slot& slot(ValueId id) const { return slots_[static_cast<size_t>(id)]; }
  ThreadPool& threads() { return network_.threads(); }

  Network& network_;
  const Graph& graph_;
  std::shared_ptr<Shared> shared_;
  // By position, then as in network_.bodies.
  std::vector<std::vector<std::unique_ptr<Execution>>> bodies_;

  std::list<Replay> replays_;  // of runs that had an arena, the newest first

  // Of the current run.
  const RunOptions* options_ = nullptr;
  size_t position_ = 0;
  std::vector<Slot> slots_;
  std::vector<bool> tapped_;
  std::vector<bool> simulated_;
  std::vector<bool> fused_away_;    // by position
  std::vector<std::byte*> places_;  // outside, by output; null: not yet
  std::span<const Tensor> recorded_inputs_;
  Replay* recording_ = nullptr;  // of replays_

  // Filled anew by each node, and kept for their room.
  std::vector<int64_t> memory_key_;
  std::vector<const Tensor*> inputs_;
  std::vector<const void*> step_inputs_;
  std::vector<void*> step_outputs_;
  std::vector<Slot> made_;
  std::vector<bool> constant_inputs_;
};

}  // namespace squint

#endif  // SQUINT_RUNTIME_EXECUTION_H_
