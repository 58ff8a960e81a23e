// Blocks at planned places of one piece of memory. A block is handed out while
// nothing else lies at its place, and comes back when the last reference to it
// dies, wherever that happens. Handing out allocates nothing: each block has
// its Buffer, and room for what counts the references.
#ifndef SQUINT_RUNTIME_ARENA_H_
#define SQUINT_RUNTIME_ARENA_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "squint/runtime/place_blocks.h"
#include "squint/tensor/tensor.h"

namespace squint {

// The memory, and what of it is taken at the moment. Arenas of several plans
// may share it: what lies there for one is in the way of the others.
class ArenaMemory {
 public:
  // Only this writes to `bytes`. With `poison`, a range is filled with 0xFF
  // when it is taken and when it comes back.
  ArenaMemory(BufferRef bytes, bool poison);

  size_t size() const { return bytes_->size(); }
  const std::byte* At(size_t offset) const { return bytes_->data() + offset; }
  // False where some of the range is taken already. `bytes` is not 0.
  bool Take(size_t offset, size_t bytes);
  // The range that was taken at `offset`.
  void GiveBack(size_t offset) noexcept;
  bool IsIdle();  // nothing is taken

 private:
  struct Range {
    size_t begin;
    size_t end;
  };
  void Poison(Range range) const;

  const BufferRef bytes_;
  const bool poison_;
  std::mutex mutex_;
  std::vector<Range> taken_;
};

class Arena : public std::enable_shared_from_this<Arena> {
 public:
  // Blocks without a place (offset < 0) are never handed out. The others lie
  // within the memory, those of no bytes too.
  Arena(std::shared_ptr<ArenaMemory> memory, const std::vector<Block>& blocks);

  // Block `index`, with undefined content; null where its place is taken. One
  // thread at a time.
  BufferRef Take(size_t index);

  ArenaMemory& memory() const { return *memory_; }

 private:
  template <typename T>
  class RoomForCounts;
  // Of a shared_ptr to a Buffer, with the library's own fields.
  static constexpr size_t kCountBytes = 96;

  struct Slot {
    alignas(std::max_align_t) std::array<std::byte, kCountBytes> counts;
    BufferRef buffer;  // null: no place
    size_t offset = 0;
    std::shared_ptr<Arena> keeper;  // while the block is out
  };

  void GiveBack(size_t index) noexcept;

  const std::shared_ptr<ArenaMemory> memory_;
  std::vector<Slot> slots_;
};

}  // namespace squint

#endif  // SQUINT_RUNTIME_ARENA_H_
