#include "squint/base/threads.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <exception>
#include <mutex>
#include <optional>
#include <system_error>
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

// Threads of the whole process that are in a loop at the moment: callers and
// workers of all pools.
std::atomic<int> at_work = 0;

// How often this process has been forked off. A child starts with no threads
// but the one that called fork().
std::atomic<int> generation = 0;
const int watching_forks = pthread_atfork(nullptr, nullptr, [] {
  generation.fetch_add(1);
  at_work.store(0);
});

// Counts this thread while it exists, loops within loops once.
class AtWork {
 public:
  AtWork() : first_(!counted_) {
    if (first_) at_work.fetch_add(1, std::memory_order_relaxed);
    counted_ = true;
  }
  ~AtWork() {
    if (!first_) return;
    at_work.fetch_sub(1, std::memory_order_relaxed);
    counted_ = false;
  }
  AtWork(const AtWork&) = delete;
  AtWork& operator=(const AtWork&) = delete;

 private:
  static thread_local bool counted_;
  const bool first_;
};
thread_local bool AtWork::counted_ = false;

// Whether a CPU would be left for `more` threads.
bool CpusAreLeft(int more) {
  static const int cpus = UsableCpus();
  return at_work.load(std::memory_order_relaxed) + more <= cpus;
}

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

// A stretch of a loop's ranges: its threads claim them from the front, others
// that have done theirs from the back.
class alignas(64) Stretch {
 public:
  void Set(uint64_t begin, uint64_t end) {
    ends_.store(end << kHalf | begin, std::memory_order_relaxed);
  }
  // The number of a range, or none.
  std::optional<uint64_t> Claim(bool from_front) {
    uint64_t ends = ends_.load();
    for (;;) {
      const uint64_t begin = ends & kMask;
      const uint64_t end = ends >> kHalf;
      if (begin >= end) return std::nullopt;
      const uint64_t left =
          from_front ? end << kHalf | (begin + 1) : (end - 1) << kHalf | begin;
      if (ends_.compare_exchange_weak(ends, left)) {
        return from_front ? begin : end - 1;
      }
    }
  }
  static constexpr uint64_t kMost = 0xFFFFFFFF;  // ranges

 private:
  static constexpr int kHalf = 32;
  static constexpr uint64_t kMask = kMost;
  std::atomic<uint64_t> ends_ = 0;
};

// Each thread begins with the same part of every loop (from 33 on it shares
// one): neighbouring loops of a network then find in a core's own cache what
// that core wrote.
struct Loop {
  Loop(LoopBody the_body, size_t the_count, size_t the_grain, int threads)
      : body(the_body),
        count(the_count),
        grain(std::max(the_grain, the_count / Stretch::kMost + 1)),
        stretches(
            std::min<size_t>(kMostStretches, static_cast<size_t>(threads))) {
    const size_t ranges = (count + grain - 1) / grain;
    for (size_t i = 0; i < stretches; ++i) {
      parts[i].Set(i * ranges / stretches, (i + 1) * ranges / stretches);
    }
  }

  static constexpr size_t kMostStretches = 32;
  const LoopBody body;
  const size_t count;
  const size_t grain;
  const size_t stretches;
  std::array<Stretch, kMostStretches> parts;
  std::mutex mutex;
  std::exception_ptr error;

