// Bytes of packed weights read per second by GroupedGemv, to be compared with
// the machine's read bandwidth, which the first benchmark measures.
// Arguments: bits, group, float16 scales, rows, threads. The weights of all
// matrices of a run are far larger than the caches.
#include <benchmark/benchmark.h>

#include <cstring>
#include <vector>

#include "squint/base/threads.h"
#include "squint/kernels/aligned.h"
#include "squint/kernels/gemv/gemv.h"

namespace squint {
namespace {

constexpr int64_t kK = 2048;
constexpr int64_t kN = 5632;
constexpr int64_t kMatrices = 16;

void BM_Read(benchmark::State& state) {
  constexpr int64_t kWords = 12 << 20;  // of 8 bytes: 100 MB
  const auto data = AllocateAligned<uint64_t>(kWords);
  std::memset(data.get(), 1, kWords * sizeof(uint64_t));
  ThreadPool pool(static_cast<int>(state.range(0)));
  for (auto _ : state) {
    pool.ParallelFor(kWords, kWords / 8, [&](size_t begin, size_t end) {
      uint64_t sums[16] = {};
      for (size_t i = begin; i + 16 <= end; i += 16) {
        for (size_t j = 0; j < 16; ++j) sums[j] |= data.get()[i + j];
      }
      benchmark::DoNotOptimize(sums);
    });
  }
  state.SetBytesProcessed(state.iterations() * kWords * 8);
}

PackedGroups Pack(int bits, int64_t group, bool half) {
  const std::vector<uint8_t> data(static_cast<size_t>(kK * kN * bits / 8),
                                  0x6B);
  const std::vector<float> scales(static_cast<size_t>(kK / group * kN),
                                  half ? 0.25f : 0.3f);
  return PackGroups({.k = kK,
                     .n = kN,
                     .bits = bits,
                     .data = data.data(),
                     .row_step = kN,
                     .group = group,
                     .scales = scales.data(),
                     .scale_row = kN});
}

void BM_GroupedGemv(benchmark::State& state) {
  const int64_t rows = state.range(3);
  std::vector<PackedGroups> weights;
  for (int64_t i = 0; i < kMatrices; ++i) {
    weights.push_back(Pack(static_cast<int>(state.range(0)), state.range(1),
                           state.range(2) != 0));
  }
  const std::vector<float> x(static_cast<size_t>(rows * kK), 0.5f);
  std::vector<float> y(static_cast<size_t>(rows * kN));
  std::vector<float> scratch(
      static_cast<size_t>(GroupedGemvScratch(rows, weights[0])));
  ThreadPool pool(static_cast<int>(state.range(4)));
  for (auto _ : state) {
    for (const PackedGroups& weight : weights) {
      GroupedGemv({.m = rows,
                   .x = x.data(),
                   .x_stride = kK,
                   .weight = weight,
                   .y = y.data(),
                   .y_stride = kN,
                   .scratch = scratch.data()},
                  pool);
    }
  }
  state.SetBytesProcessed(state.iterations() * kMatrices *
                          static_cast<int64_t>(weights[0].bytes));
  state.counters["MAC/s"] =
      benchmark::Counter(static_cast<double>(kMatrices * rows * kK * kN),
                         benchmark::Counter::kIsIterationInvariantRate);
}

BENCHMARK(BM_Read)->Arg(1)->Arg(2)->UseRealTime();
BENCHMARK(BM_GroupedGemv)
    ->Args({4, 32, 0, 1, 1})
    ->Args({4, 32, 1, 1, 1})
    ->Args({4, 32, 1, 1, 2})
    ->Args({4, 128, 1, 1, 1})
    ->Args({8, 32, 1, 1, 1})
    ->Args({8, 32, 1, 1, 2})
    ->Args({4, 32, 1, 2, 1})
    ->Args({4, 32, 1, 4, 1})
    ->Args({4, 32, 1, 8, 1})
    ->Args({4, 32, 1, 48, 1})
    ->UseRealTime();

}  // namespace
}  // namespace squint

BENCHMARK_MAIN();
