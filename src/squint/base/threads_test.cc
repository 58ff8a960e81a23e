#include "squint/base/threads.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <numeric>
#include <stdexcept>
#include <thread>
#include <vector>

#include "squint/base/test_forks.h"

namespace squint {
namespace {

TEST(ThreadPool, VisitsEveryItemOnceForAnyGrain) {
  for (const int threads : {1, 2, 3, 7, 40}) {
    ThreadPool pool(threads);
    for (const size_t count : {0u, 1u, 2u, 63u, 64u, 65u, 1000u}) {
      for (const size_t grain : {1u, 2u, 64u, 5000u}) {
        std::vector<std::atomic<int>> seen(count);
        pool.ParallelFor(count, grain, [&](size_t begin, size_t end) {
          EXPECT_LE(end - begin, grain);
          for (size_t i = begin; i < end; ++i) ++seen[i];
        });
        for (const auto& n : seen) EXPECT_EQ(n.load(), 1);
      }
    }
  }
}

TEST(ThreadPool, RethrowsAnExceptionAndGoesOnWorking) {
  ThreadPool pool(2);
  EXPECT_THROW(pool.ParallelFor(100, 1,
                                [](size_t begin, size_t) {
                                  if (begin == 57) {
                                    throw std::runtime_error("57");
                                  }
                                }),
               std::runtime_error);
  std::atomic<int> sum = 0;
  pool.ParallelFor(100, 1, [&](size_t, size_t) { ++sum; });
  EXPECT_EQ(sum.load(), 100);
}

TEST(ThreadPool, NestedLoopsRunSerially) {
  ThreadPool pool(2);
  std::atomic<int> sum = 0;
  pool.ParallelFor(8, 1, [&](size_t, size_t) {
    pool.ParallelFor(8, 1, [&](size_t, size_t) { ++sum; });
  });
  EXPECT_EQ(sum.load(), 64);
}

TEST(ThreadPool, SurvivesManyShortLoopsFromSeveralCallers) {
  ThreadPool pool(3);
  std::atomic<int64_t> sum = 0;
  std::vector<std::thread> callers;
  for (int c = 0; c < 3; ++c) {
    callers.emplace_back([&] {
      for (int i = 0; i < 2000; ++i) {
        pool.ParallelFor(4, 1, [&](size_t, size_t) { ++sum; });
      }
    });
  }
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(sum.load(), 3 * 2000 * 4);
}

TEST(ThreadPool, WorksInTheChildOfAFork) {
  if (const char* why = NoThreadsBehindFork()) GTEST_SKIP() << why;
  ThreadPool pool(2);
  std::atomic<int> sum = 0;
  const auto count = [&](size_t, size_t) { ++sum; };
  pool.ParallelFor(10, 1, count);
  const pid_t child = fork();
  if (child == 0) {
    pool.ParallelFor(10, 1, count);
    _exit(sum.load() == 20 ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TEST(ThreadPool, WorksInAChildThatHasSeveralCallers) {
  if (const char* why = NoThreadsBehindFork()) GTEST_SKIP() << why;
  ThreadPool pool(2);
  const auto nothing = [](size_t, size_t) {};
  pool.ParallelFor(10, 1, nothing);
  const pid_t child = fork();
  if (child == 0) {
    std::atomic<int> sum = 0;
    const auto loop = [&] {
      for (int i = 0; i < 200; ++i) {
        pool.ParallelFor(10, 1, [&](size_t, size_t) { ++sum; });
      }
    };
    std::thread other(loop);
    loop();
    other.join();
    _exit(sum.load() == 4000 ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

// Callers of pools of their own, too.
TEST(ThreadPool, LeavesALoopToItsCallerWhenAllCpusAreTaken) {
  std::atomic<int> inside = 0;
  std::atomic<bool> all = false;
  const int callers = UsableCpus();
  std::vector<std::thread> threads;
  std::atomic<int> strangers = 0;
  for (int c = 0; c < callers; ++c) {
    threads.emplace_back([&] {
      ThreadPool pool(4);
      pool.ParallelFor(1, 1, [&](size_t, size_t) {
        // Every CPU has its caller before the loops within begin.
        if (++inside == callers) all = true;
        while (!all) std::this_thread::yield();
        const auto self = std::this_thread::get_id();
        for (int i = 0; i < 100; ++i) {
          pool.ParallelFor(8, 1, [&](size_t, size_t) {
            strangers += std::this_thread::get_id() != self;
          });
        }
        ++inside;
        while (inside != 2 * callers) std::this_thread::yield();
      });
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(strangers.load(), 0);
}

}  // namespace
}  // namespace squint