  // Claims ranges until none is left; `thread`: 0 is the caller. A helper also
  // stops when more threads are at work than there are CPUs: it would keep
  // another loop's caller from its own.
  void Work(size_t thread) {
    inside_body = true;
    size_t part = 0;
    while (thread == 0 || CpusAreLeft(0)) {
      const size_t at = (thread + part) % stretches;
      const std::optional<uint64_t> range = parts[at].Claim(part == 0);
      if (!range) {
        if (++part == stretches) break;
        continue;
      }
      const size_t begin = *range * grain;
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

void RunAlone(size_t count, size_t grain, LoopBody body) {
  for (size_t begin = 0; begin < count; begin += grain) {
    body(begin, std::min(count, begin + grain));
  }
}

// The workers of one pool, started by the first loop.
class Team {
 public:
  explicit Team(int workers) : size_(workers) {}
  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  // Of this process, not of the one it was forked from.
  bool IsPresent() const { return generation_ == generation.load(); }
  // False when the workers are at another caller's loop.
  bool TryRun(Loop& loop);

 private:
  void Serve(size_t thread);

  int size_;  // workers that are wanted
  const int generation_ = generation.load();
  std::mutex caller_;  // held while a loop runs
  std::vector<std::thread> workers_;
  std::atomic<bool> stop_ = false;
  std::atomic<uint32_t> epoch_ = 0;       // grows with every loop
  std::atomic<Loop*> current_ = nullptr;  // null between loops
  // Workers that may hold a pointer to the current loop. A worker counts
  // itself in before it looks at `current_`, the caller clears `current_`
  // before it looks at `active_`: one of them sees the other.
  std::atomic<int> active_ = 0;
};

Team::~Team() {
  stop_.store(true);
  epoch_.fetch_add(1);
  epoch_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

bool Team::TryRun(Loop& loop) {
  const std::unique_lock lock(caller_, std::try_to_lock);
  if (!lock.owns_lock()) return false;
  while (workers_.size() < static_cast<size_t>(size_)) {
    try {
      workers_.emplace_back(
          [this, thread = workers_.size() + 1] { Serve(thread); });
    } catch (const std::system_error&) {
      // The system gives no more threads: those that there are do the work.
      size_ = static_cast<int>(workers_.size());
    }
  }
  current_.store(&loop);
  epoch_.fetch_add(1);
  epoch_.notify_all();
  loop.Work(0);
  current_.store(nullptr);
  for (int busy = active_.load(); busy != 0; busy = active_.load()) {
    WaitWhile(active_, busy);
  }
  return true;
}

void Team::Serve(size_t thread) {
  uint32_t seen = 0;
  for (;;) {
    WaitWhile(epoch_, seen);
    seen = epoch_.load();
    if (stop_.load()) return;
    active_.fetch_add(1);
    if (Loop* loop = current_.load()) {
      const AtWork counted;
      loop->Work(thread);
    }
    if (active_.fetch_sub(1) == 1) active_.notify_all();
  }
}

}  // namespace

int UsableCpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return 1;
  return std::max(1, CPU_COUNT(&set));
}

struct ThreadPool::Impl {
  explicit Impl(int workers) : team(new Team(workers)) {}
  ~Impl() {
    // The threads of a team that a fork left behind cannot be joined.
    if (team.load()->IsPresent()) delete team.load();
  }

  Team& PresentTeam(int workers) {
    Team* found = team.load();
    if (found->IsPresent()) return *found;
    auto fresh = std::make_unique<Team>(workers);
    if (team.compare_exchange_strong(found, fresh.get())) {
      found = fresh.release();
    }
    return *found;
  }

  std::atomic<Team*> team;
};

ThreadPool::ThreadPool(int threads)
    : threads_(threads > 0 ? threads : UsableCpus()) {
  impl_ = std::make_unique<Impl>(threads_ - 1);
}

ThreadPool::~ThreadPool() = default;

void ThreadPool::ParallelFor(size_t count, size_t grain, LoopBody body) {
  if (count == 0) return;
  grain = std::max<size_t>(grain, 1);
  if (inside_body) return RunAlone(count, grain, body);
  const AtWork counted;
  if (threads_ == 1 || count <= grain || !CpusAreLeft(1)) {
    return RunAlone(count, grain, body);
  }
  Loop loop(body, count, grain, threads_);
  if (!impl_->PresentTeam(threads_ - 1).TryRun(loop)) {
    return RunAlone(count, grain, body);
  }
  if (loop.error) std::rethrow_exception(loop.error);
}

void ThreadPool::ParallelTasks(size_t count,
                               const std::function<void(size_t)>& task) {
  std::vector<std::exception_ptr> errors(count);
  ParallelFor(count, 1, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      try {
        task(i);
      } catch (...) {
        errors[i] = std::current_exception();
      }
    }
  });
  for (const std::exception_ptr& error : errors) {
    if (error) std::rethrow_exception(error);
  }
}

}  // namespace squint
