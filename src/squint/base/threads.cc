#include "squint/base/threads.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace squint {
namespace {

// About 40 us of waiting before a thread sleeps: longer than the gap between
// two operators of one network, shorter than a scheduler's time slice.
constexpr int kSpins = 2000;

thread_local bool inside_body = false;

void Pause() {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

// Waits until `value` is no longer `old`.
template <typename T>
void WaitWhile(const std::atomic<T>& value, T old) {
  for (int i = 0; i < kSpins; ++i) {
    if (value.load() != old) return;
    Pause();
  }
  value.wait(old);
}

struct Loop {
  const std::function<void(size_t, size_t)>& body;
  size_t count;
  size_t grain;
  std::atomic<size_t> next = 0;
  std::mutex mutex;
  std::exception_ptr error;

  // Claims ranges until none is left.
  void Work() {
    inside_body = true;
    for (;;) {
      const size_t begin = next.fetch_add(grain);
      if (begin >= count) break;
      try {
        body(begin, std::min(count, begin + grain));
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!error) error = std::current_exception();
      }
    }
    inside_body = false;
  }
};

}  // namespace

int UsableCpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return 1;
  return std::max(1, CPU_COUNT(&set));
}

struct ThreadPool::Impl {
  std::mutex caller;  // one loop at a time
  std::vector<std::thread> workers;
  pid_t owner = 0;
  std::atomic<bool> stop = false;
  std::atomic<uint32_t> epoch = 0;       // grows with every loop
  std::atomic<Loop*> current = nullptr;  // null between loops
  // Workers that may hold a pointer to the current loop. A worker counts
  // itself in before it looks at `current`, the caller clears `current`
  // before it looks at `active`: one of them sees the other.
  std::atomic<int> active = 0;

  void Start(int count) {
    owner = getpid();
    for (int i = 0; i < count; ++i) workers.emplace_back([this] { Serve(); });
  }

  void Serve() {
    uint32_t seen = 0;
    for (;;) {
      WaitWhile(epoch, seen);
      seen = epoch.load();
      if (stop.load()) return;
      active.fetch_add(1);
      if (Loop* loop = current.load()) loop->Work();
      if (active.fetch_sub(1) == 1) active.notify_all();
    }
  }

  void Run(Loop& loop) {
    current.store(&loop);
    epoch.fetch_add(1);
    epoch.notify_all();
    loop.Work();
    current.store(nullptr);
    for (int busy = active.load(); busy != 0; busy = active.load()) {
      WaitWhile(active, busy);
    }
  }
};

ThreadPool::ThreadPool(int threads)
    : impl_(std::make_unique<Impl>()),
      threads_(threads > 0 ? threads : UsableCpus()) {}

ThreadPool::~ThreadPool() {
  if (impl_->workers.empty()) return;
  if (impl_->owner != getpid()) {
    // The child of a fork has no workers to join; their handles stay behind.
    static_cast<void>(impl_.release());
    return;
  }
  impl_->stop.store(true);
  impl_->epoch.fetch_add(1);
  impl_->epoch.notify_all();
  for (std::thread& worker : impl_->workers) worker.join();
}

void ThreadPool::ParallelFor(size_t count, size_t grain,
                             const std::function<void(size_t, size_t)>& body) {
  if (count == 0) return;
  grain = std::max<size_t>(grain, 1);
  if (threads_ == 1 || count <= grain || inside_body) {
    for (size_t begin = 0; begin < count; begin += grain) {
      body(begin, std::min(count, begin + grain));
    }
    return;
  }
  if (impl_->owner != 0 && impl_->owner != getpid()) {
    static_cast<void>(impl_.release());
    impl_ = std::make_unique<Impl>();
  }
  const std::lock_guard lock(impl_->caller);
  if (impl_->workers.empty()) impl_->Start(threads_ - 1);
  Loop loop{body, count, grain, {}, {}, nullptr};
  impl_->Run(loop);
  if (loop.error) std::rethrow_exception(loop.error);
}

}  // namespace squint
