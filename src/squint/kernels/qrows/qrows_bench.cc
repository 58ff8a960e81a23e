// Speed of products of uint8 rows as they occur in ResNet-50 and MobileNetV2,
// in multiply-adds per second. Arguments: height = width of the image, outputs,
// taps, bytes of a tap, weights whose pairs are safe (qrows.cc).
#include <benchmark/benchmark.h>

#include <vector>

#include "squint/base/threads.h"
#include "squint/kernels/aligned.h"
#include "squint/kernels/qrows/qrows.h"

namespace squint {
namespace {

// A square window over an image with a border as wide as it needs.
class Windows final : public RowSource {
 public:
  Windows(int64_t size, int64_t taps, int64_t depth)
      : size_(size), depth_(depth) {
    while (side_ * side_ < taps) ++side_;
    const int64_t padded = size_ + side_ - 1;
    image_.assign(static_cast<size_t>(padded * padded * depth + 64), 3);
  }
  void Find(int64_t begin, int64_t count,
            const uint8_t** places) const noexcept override {
    const int64_t width = size_ + side_ - 1;
    for (int64_t i = 0; i < count; ++i) {
      const int64_t y = (begin + i) / size_;
      const int64_t x = (begin + i) % size_;
      for (int64_t t = 0; t < side_ * side_; ++t) {
        const int64_t pixel = (y + t / side_) * width + x + t % side_;
        places[t * count + i] = image_.data() + pixel * depth_;
      }
    }
  }

 private:
  int64_t size_;
  int64_t depth_;
  int64_t side_ = 1;
  std::vector<uint8_t> image_;
};

void BM_RowProduct(benchmark::State& state) {
  const int64_t rows = state.range(0) * state.range(0);
  const RowWeightsShape shape{state.range(1), state.range(2), state.range(3)};
  const auto count = static_cast<size_t>(shape.outputs * shape.terms());
  std::vector<int8_t> w(count);
  for (size_t i = 0; i < count; ++i) {
    w[i] = static_cast<int8_t>(i * 37 % (state.range(4) != 0 ? 64 : 127));
  }
  const RowWeights weights = PackRowWeights(shape, w.data());
  const Windows source(state.range(0), shape.taps, shape.depth);
  const std::vector<int32_t> bias(
      static_cast<size_t>(shape.outputs + kColumnPadding), 7);
  const std::vector<float> multiplier(bias.size(), 0.001F);
  std::vector<uint8_t> out(static_cast<size_t>(rows * shape.outputs));
  const std::vector<uint8_t> added(out.size(), 9);
  const bool adds = state.range(5) != 0;
  const ByteAddition addition{.added = adds ? added.data() : nullptr,
                              .row_stride = shape.outputs,
                              .own = 0.5F,
                              .other = 0.5F,
                              .fixed = 1};
  ThreadPool pool(1);
  const auto scratch = AllocateAligned<std::byte>(
      static_cast<int64_t>(RowProductScratch(rows, shape, 1)));
  for (auto _ : state) {
    RowProduct({.rows = rows,
                .source = source,
                .weights = weights,
                .requantization = {.bias = bias.data(),
                                   .bias_column = 1,
                                   .multiplier = multiplier.data(),
                                   .multiplier_column = 1,
                                   .clamps_by_packing = true,
                                   .is_padded = true,
                                   .addition = addition},
                .out = out.data(),
                .out_stride = shape.outputs,
                .scratch = scratch.get()},
               pool);
  }
  state.counters["MAC/s"] = benchmark::Counter(
      static_cast<double>(rows * shape.outputs * shape.terms()),
      benchmark::Counter::kIsIterationInvariantRate);
}

void Shapes(benchmark::internal::Benchmark* bench) {
  for (int64_t safe : {0, 1}) {
    bench->Args({56, 64, 9, 64, safe, 0})
        ->Args({28, 128, 9, 128, safe, 0})
        ->Args({14, 256, 9, 256, safe, 0})
        ->Args({7, 512, 9, 512, safe, 0})
        ->Args({56, 256, 1, 64, safe, 0})
        ->Args({56, 64, 1, 256, safe, 0})
        ->Args({14, 1024, 1, 256, safe, 0})
        ->Args({7, 512, 1, 2048, safe, 0})
        ->Args({112, 96, 1, 16, safe, 0})
        ->Args({56, 144, 1, 24, safe, 0})
        ->Args({14, 576, 1, 96, safe, 0})
        ->Args({7, 1280, 1, 320, safe, 0})
        ->Args({112, 32, 1, 27, safe, 0})
        ->Args({112, 24, 1, 27, safe, 0})
        ->Args({56, 24, 1, 144, safe, 0})
        ->Args({56, 256, 1, 64, safe, 1})
        ->Args({14, 1024, 1, 256, safe, 1})
        ->Args({56, 24, 1, 144, safe, 1});
  }
}
BENCHMARK(BM_RowProduct)->Apply(Shapes)->UseRealTime();

}  // namespace
}  // namespace squint

BENCHMARK_MAIN();
