#include "squint/kernels/peak/peak.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>

#include "squint/base/stopwatch.h"
#include "squint/base/threads.h"
#include "squint/kernels/aligned.h"
#include "squint/kernels/isa/isa.h"
#include "squint/kernels/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "squint/kernels/peak/peak.cc"
#include <hwy/foreach_target.h>
// After foreach_target.
#include <hwy/highway.h>

#include "squint/kernels/gemm/tile-inl.h"
#include "squint/kernels/qrows/quad-inl.h"

#ifndef SQUINT_KERNELS_PEAK_ONCE_
#define SQUINT_KERNELS_PEAK_ONCE_
namespace squint {
// A panel of the widest tile: 16 kB.
constexpr int64_t kPeakSteps = 64;
// Passes of one task: about a quarter of a millisecond.
constexpr int64_t kPeakPasses = 2000;
// Numbers that a tile of any shape reads or writes at most.
constexpr int64_t kPeakNumbers = kPeakSteps * 4 * 16;
}  // namespace squint
#endif  // SQUINT_KERNELS_PEAK_ONCE_

HWY_BEFORE_NAMESPACE();
namespace squint {
namespace HWY_NAMESPACE {

namespace floats {
#define SQUINT_PEAK_PRODUCT hn::MulAdd
#include "squint/kernels/peak/peak_tile-inl.h"
#undef SQUINT_PEAK_PRODUCT
}  // namespace floats

namespace pairs {
#define SQUINT_PEAK_PRODUCT AddProducts
#include "squint/kernels/peak/peak_tile-inl.h"
#undef SQUINT_PEAK_PRODUCT
}  // namespace pairs

#if SQUINT_QUAD_DOT
HWY_PUSH_ATTRIBUTES(SQUINT_QUAD_TARGET)
namespace quads {
#define SQUINT_PEAK_PRODUCT(row, column, sum) \
  IntVector { SQUINT_QUAD_DOT_RAW(row, column, sum) }
#include "squint/kernels/peak/peak_tile-inl.h"
#undef SQUINT_PEAK_PRODUCT
}  // namespace quads
HWY_POP_ATTRIBUTES
#endif

// One task; returns its multiply-accumulates. `numbers`: kPeakNumbers each for
// rows, panel and sums.
double FloatTask(void* numbers) {
  auto* rows = static_cast<float*>(numbers);
  floats::PeakTile<FloatTag, kMr, kNv>(kPeakPasses, rows, rows + kPeakNumbers,
                                       rows + 2 * kPeakNumbers);
  return static_cast<double>(kPeakPasses * kPeakSteps) * kMr * kNr;
}

double IntegerTask(void* numbers) {
  auto* rows = static_cast<int32_t*>(numbers);
  int32_t* panel = rows + kPeakNumbers;
  int32_t* sums = panel + kPeakNumbers;
  constexpr auto kSteps = static_cast<double>(kPeakPasses * kPeakSteps);
#if SQUINT_QUAD_DOT
  if (HasQuadDot()) {
    quads::PeakTile<IntTag, kQuadMr, kQuadNv>(kPeakPasses, rows, panel, sums);
    return kSteps * kQuadMr * kQuadNr * 4;
  }
#endif
  pairs::PeakTile<IntTag, kQMr, kQNv>(kPeakPasses, rows, panel, sums);
  return kSteps * kQMr * kQNr * 2;
}

// Something that depends on every byte; `size` is a multiple of 4 kB.
int32_t ReadAll(const int32_t* from, int64_t size) {
  const IntTag d;
  constexpr int64_t kVectors = 4;
  IntVector seen[kVectors] = {hn::Zero(d), hn::Zero(d), hn::Zero(d),
                              hn::Zero(d)};
  const int64_t step = kVectors * kIntLanes;
  const auto count = size / static_cast<int64_t>(sizeof(int32_t));
  for (int64_t i = 0; i < count; i += step) {
#pragma GCC unroll 4
    for (int64_t v = 0; v < kVectors; ++v) {
      seen[v] = hn::Xor(seen[v], hn::Load(d, from + i + v * kIntLanes));
    }
  }
  return hn::GetLane(
      hn::Xor(hn::Xor(seen[0], seen[1]), hn::Xor(seen[2], seen[3])));
}

bool Dots() { return HasQuadDot(); }
const char* Name() { return hwy::TargetName(HWY_TARGET); }

}  // namespace HWY_NAMESPACE
}  // namespace squint
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace squint {
namespace {

HWY_EXPORT(FloatTask);
HWY_EXPORT(IntegerTask);
HWY_EXPORT(ReadAll);
HWY_EXPORT(Dots);
HWY_EXPORT(Name);

// Tasks of one thread in one try, which takes a millisecond or two: so many
// that all threads are busy but for the last task, so few that now and then no
// other program disturbs a whole try.
constexpr size_t kTasks = 6;
// The fastest of so many tries counts: nothing but luck of that kind helps.
constexpr int kTries = 60;
constexpr int kReadTries = 48;
// Where all of them together take ten times as long as elsewhere (on a slow
// core, in an emulator), those that there is time for have to do.
constexpr double kLongestSeconds = 2;
// A try reads one window of these; each is long out of the caches when its
// turn comes again.
constexpr int64_t kReadBytes = int64_t{128} << 20;
constexpr int64_t kReadWindows = 8;

// Work a second, at best, of tasks that all do `work`: task(try, t).
double BestRate(ThreadPool& pool, int tries, double work,
                const std::function<void(int, size_t)>& task) {
  const size_t tasks = kTasks * static_cast<size_t>(pool.threads());
  double best = 0;
  const Stopwatch all;
  for (int i = 0; i < tries && all.Seconds() < kLongestSeconds; ++i) {
    const Stopwatch stopwatch;
    pool.ParallelFor(tasks, 1, [&](size_t begin, size_t end) {
      for (size_t t = begin; t < end; ++t) task(i, t);
    });
    best =
        std::max(best, work * static_cast<double>(tasks) / stopwatch.Seconds());
  }
  return best;
}

// `numbers` of a task all hold `value`.
template <typename Number, typename Task>
double ArithmeticRate(ThreadPool& pool, Number value, Task task) {
  const size_t tasks = kTasks * static_cast<size_t>(pool.threads());
  const auto size = static_cast<size_t>(3 * kPeakNumbers);
  const auto memory =
      AllocateAligned<Number>(static_cast<int64_t>(size * tasks));
  std::fill_n(memory.get(), size * tasks, value);
  const double macs = task(memory.get());
  return BestRate(pool, kTries, macs,
                  [&](int, size_t t) { task(memory.get() + t * size); });
}

double ReadRate(ThreadPool& pool) {
  constexpr int64_t kPage = 4096;
  const auto tasks = static_cast<int64_t>(kTasks) * pool.threads();
  const int64_t slice =
      std::max(kPage, kReadBytes / kReadWindows / tasks / kPage * kPage);
  const int64_t numbers = slice / static_cast<int64_t>(sizeof(int32_t));
  const auto memory = AllocateAligned<int32_t>(numbers * tasks * kReadWindows);
  std::fill_n(memory.get(), numbers * tasks * kReadWindows, 1);
  const auto work = static_cast<double>(slice);
  return BestRate(pool, kReadTries, work, [&](int i, size_t t) {
    const int64_t at = i % kReadWindows * tasks + static_cast<int64_t>(t);
    volatile const int32_t seen =
        HWY_DYNAMIC_DISPATCH(ReadAll)(memory.get() + at * numbers, slice);
    static_cast<void>(seen);
  });
}

}  // namespace

Peaks MeasurePeaks(ThreadPool& pool) {
  Peaks peaks;
  peaks.float_macs = ArithmeticRate(pool, 0.0f, [](void* numbers) {
    return HWY_DYNAMIC_DISPATCH(FloatTask)(numbers);
  });
  peaks.integer_macs = ArithmeticRate(pool, int32_t{0}, [](void* numbers) {
    return HWY_DYNAMIC_DISPATCH(IntegerTask)(numbers);
  });
  peaks.read_bytes = ReadRate(pool);
  return peaks;
}

std::string InstructionSet() {
  std::string name = HWY_DYNAMIC_DISPATCH(Name)();
  if (HWY_DYNAMIC_DISPATCH(Dots)()) {
    name += HWY_ARCH_X86 ? " with VNNI" : " with dot products";
    if (MayUseAvx512Bf16()) name += " and bf16";
  }
  return name;
}

}  // namespace squint
#endif  // HWY_ONCE
