// What a run did, to be done again as it was: its steps in order, each with the
// addresses of its operands, found once. Runs with inputs of the same sizes
// then look up no step, compare no shape and ask for no memory.
//
// A run is written down when all it read and made lay in inputs, constants,
// the arena and places of the caller. One is not that ran an operator by its
// reference or a nested graph, nor one whose sizes may follow the data.
#ifndef SQUINT_RUNTIME_REPLAY_H_
#define SQUINT_RUNTIME_REPLAY_H_

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "squint/runtime/node_plan.h"
#include "squint/runtime/run_memory.h"
#include "squint/tensor/tensor.h"

namespace squint {

struct Context;
class ThreadPool;

// The memory of one run that differs from run to run, and the range that does
// not.
struct RunPlaces {
  std::span<const Tensor> inputs;
  std::span<std::byte* const> outputs;  // null: not asked for yet
  std::span<const std::byte> arena;

  bool InArena(const std::byte* at) const {
    return at >= arena.data() && at < arena.data() + arena.size();
  }
  // Whether an address tells which of them it is of: all differ, and no input
  // lies in the arena.
  bool AreApart() const;
};

class Replay {
 public:
  // Of an output of the network.
  struct Output {
    DType dtype;
    Dims dims;
  };

  // `arena`: what the addresses are of. It is not kept alive.
  explicit Replay(const std::shared_ptr<const Arena>& arena) : arena_(arena) {}

  // In the order of a run. False: the run cannot be replayed. An operand that
  // `is_constant` stays where it is; its flags may be fewer than the inputs.
  bool AddStep(std::shared_ptr<const PreparedNode> prepared, NodeId node,
               std::span<const void* const> inputs,
               const std::vector<bool>& is_constant,
               std::span<void* const> outputs, void* scratch,
               const RunPlaces& places);
  // An output of the network, `from` being its place or what is copied there.
  bool AddOutput(const Tensor& from, bool is_constant, const RunPlaces& places);

  bool IsOf(const std::shared_ptr<const Arena>& arena) const {
    return arena != nullptr && arena_.lock() == arena;
  }
  bool IsGone() const { return arena_.expired(); }
  const std::vector<Output>& outputs() const { return outputs_; }
  // Whether the run was written down to its end.
  bool is_complete() const { return is_complete_; }
  void Complete() { is_complete_ = true; }
  // It will never be: lets go of what it holds.
  void Abandon();

  // The steps, on the inputs and into the outputs of these places.
  // `failed` becomes the node whose step throws. The run was written down to
  // its end.
  void Run(const RunPlaces& places, const Context& context, ThreadPool& pool,
           NodeId& failed);

 private:
  struct Command {
    const Step* step;
    NodeId node;
    std::shared_ptr<const PreparedNode> keeper;
    size_t num_inputs;
    size_t num_outputs;
    void* scratch;
  };
  struct Copy {
    const void* from;
    size_t bytes;
  };
  // An address that is put in anew before each run.
  struct Patch {
    enum class Kind { kInput, kOutput };
    Kind kind;
    size_t number;   // of the input or output
    size_t operand;  // its place among `reads_`, `writes_` or `copies_`
  };

  // Where an address leads. False: nowhere that lasts.
  static bool Find(const void* address, const RunPlaces& places,
                   std::vector<Patch>& patches, size_t operand);

  std::weak_ptr<const Arena> arena_;
  bool is_complete_ = false;
  std::vector<Command> commands_;
  std::vector<const void*> reads_;  // of all commands, one after the other
  std::vector<void*> writes_;
  std::vector<Copy> copies_;  // by output
  std::vector<Output> outputs_;
  std::vector<Patch> read_patches_;
  std::vector<Patch> write_patches_;
  std::vector<Patch> copy_patches_;
};

}  // namespace squint

#endif  // SQUINT_RUNTIME_REPLAY_H_
