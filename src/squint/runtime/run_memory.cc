#include "squint/runtime/run_memory.h"

#include <algorithm>
#include <limits>
#include <mutex>
#include <utility>

namespace squint {
namespace {

constexpr size_t kMaxPlans = 8;
// A run that asks for more, in the trips of a loop, is not planned.
constexpr size_t kMaxBlocks = 1024;
// Memory this much beyond twice what an arena takes is not kept for it.
constexpr size_t kSlack = size_t{16} << 20;

constexpr int64_t kAlive = std::numeric_limits<int64_t>::max();
constexpr int64_t kAlignment = 64;

int64_t RoundUp(int64_t bytes) {
  return std::max<int64_t>((bytes + kAlignment - 1) / kAlignment, 1) *
         kAlignment;
}

}  // namespace

// What a run asks for. Time is counted in blocks.
class RunMemory::Notes {
 public:
  size_t Taken(size_t bytes) {
    const std::lock_guard lock(mutex_);
    const int64_t now = std::ssize(blocks_);
    blocks_.push_back({static_cast<int64_t>(bytes), now, kAlive, -1});
    return blocks_.size() - 1;
  }

  void Died(size_t block) noexcept {
    const std::lock_guard lock(mutex_);
    if (block < blocks_.size()) blocks_[block].last = std::ssize(blocks_) - 1;
  }

  // Blocks that live on keep kAlive.
  std::vector<Block> End() {
    const std::lock_guard lock(mutex_);
    return std::exchange(blocks_, {});
  }

 private:
  std::mutex mutex_;
  std::vector<Block> blocks_;
};

RunMemory::RunMemory(size_t limit, bool poison)
    : limit_(limit), poison_(poison), pool_(limit, poison) {}

RunMemory::~RunMemory() = default;

void RunMemory::BeginRun(std::span<const int64_t> key) {
  plan_ = key.empty() ? nullptr : &PlanOf(key);
  notes_ = nullptr;
  next_ = 0;
  strays_ = false;
  if (plan_ != nullptr && plan_->stage == Stage::kNoted) Place(*plan_);
  if (plan_ != nullptr && plan_->stage == Stage::kPlaced) {
    return MakeArena(*plan_);
  }
  DropArena();
  if (plan_ != nullptr && plan_->stage == Stage::kNew) {
    notes_ = std::make_shared<Notes>();
  } else {
    plan_ = nullptr;
  }
}

void RunMemory::EndRun() {
  if (notes_ != nullptr) {
    plan_->blocks = notes_->End();
    plan_->stage = Stage::kNoted;
    notes_ = nullptr;
  } else if (strays_) {
    plan_->stage = Stage::kPooled;
    plan_->use = {};
    DropArena();
  }
}

RunMemory::Plan& RunMemory::PlanOf(std::span<const int64_t> key) {
  const auto found = std::ranges::find_if(plans_, [&](const Plan& plan) {
    return std::ranges::equal(plan.key, key);
  });
  if (found != plans_.end()) {
    plans_.splice(plans_.begin(), plans_, found);
  } else {
    plans_.push_front({{key.begin(), key.end()}});
    if (plans_.size() > kMaxPlans) plans_.pop_back();
  }
  return plans_.front();
}

void RunMemory::Place(Plan& plan) const {
  std::vector<Block> within;
  for (const Block& block : plan.blocks) {
    if (block.last == kAlive) continue;
    within.push_back({RoundUp(block.bytes), block.first, block.last, 0});
  }
  plan.use = {static_cast<size_t>(PlaceBlocks(within)),
              static_cast<size_t>(MostTaken(within))};
  const bool fits = plan.use.bytes > 0 && plan.use.bytes <= limit_;
  plan.stage = fits ? Stage::kPlaced : Stage::kPooled;
  if (!fits) plan.use = {};
  for (const Block& placed : within) {
    plan.blocks[static_cast<size_t>(placed.first)].offset = placed.offset;
  }
}

void RunMemory::MakeArena(Plan& plan) {
  const size_t bytes = plan.use.bytes;
  if (memory_ == nullptr || memory_->size() < bytes ||
      memory_->size() / 2 > bytes + kSlack) {
    DropArena();
    pool_.DropFree();
    memory_ = std::make_shared<ArenaMemory>(pool_.TakeBytes(bytes), poison_);
  }
  if (plan.arena == nullptr) {
    plan.arena = std::make_shared<Arena>(memory_, plan.blocks);
  }
}

void RunMemory::DropArena() {
  if (memory_ == nullptr) return;
  memory_ = nullptr;
  for (Plan& plan : plans_) plan.arena = nullptr;
  pool_.DropFree();
}

Tensor RunMemory::Take(DType dtype, const Dims& dims) {
  return Tensor(dtype, dims, TakeBytes(BytesOf(dtype, ElementCount(dims))));
}

BufferRef RunMemory::TakeBytes(size_t bytes) {
  if (notes_ != nullptr) return TakeNoted(bytes);
  if (plan_ == nullptr || strays_) return pool_.TakeBytes(bytes);
  const size_t block = next_++;
  strays_ = block >= plan_->blocks.size() ||
            plan_->blocks[block].bytes != static_cast<int64_t>(bytes);
  BufferRef placed = strays_ ? nullptr : plan_->arena->Take(block);
  return placed != nullptr ? placed : pool_.TakeBytes(bytes);
}

BufferRef RunMemory::TakeNoted(size_t bytes) {
  BufferRef block = pool_.TakeBytes(bytes);
  const size_t number = notes_->Taken(bytes);
  if (number >= kMaxBlocks) {
    plan_->stage = Stage::kPooled;
    plan_ = nullptr;
    notes_ = nullptr;
    return block;
  }
  const std::byte* data = block->data();
  std::shared_ptr<const void> owner(
      data, [notes = notes_, number, block = std::move(block)](const void*) {
        notes->Died(number);
      });
  return Buffer::Borrow({data, bytes}, std::move(owner));
}

ArenaUse RunMemory::arena_use() const {
  return plan_ != nullptr ? plan_->use : ArenaUse{};
}

}  // namespace squint
