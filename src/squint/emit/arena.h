// Places for blocks of memory that are taken for a time.
#ifndef SQUINT_EMIT_ARENA_H_
#define SQUINT_EMIT_ARENA_H_

#include <cstdint>
#include <vector>

namespace squint {

// Bytes that are taken during steps first .. last.
struct Block {
  int64_t bytes = 0;
  int64_t first = 0;
  int64_t last = 0;
  int64_t offset = 0;  // multiple of kArenaAlign
};

// Words of four bytes are loaded at once.
inline constexpr int64_t kArenaAlign = 4;

// Gives every block an offset so that no two that are taken at one time
// overlap, and returns the size of the whole. Blocks are placed one by one at
// the lowest offset that is free; of many orders the best one counts. The same
// blocks get the same places.
int64_t PlaceBlocks(std::vector<Block>& blocks);

// The most bytes that are taken at one time: no arena is smaller.
int64_t MostTaken(const std::vector<Block>& blocks);

}  // namespace squint

#endif  // SQUINT_EMIT_ARENA_H_
