// Places for blocks of memory that are taken for a time.
#ifndef SQUINT_RUNTIME_PLACE_BLOCKS_H_
#define SQUINT_RUNTIME_PLACE_BLOCKS_H_

#include <cstddef>
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

// At the one step that both blocks are taken, the `result` is written while the
// `input` is read for the last time: they may overlap if the result begins at
// least `lead` bytes before the input.
struct Overlap {
  size_t input = 0;
  size_t result = 0;
  int64_t lead = 0;
};

// Words of four bytes are loaded at once.
inline constexpr int64_t kArenaAlign = 4;

// Gives every block an offset so that no two that are taken at one time
// overlap, but for those that may, and returns the size of the whole. Blocks
// are placed one by one at the lowest offset that is free; of many orders the
// best one counts. The same blocks get the same places.
int64_t PlaceBlocks(std::vector<Block>& blocks,
                    const std::vector<Overlap>& overlaps = {});

// The least that any places need at step t: no arena is smaller.
int64_t TakenAt(int64_t t, const std::vector<Block>& blocks,
                const std::vector<Overlap>& overlaps = {});

// The most of TakenAt.
int64_t MostTaken(const std::vector<Block>& blocks,
                  const std::vector<Overlap>& overlaps = {});

}  // namespace squint

#endif  // SQUINT_RUNTIME_PLACE_BLOCKS_H_
