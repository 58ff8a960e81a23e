// Parallel loops over ranges, on a fixed number of threads. Results never
// depend on the thread count, because no loop body here shares an accumulator
// with another.
//
// Ranges are claimed one by one, by the caller too, so that a loop never
// waits for a worker that the operating system has put aside: on a busy
// machine the caller does the work itself. Workers spin for some tens of
// microseconds between loops and then sleep.
#ifndef SQUINT_BASE_THREADS_H_
#define SQUINT_BASE_THREADS_H_

#include <cstddef>
#include <functional>
#include <memory>

namespace squint {

// CPUs this process may run on (its affinity mask), at least 1.
int UsableCpus();

class ThreadPool {
 public:
  explicit ThreadPool(int threads);  // 0: UsableCpus()
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return threads_; }

  // Calls body(begin, end) over disjoint ranges that cover [0, count), each
  // of `grain` items but the last. Returns when all are done; rethrows the
  // first exception. Alone, in the caller: nested calls from a body, and loops
  // that find the workers at another one, or all CPUs taken by other loops.
  void ParallelFor(size_t count, size_t grain,
                   const std::function<void(size_t, size_t)>& body);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  int threads_;
};

}  // namespace squint

#endif  // SQUINT_BASE_THREADS_H_
