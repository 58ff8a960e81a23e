// Speed of float and integer convolutions as they occur in ResNet-50 and
// MobileNetV2, in multiply-adds per second. Arguments: channels, filters,
// height = width, kernel, stride, threads.
#include <benchmark/benchmark.h>

#include <vector>

#include "squint/base/threads.h"
#include "squint/kernels/conv/conv.h"
#include "squint/kernels/conv/winograd.h"
#include "squint/kernels/depthwise/depthwise.h"
#include "squint/kernels/qconv/depthwise_last.h"
#include "squint/kernels/qconv/qconv.h"

namespace squint {
namespace {

ConvShape Shape(const benchmark::State& state) {
  ConvShape s;
  s.channels = state.range(0);
  s.filters = state.range(1);
  const int64_t size = state.range(2);
  const int64_t kernel = state.range(3);
  const int64_t stride = state.range(4);
  const int64_t pad = kernel / 2;
  const int64_t out = (size + 2 * pad - kernel) / stride + 1;
  s.window = {.in_h = size,
              .in_w = size,
              .out_h = out,
              .out_w = out,
              .kernel_h = kernel,
              .kernel_w = kernel,
              .stride_h = stride,
              .stride_w = stride,
              .dilation_h = 1,
              .dilation_w = 1,
              .pad_top = pad,
              .pad_left = pad};
  return s;
}

struct Data {
  explicit Data(const ConvShape& s)
      : x(static_cast<size_t>(s.channels * s.window.in_pixels()), 0.5f),
        w(static_cast<size_t>(s.filters * s.depth()), 0.25f),
        y(static_cast<size_t>(s.filters * s.window.out_pixels())) {}
  std::vector<float> x, w, y;
};

void CountMacs(benchmark::State& state, const ConvShape& s) {
  state.counters["MAC/s"] = benchmark::Counter(
      static_cast<double>(s.filters * s.depth() * s.window.out_pixels()),
      benchmark::Counter::kIsIterationInvariantRate);
}

template <class Plan>
void RunPlanned(benchmark::State& state,
                PackedMatrix (*pack)(const ConvShape&, const float*),
                void (*run)(const PlannedConv<Plan>&, ThreadPool&)) {
  const ConvShape s = Shape(state);
  Data data(s);
  ThreadPool pool(static_cast<int>(state.range(5)));
  const Plan plan(s);
  const PackedMatrix weights = pack(s, data.w.data());
  std::vector<float> scratch(plan.scratch_bytes / sizeof(float));
  for (auto _ : state) {
    run({plan, weights, nullptr, 0, 6, data.x.data(), data.y.data(),
         scratch.data()},
        pool);
  }
  CountMacs(state, s);
}

void BM_Conv(benchmark::State& state) {
  RunPlanned(state, PackConvWeights, Conv);
}

void BM_Winograd(benchmark::State& state) {
  RunPlanned(state, PackWinogradWeights, WinogradConv);
}

void BM_Depthwise(benchmark::State& state) {
  ConvShape s = Shape(state);
  s.groups = s.channels;
  Data data(s);
  ThreadPool pool(static_cast<int>(state.range(5)));
  for (auto _ : state) {
    Depthwise({s, data.w.data(), nullptr, 0, 6, data.x.data(), data.y.data()},
              pool);
  }
  CountMacs(state, s);
}

struct ByteData {
  explicit ByteData(const ConvShape& s)
      : x(static_cast<size_t>(s.channels * s.window.in_pixels()), 100),
        w(static_cast<size_t>(s.filters * s.depth()), 3),
        y(static_cast<size_t>(s.filters * s.window.out_pixels())),
        multiplier(static_cast<size_t>(s.filters), 1e-3f) {}
  std::vector<uint8_t> x, w, y;
  std::vector<float> multiplier;
};

template <void (*kRun)(const QuantizedConvArgs&, ThreadPool&)>
void RunQuantized(benchmark::State& state, const ConvShape& s) {
  ByteData data(s);
  ThreadPool pool(static_cast<int>(state.range(5)));
  const ConvPlan plan(s);
  const int32_t zero = 0;
  const WideMatrix weights = WidenConvWeights(s, data.w.data(), true, &zero, 0);
  std::vector<int16_t> scratch(QuantizedConvScratch(plan) / sizeof(int16_t));
  const Requantization requantization{.multiplier = data.multiplier.data(),
                                      .multiplier_row = 1};
  for (auto _ : state) {
    kRun({plan, weights, requantization, data.x.data(), false, 5, data.y.data(),
          scratch.data()},
         pool);
  }
  CountMacs(state, s);
}

void BM_QuantizedConv(benchmark::State& state) {
  RunQuantized<QuantizedConv>(state, Shape(state));
}

void BM_QuantizedDepthwise(benchmark::State& state) {
  ConvShape s = Shape(state);
  s.groups = s.channels;
  RunQuantized<QuantizedDepthwise>(state, s);
}

void BM_DepthwiseLast(benchmark::State& state) {
  ConvShape s = Shape(state);
  s.groups = s.channels;
  const ByteData data(s);
  ThreadPool pool(static_cast<int>(state.range(5)));
  const std::vector<int8_t> weights(data.w.size(), 3);
  const std::vector<int32_t> bias(static_cast<size_t>(s.channels), 11);
  const DepthwiseFilters filters =
      PackDepthwise(s, weights.data(), bias.data(), data.multiplier.data());
  std::vector<uint8_t> y(data.y.size());
  for (auto _ : state) {
    DepthwiseLast({.shape = s,
                   .filters = filters,
                   .input = data.x.data(),
                   .border = 5,
                   .output = y.data()},
                  pool);
  }
  CountMacs(state, s);
}

void ConvLayers(benchmark::internal::Benchmark* bench) {
  constexpr int64_t kLayers[][5] = {
      {3, 64, 224, 7, 2},   {64, 64, 56, 1, 1},    {64, 64, 56, 3, 1},
      {64, 256, 56, 1, 1},  {256, 128, 56, 1, 2},  {128, 128, 28, 3, 1},
      {256, 256, 14, 3, 1}, {1024, 256, 14, 1, 1}, {512, 512, 7, 3, 1},
      {512, 2048, 7, 1, 1}, {3, 32, 224, 3, 2},    {32, 16, 112, 1, 1},
      {16, 96, 112, 1, 1},  {96, 24, 56, 1, 1},    {24, 144, 56, 1, 1},
      {64, 384, 14, 1, 1},  {384, 64, 14, 1, 1},   {960, 160, 7, 1, 1},
      {320, 1280, 7, 1, 1},
  };
  for (const auto& l : kLayers) {
    for (const int64_t threads : {1, 2}) {
      bench->Args({l[0], l[1], l[2], l[3], l[4], threads});
    }
  }
}

void DepthwiseLayers(benchmark::internal::Benchmark* bench) {
  constexpr int64_t kLayers[][4] = {
      {32, 112, 3, 1}, {96, 112, 3, 2}, {144, 56, 3, 1}, {144, 56, 3, 2},
      {192, 28, 3, 1}, {384, 14, 3, 1}, {576, 14, 3, 2}, {960, 7, 3, 1},
      {240, 28, 5, 1}, {672, 14, 5, 2},
  };
  for (const auto& l : kLayers) {
    for (const int64_t threads : {1, 2}) {
      bench->Args({l[0], l[0], l[1], l[2], l[3], threads});
    }
  }
}

BENCHMARK(BM_Conv)->Apply(ConvLayers)->UseRealTime();
BENCHMARK(BM_Winograd)
    ->Args({64, 64, 56, 3, 1, 1})
    ->Args({128, 128, 28, 3, 1, 1})
    ->Args({256, 256, 14, 3, 1, 1})
    ->Args({512, 512, 7, 3, 1, 1})
    ->UseRealTime();
BENCHMARK(BM_QuantizedConv)->Apply(ConvLayers)->UseRealTime();
BENCHMARK(BM_QuantizedDepthwise)->Apply(DepthwiseLayers)->UseRealTime();
BENCHMARK(BM_DepthwiseLast)->Apply(DepthwiseLayers)->UseRealTime();
BENCHMARK(BM_Depthwise)->Apply(DepthwiseLayers)->UseRealTime();

}  // namespace
}  // namespace squint

BENCHMARK_MAIN();
