// Where every value of an emitted network lies, and in which order it is
// computed.
//
// Values that have the same bytes (views), or of which one may overwrite the
// other (in-place steps), share a *block*. A block is an input or output of the
// caller, constants, or a range of the arena that is taken from the step that
// makes its first value to the step that reads its last. At that step, the
// block of the result may overlap it, where the kernel has read what it writes
// over (FixedStep::Lead).
#ifndef SQUINT_EMIT_PLAN_H_
#define SQUINT_EMIT_PLAN_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "squint/emit/network.h"
#include "squint/runtime/place_blocks.h"

namespace squint {

class PatchStep;

struct Place {
  enum class Kind { kInput, kOutput, kConstant, kArena };
  Kind kind = Kind::kArena;
  size_t index = 0;    // of the input or output
  int64_t offset = 0;  // in the arena
};

struct MemoryPlan {
  std::vector<size_t> order;        // of network.steps
  std::map<ValueId, Place> places;  // of all values
  std::vector<int64_t> scratch;     // offset for each step of `order`, or -1
  // Outputs that no step writes: (value, index of the output).
  std::vector<std::pair<ValueId, size_t>> copies;
  std::vector<Block> blocks;
  std::vector<Overlap> overlaps;
  int64_t arena_bytes = 0;
  int64_t lower_bound = 0;  // the most that is taken at one time
  int64_t most_live = 0;    // the same if no result lay over its input
};

MemoryPlan PlanMemory(const FixedNetwork& network);

// The same with the steps as they stand, and no places: blocks and bounds.
MemoryPlan DraftMemory(const FixedNetwork& network);

// Runs the plan on names instead of numbers: every step finds its operands
// where they were put, whole, and writes over nothing that is needed. Shares
// no code with the planner. Error{kInternal} says what is wrong.
void VerifyPlan(const FixedNetwork& network, const MemoryPlan& plan);
// The same for what layers hand to one another within each patch.
void VerifyPatches(const PatchStep& patches);

}  // namespace squint

#endif  // SQUINT_EMIT_PLAN_H_
