// Memory for what the runs of one execution make. The first run with inputs of
// some sizes takes its blocks from a pool, and is noted: what it asks for, and
// how long it needs that. From the notes, all blocks get places in one arena,
// where later runs with inputs of these sizes have theirs.
//
// A place is given only while nothing else lies there: what a caller keeps
// stays as it is, and the block comes from the pool. So do blocks that outlive
// their run, and all that a run asks for once it strays from the notes, as it
// may where sizes follow the data; then runs with inputs of these sizes have
// no arena any more.
//
// The pool's free blocks are given back to the system before there is an arena,
// and the arena before a run is noted or goes without: so never are both held.
#ifndef SQUINT_RUNTIME_RUN_MEMORY_H_
#define SQUINT_RUNTIME_RUN_MEMORY_H_

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <span>
#include <vector>

#include "squint/runtime/arena.h"
#include "squint/runtime/buffer_pool.h"
#include "squint/runtime/place_blocks.h"
#include "squint/tensor/tensor.h"

namespace squint {

struct ArenaUse {
  size_t bytes = 0;        // 0: there is no arena
  size_t lower_bound = 0;  // the most bytes of its blocks taken at one time
};

class RunMemory {
 public:
  // As of BufferPool. An arena beyond the limit is not made.
  explicit RunMemory(size_t limit, bool poison = false);
  ~RunMemory();

  // Before each run. The key has all that the run's blocks may depend on but
  // for data; an empty one: it is not worth a plan. Plans of the 8 keys that
  // were last given are remembered.
  void BeginRun(std::span<const int64_t> key);
  // Behind a run that did not fail, with all that it gives away still alive.
  void EndRun();

  // As BufferPool's. One thread at a time; the last reference may die anywhere.
  Tensor Take(DType dtype, const Dims& dims);
  BufferRef TakeBytes(size_t bytes);

  // Of the run that goes on, or else the last one.
  ArenaUse arena_use() const;
  // In which the run that goes on has places; null: none, or not all of them.
  std::shared_ptr<Arena> arena() const {
    return plan_ == nullptr || strays_ ? nullptr : plan_->arena;
  }
  // The arena is one of its blocks.
  const BufferPool& pool() const { return pool_; }

 private:
  class Notes;
  enum class Stage {
    kNew,     // the next run is noted
    kNoted,   // the next run gets places
    kPlaced,  // as all runs that follow do
    kPooled,  // no run does
  };
  struct Plan {
    std::vector<int64_t> key;
    Stage stage = Stage::kNew;
    // One tick a block. Offsets are multiples of 64, or -1: not in the arena.
    std::vector<Block> blocks;
    ArenaUse use = {};
    std::shared_ptr<Arena> arena = nullptr;  // in memory_; made when needed
  };

  Plan& PlanOf(std::span<const int64_t> key);
  void Place(Plan& plan) const;
  void MakeArena(Plan& plan);
  void DropArena();
  BufferRef TakeNoted(size_t bytes);

  const size_t limit_;
  const bool poison_;
  BufferPool pool_;
  std::shared_ptr<ArenaMemory> memory_;
  std::list<Plan> plans_;  // the last used first

  // Of the current run.
  Plan* plan_ = nullptr;          // null: all comes from the pool
  std::shared_ptr<Notes> notes_;  // null: it is not noted
  size_t next_ = 0;               // block
  bool strays_ = false;
};

}  // namespace squint

#endif  // SQUINT_RUNTIME_RUN_MEMORY_H_
