#include "squint/base/threads.h"

#include <pthread.h>
#include <pthreadpool.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <exception>
#include <mutex>

namespace squint {
namespace {

thread_local bool inside_body = false;

struct Loop {
  const std::function<void(size_t, size_t)>* body;
  std::mutex mutex;
  std::exception_ptr error;
};

void RunRange(void* argument, size_t begin, size_t count) {
  Loop& loop = *static_cast<Loop*>(argument);
  const bool outer = inside_body;
  inside_body = true;
  try {
    (*loop.body)(begin, begin + count);
  } catch (...) {
    const std::lock_guard lock(loop.mutex);
    if (!loop.error) loop.error = std::current_exception();
  }
  inside_body = outer;
}

}  // namespace

int UsableCpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return 1;
  return std::max(1, CPU_COUNT(&set));
}

struct ThreadPool::Impl {
  std::mutex mutex;
  pthreadpool_t pool = nullptr;
  pid_t owner = 0;
};

ThreadPool::ThreadPool(int threads)
    : impl_(std::make_unique<Impl>()),
      threads_(threads > 0 ? threads : UsableCpus()) {}

ThreadPool::~ThreadPool() {
  // After fork the child has no workers to join: it leaks the pool.
  if (impl_->pool != nullptr && impl_->owner == getpid()) {
    pthreadpool_destroy(impl_->pool);
  }
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
  const std::lock_guard lock(impl_->mutex);
  if (impl_->pool == nullptr || impl_->owner != getpid()) {
    impl_->pool = pthreadpool_create(static_cast<size_t>(threads_));
    impl_->owner = getpid();
  }
  Loop loop{&body, {}, nullptr};
  pthreadpool_parallelize_1d_tile_1d(impl_->pool, RunRange, &loop, count,
                                     grain, 0);
  if (loop.error) std::rethrow_exception(loop.error);
}

}  // namespace squint
