#include "squint/quantize/output_quality.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <numeric>
#include <span>
#include <utility>

#include "squint/runtime/executor.h"

namespace squint {
namespace {

// Eighths of the samples, in the order in which they are asked.
constexpr std::array<size_t, 8> kEighths = {0, 4, 2, 6, 1, 3, 5, 7};
constexpr size_t kAskedFirst = 2;
constexpr double kBest = 100;

using Outputs = std::vector<std::vector<Tensor>>;  // by sample

double Sqnr(const Tensor& real, const Tensor& quantized) {
  double signal = 0;
  double noise = 0;
  for (int64_t i = 0; i < real.size(); ++i) {
    const auto a = static_cast<double>(real.data<float>()[i]);
    const auto b = static_cast<double>(quantized.data<float>()[i]);
    signal += a * a;
    noise += (a - b) * (a - b);
  }
  if (!(noise > 0)) return kBest;
  return std::min(kBest, 10 * std::log10(std::max(signal, 1e-30) / noise));
}

Outputs OutputsOn(std::span<const int64_t> samples, const Graph& graph,
                  const Dataset& dataset, const Context& context) {
  Graph copy = graph;
  copy.Compact();
  Executor executor(std::make_shared<const Graph>(std::move(copy)), context);
  Outputs outputs;
  for (const int64_t sample : samples) {
    context.ThrowIfCancelled();
    outputs.push_back(executor.Run(dataset.Get(sample).inputs));
  }
  return outputs;
}

std::vector<int64_t> SomeOf(const std::vector<int64_t>& samples) {
  std::vector<int64_t> some;
  for (const size_t eighth : kEighths) {
    if (samples.size() >= kEighths.size()) {
      some.push_back(samples[eighth * samples.size() / kEighths.size()]);
    } else if (eighth < samples.size()) {
      some.push_back(samples[eighth]);
    }
  }
  return some;
}

}  // namespace

bool BecameWorse(const Graph& real, const Graph& before, const Graph& after,
                 double tolerated, const TuningData& data,
                 const Context& context) {
  const std::vector<int64_t> samples = SomeOf(data.samples);
  std::vector<double> losses;  // dB, by sample
  const auto ask = [&](std::span<const int64_t> asked) {
    const auto outputs = [&](const Graph& graph) {
      return OutputsOn(asked, graph, *data.dataset, context);
    };
    const Outputs want = outputs(real);
    const Outputs was = outputs(before);
    const Outputs is = outputs(after);
    for (size_t i = 0; i < asked.size(); ++i) {
      losses.push_back(OutputSqnr(want[i], was[i]) -
                       OutputSqnr(want[i], is[i]));
    }
  };
  const std::span<const int64_t> all = samples;
  const size_t first = std::min(kAskedFirst, all.size());
  ask(all.first(first));
  if (std::ranges::all_of(losses, [&](double l) { return l <= tolerated; })) {
    return false;
  }
  if (first < all.size()) ask(all.subspan(first));
  return std::accumulate(losses.begin(), losses.end(), 0.0) >
         tolerated * static_cast<double>(losses.size());
}

double OutputSqnr(const std::vector<Tensor>& real,
                  const std::vector<Tensor>& quantized) {
  double sum = 0;
  double count = 0;
  for (size_t k = 0; k < real.size(); ++k) {
    const Tensor& y = real[k];
    if (y.dtype() != DType::kFloat32 || y.size() != quantized[k].size()) {
      continue;
    }
    sum += Sqnr(y, quantized[k]);
    count += 1;
  }
  return count > 0 ? sum / count : kBest;
}

}  // namespace squint
