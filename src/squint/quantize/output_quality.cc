#include "squint/quantize/output_quality.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "squint/runtime/executor.h"

namespace squint {
namespace {

constexpr size_t kSamples = 8;
constexpr double kBest = 100;

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

}  // namespace

std::vector<std::vector<Tensor>> OutputsOnSome(const Graph& graph,
                                               const TuningData& data,
                                               const Context& context) {
  Graph copy = graph;
  copy.Compact();
  Executor executor(std::make_shared<const Graph>(std::move(copy)), context);
  std::vector<std::vector<Tensor>> outputs;
  const size_t count = std::min(kSamples, data.samples.size());
  for (size_t i = 0; i < count; ++i) {
    context.ThrowIfCancelled();
    const size_t at = i * data.samples.size() / count;
    outputs.push_back(executor.Run(data.dataset->Get(data.samples[at]).inputs));
  }
  return outputs;
}

double MeanSqnr(const std::vector<std::vector<Tensor>>& real,
                const std::vector<std::vector<Tensor>>& quantized) {
  double sum = 0;
  double count = 0;
  for (size_t i = 0; i < real.size(); ++i) {
    for (size_t k = 0; k < real[i].size(); ++k) {
      const Tensor& y = real[i][k];
      if (y.dtype() != DType::kFloat32 || y.size() != quantized[i][k].size()) {
        continue;
      }
      sum += Sqnr(y, quantized[i][k]);
      count += 1;
    }
  }
  return count > 0 ? sum / count : kBest;
}

}  // namespace squint
