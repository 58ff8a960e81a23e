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

#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <type_traits>

namespace squint {

// CPUs this process may run on (its affinity mask), at least 1.
int UsableCpus();

// A reference to the body of a loop, body(begin, end), which outlives the loop.
// A std::function would ask the heap for one that captures more than two words.
class LoopBody {
 public:
  template <typename Body>
  requires(!std::same_as<std::remove_cvref_t<Body>, LoopBody>)
      LoopBody(const Body& body)  // NOLINT: implicit
      : body_(&body), call_([](const void* b, size_t begin, size_t end) {
          (*static_cast<const Body*>(b))(begin, end);
        }) {}

  void operator()(size_t begin, size_t end) const { call_(body_, begin, end); }

 private:
  const void* body_;
  void (*call_)(const void*, size_t, size_t);
};

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
  void ParallelFor(size_t count, size_t grain, LoopBody body);

  // The same for tasks one by one, all of which are run. Rethrows the error of
  // the first of them, however they came about.
  void ParallelTasks(size_t count, const std::function<void(size_t)>& task);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  int threads_;
};

}  // namespace squint

#endif  // SQUINT_BASE_THREADS_H_
