// SampleStream: worker threads keep a bounded window of samples decoded.
#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "squint/data/dataset.h"

namespace squint {

struct SampleStream::Impl {
  std::shared_ptr<const Dataset> dataset;
  std::vector<int64_t> indices;
  size_t ahead = 1;

  // Positions [taken, started) are decoded or being decoded; slots[position %
  // ahead] holds those that are. A position starts only when it is within the
  // window. The slots are made beforehand, so that a worker allocates nothing
  // outside Decode().
  std::mutex mutex;
  std::condition_variable room;
  std::condition_variable ready;
  struct Slot {
    Sample sample;
    std::exception_ptr error;
  };
  std::vector<std::optional<Slot>> slots;
  size_t taken = 0;
  size_t started = 0;
  bool stop = false;
  std::vector<std::thread> workers;

  ~Impl() {
    {
      const std::lock_guard lock(mutex);
      stop = true;
    }
    room.notify_all();
    for (std::thread& worker : workers) worker.join();
  }

  Slot Decode(size_t position) const {
    Slot slot;
    try {
      slot.sample = dataset->Get(indices[position]);
    } catch (...) {
      slot.error = std::current_exception();
    }
    return slot;
  }

  void Work() {
    std::unique_lock lock(mutex);
    while (true) {
      room.wait(lock, [&] {
        return stop || started >= indices.size() || started < taken + ahead;
      });
      if (stop || started >= indices.size()) return;
      const size_t position = started++;
      lock.unlock();
      Slot slot = Decode(position);
      lock.lock();
      slots[position % ahead] = std::move(slot);
      ready.notify_all();
    }
  }

  Slot Take() {
    if (workers.empty()) return Decode(taken++);
    std::unique_lock lock(mutex);
    std::optional<Slot>& next = slots[taken % ahead];
    ready.wait(lock, [&] { return next.has_value(); });
    Slot slot = *std::exchange(next, std::nullopt);
    ++taken;
    room.notify_all();
    return slot;
  }
};

SampleStream::SampleStream(std::shared_ptr<const Dataset> dataset,
                           std::vector<int64_t> indices, int threads, int ahead)
    : impl_(std::make_unique<Impl>()) {
  impl_->dataset = std::move(dataset);
  impl_->indices = std::move(indices);
  impl_->ahead = static_cast<size_t>(std::max(ahead, 1));
  impl_->slots.resize(impl_->ahead);
  for (int i = 0; i < threads; ++i) {
    impl_->workers.emplace_back([impl = impl_.get()] { impl->Work(); });
  }
}

SampleStream::~SampleStream() = default;

std::optional<Sample> SampleStream::Next() {
  if (impl_->taken >= impl_->indices.size()) return std::nullopt;
  Impl::Slot slot = impl_->Take();
  if (slot.error) std::rethrow_exception(slot.error);
  return std::move(slot.sample);
}

}  // namespace squint
