#include "squint/quantize/normal_statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

namespace squint {
namespace {

constexpr double kExtreme = 6;  // deviations
constexpr double kInfinity = std::numeric_limits<double>::infinity();

double Density(double z) {
  return std::isinf(z) ? 0.0 : std::exp(-z * z / 2) / std::sqrt(2 * M_PI);
}

double Below(double z) { return std::erfc(-z / std::sqrt(2.0)) / 2; }

std::optional<ChannelNormals> NormalsOf(const Graph& graph, const Node& node) {
  if (!node.Is("BatchNormalization") || node.Int("training_mode", 0) != 0) {
    return std::nullopt;
  }
  const Tensor* gamma = graph.ConstantOf(node.input(1));
  const Tensor* beta = graph.ConstantOf(node.input(2));
  if (gamma == nullptr || beta == nullptr || gamma->size() != beta->size()) {
    return std::nullopt;
  }
  ChannelNormals normals;
  for (const float g : gamma->ToFloats()) {
    normals.deviation.push_back(std::fabs(static_cast<double>(g)));
  }
  for (const float b : beta->ToFloats()) {
    normals.mean.push_back(static_cast<double>(b));
  }
  return normals;
}

std::optional<std::pair<double, double>> ClampOf(const Graph& graph,
                                                 const Node& node) {
  if (node.Is("Relu")) return std::pair(0.0, kInfinity);
  if (!node.Is("Clip")) return std::nullopt;
  std::pair clamp(-kInfinity, kInfinity);
  for (const size_t i : {size_t{1}, size_t{2}}) {
    if (!node.has_input(i)) continue;
    const Tensor* limit = graph.ConstantOf(node.input(i));
    if (limit == nullptr) return std::nullopt;
    if (limit->size() == 0) continue;
    (i == 1 ? clamp.first : clamp.second) =
        static_cast<double>(limit->ToFloats()[0]);
  }
  return clamp;
}

}  // namespace

std::map<std::string, ChannelNormals> ReadNormalizations(const Graph& graph) {
  std::map<std::string, ChannelNormals> found;
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    if (auto normals = NormalsOf(graph, node)) {
      found[graph.value(node.output()).name] = std::move(*normals);
    }
  }
  return found;
}

double ClampedMean(double mean, double deviation, double low, double high) {
  if (deviation <= 0) return std::clamp(mean, low, high);
  const double a = (low - mean) / deviation;
  const double b = (high - mean) / deviation;
  double sum =
      mean * (Below(b) - Below(a)) + deviation * (Density(a) - Density(b));
  if (std::isfinite(low)) sum += low * Below(a);
  if (std::isfinite(high)) sum += high * (1 - Below(b));
  return sum;
}

ValueStatistics NormalStatistics(const ChannelNormals& normals, double low,
                                 double high) {
  ValueStatistics s;
  s.channel_axis = 1;
  s.channel_count = 1;
  s.count = normals.mean.size();
  for (size_t c = 0; c < normals.mean.size(); ++c) {
    const auto at = [&](double z) {
      return static_cast<float>(
          std::clamp(normals.mean[c] + z * normals.deviation[c], low, high));
    };
    s.channel_minimum.push_back(at(-kExtreme));
    s.channel_maximum.push_back(at(kExtreme));
    s.channel_sum.emplace_back().Add(
        ClampedMean(normals.mean[c], normals.deviation[c], low, high));
  }
  if (s.count == 0) return s;
  s.minimum = *std::ranges::min_element(s.channel_minimum);
  s.maximum = *std::ranges::max_element(s.channel_maximum);
  s.blocks[0] = {s.minimum, s.maximum};
  return s;
}

int UseNormalizations(const Graph& graph,
                      const std::map<std::string, ChannelNormals>& normals,
                      Calibration& calibration) {
  int replaced = 0;
  const UseMap uses(graph);
  const auto replace = [&](ValueId id, const ChannelNormals& of, double low,
                           double high) {
    const auto it = calibration.values.find(graph.value(id).name);
    if (it == calibration.values.end() || it->second.channel_axis != 1) return;
    it->second = NormalStatistics(of, low, high);
    ++replaced;
  };
  for (ValueId id = 0; id < graph.num_values(); ++id) {
    const auto found = normals.find(graph.value(id).name);
    if (found == normals.end()) continue;
    replace(id, found->second, -kInfinity, kInfinity);
    for (const Use& use : uses.of(id)) {
      if (use.node == kNoNode) continue;
      const Node& reader = graph.node(use.node);
      if (const auto clamp = ClampOf(graph, reader)) {
        replace(reader.output(), found->second, clamp->first, clamp->second);
      }
    }
  }
  return replaced;
}

}  // namespace squint
