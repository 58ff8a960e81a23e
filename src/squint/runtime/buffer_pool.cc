#include "squint/runtime/buffer_pool.h"

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <utility>

namespace squint {
namespace {

constexpr size_t kAlignment = 64;
// Free blocks beyond what is in use plus this are given back to the system.
constexpr size_t kFreeSlack = size_t{16} << 20;
// Blocks from here on are pages of their own, which go back to the system
// whatever lies beside them. From malloc, whose own threshold rises to 32 MB
// with the blocks that come back, 512 lengths through MiniLM held 570 MB of
// pieces between 50 MB in use; so it is 100.
constexpr size_t kOwnPages = size_t{1} << 20;

size_t RoundUp(size_t bytes) {
  return bytes < kAlignment
             ? kAlignment
             : (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

// Null where there is no memory.
std::byte* NewBlock(size_t bytes) {
  if (bytes < kOwnPages) {
    return static_cast<std::byte*>(std::aligned_alloc(kAlignment, bytes));
  }
  void* pages = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return pages == MAP_FAILED ? nullptr : static_cast<std::byte*>(pages);
}

void DeleteBlock(std::byte* block, size_t bytes) {
  if (bytes < kOwnPages) {
    std::free(block);
  } else {
    ::munmap(block, bytes);
  }
}

}  // namespace

struct BufferPool::State {
  std::mutex mutex;
  std::multimap<size_t, std::byte*> free;  // by capacity
  size_t free_bytes = 0;
  size_t used_bytes = 0;
  size_t limit = 0;
  bool poison = false;

  ~State() { DropFree(); }

  void DropFree() {
    for (const auto& [capacity, block] : free) DeleteBlock(block, capacity);
    free.clear();
    free_bytes = 0;
  }

  // The smallest free block that fits and is not over twice too large.
  std::pair<std::byte*, size_t> Reuse(size_t bytes) {
    const auto it = free.lower_bound(bytes);
    if (it == free.end() || it->first / 2 > bytes) return {nullptr, 0};
    const std::pair<std::byte*, size_t> found{it->second, it->first};
    free.erase(it);
    free_bytes -= found.second;
    return found;
  }

  std::pair<std::byte*, size_t> Acquire(size_t bytes) {
    const std::lock_guard lock(mutex);
    auto [block, capacity] = Reuse(bytes);
    if (block == nullptr) {
      if (free_bytes > used_bytes + kFreeSlack) DropFree();
      capacity = bytes;
      block = NewBlock(bytes);
      if (block == nullptr) {
        Fail(ErrorCode::kOutOfMemory, "cannot allocate {} bytes", bytes);
      }
    }
    used_bytes += capacity;
    if (poison) std::memset(block, 0xFF, capacity);
    return {block, capacity};
  }

  void Release(std::byte* block, size_t capacity) noexcept {
    const std::lock_guard lock(mutex);
    if (poison) std::memset(block, 0xFF, capacity);
    used_bytes -= capacity;
    try {
      free.emplace(capacity, block);
      free_bytes += capacity;
    } catch (const std::bad_alloc&) {
      DeleteBlock(block, capacity);
    }
  }
};

BufferPool::BufferPool(size_t limit, bool poison)
    : state_(std::make_shared<State>()) {
  state_->limit = limit;
  state_->poison = poison;
}

BufferRef BufferPool::TakeBytes(size_t bytes) {
  if (bytes > state_->limit) {
    Fail(ErrorCode::kOutOfMemory,
         "a tensor of {} bytes is over the memory limit of {} bytes", bytes,
         state_->limit);
  }
  const auto [block, capacity] = state_->Acquire(RoundUp(bytes));
  std::shared_ptr<const void> owner(
      block, [state = state_, size = capacity](const void* p) {
        state->Release(static_cast<std::byte*>(const_cast<void*>(p)), size);
      });
  return Buffer::Borrow({block, bytes}, std::move(owner));
}

Tensor BufferPool::Take(DType dtype, const Dims& dims) {
  return Tensor(dtype, dims, TakeBytes(BytesOf(dtype, ElementCount(dims))));
}

void BufferPool::DropFree() {
  const std::lock_guard lock(state_->mutex);
  state_->DropFree();
}

size_t BufferPool::bytes_in_use() const {
  const std::lock_guard lock(state_->mutex);
  return state_->used_bytes;
}

size_t BufferPool::bytes_free() const {
  const std::lock_guard lock(state_->mutex);
  return state_->free_bytes;
}

}  // namespace squint
