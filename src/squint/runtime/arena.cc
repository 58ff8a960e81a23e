#include "squint/runtime/arena.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace squint {

ArenaMemory::ArenaMemory(BufferRef bytes, bool poison)
    : bytes_(std::move(bytes)), poison_(poison) {}

void ArenaMemory::Poison(Range range) const {
  if (!poison_) return;
  std::memset(const_cast<std::byte*>(At(range.begin)), 0xFF,
              range.end - range.begin);
}

bool ArenaMemory::Take(size_t offset, size_t bytes) {
  const Range wanted{offset, offset + bytes};
  const std::lock_guard lock(mutex_);
  const bool taken = std::ranges::any_of(taken_, [&](const Range& range) {
    return range.begin < wanted.end && wanted.begin < range.end;
  });
  if (taken) return false;
  taken_.push_back(wanted);
  Poison(wanted);
  return true;
}

void ArenaMemory::GiveBack(size_t offset) noexcept {
  const std::lock_guard lock(mutex_);
  const auto range = std::ranges::find(taken_, offset, &Range::begin);
  Poison(*range);
  *range = taken_.back();
  taken_.pop_back();
}

bool ArenaMemory::IsIdle() {
  const std::lock_guard lock(mutex_);
  return taken_.empty();
}

// Where the counts of one block's references lie. They are the last of it to
// go, so the block comes back with them.
template <typename T>
class Arena::RoomForCounts {
 public:
  using value_type = T;

  RoomForCounts(Arena& arena, size_t index) : arena_(&arena), index_(index) {}
  template <typename U>
  RoomForCounts(const RoomForCounts<U>& other)
      : arena_(other.arena_), index_(other.index_) {}

  T* allocate(size_t) {
    static_assert(sizeof(T) <= kCountBytes);
    return reinterpret_cast<T*>(arena_->slots_[index_].counts.data());
  }
  void deallocate(T*, size_t) noexcept { arena_->GiveBack(index_); }

  friend bool operator==(const RoomForCounts& a, const RoomForCounts& b) {
    return a.arena_ == b.arena_ && a.index_ == b.index_;
  }

 private:
  template <typename U>
  friend class RoomForCounts;
  Arena* arena_;
  size_t index_;
};

Arena::Arena(std::shared_ptr<ArenaMemory> memory,
             const std::vector<Block>& blocks)
    : memory_(std::move(memory)), slots_(blocks.size()) {
  for (size_t i = 0; i < blocks.size(); ++i) {
    if (blocks[i].offset < 0) continue;
    slots_[i].offset = static_cast<size_t>(blocks[i].offset);
    slots_[i].buffer = Buffer::Borrow(
        {memory_->At(slots_[i].offset), static_cast<size_t>(blocks[i].bytes)},
        nullptr);
  }
}

BufferRef Arena::Take(size_t index) {
  Slot& slot = slots_[index];
  if (slot.buffer == nullptr ||
      !memory_->Take(slot.offset, std::max<size_t>(slot.buffer->size(), 1))) {
    return nullptr;
  }
  slot.keeper = shared_from_this();
  return BufferRef(
      slot.buffer.get(), [](const Buffer*) {},
      RoomForCounts<Buffer>(*this, index));
}

void Arena::GiveBack(size_t index) noexcept {
  // Perhaps the last to know this arena. Once the place is free, the slot is
  // the next block's.
  const std::shared_ptr<Arena> keeper = std::move(slots_[index].keeper);
  memory_->GiveBack(slots_[index].offset);
}

}  // namespace squint
