#include "squint/quantize/match_inputs.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "squint/runtime/executor.h"

namespace squint {
namespace {

constexpr size_t kSamples = 8;

constexpr std::array<std::string_view, 10> kMoves = {
    "Reshape", "Transpose", "Squeeze", "Unsqueeze", "Flatten",
    "Pad",     "Identity",  "Slice",   "Resize",    "AveragePool"};
constexpr std::array<std::string_view, 8> kAffineWithConstants = {
    "Conv", "Gemm", "MatMul", "Add", "Sub", "Mul", "Div", "BatchNormalization"};

bool Contains(std::span<const std::string_view> names, const Node& node) {
  return node.domain.empty() &&
         std::ranges::find(names, node.op_type) != names.end();
}

// Values that are affine functions of the graph's only input.
std::vector<bool> AffineValues(const Graph& graph) {
  std::vector<bool> affine(static_cast<size_t>(graph.num_values()), false);
  affine[static_cast<size_t>(graph.inputs()[0])] = true;
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    if (!node.has_input(0) || node.outputs.size() != 1 ||
        !affine[static_cast<size_t>(node.input(0))]) {
      continue;
    }
    const bool others_constant =
        std::all_of(node.inputs.begin() + 1, node.inputs.end(), [&](ValueId v) {
          return v == kNoValue || graph.ConstantOf(v) != nullptr;
        });
    affine[static_cast<size_t>(node.output())] =
        Contains(kMoves, node) ||
        (Contains(kAffineWithConstants, node) && others_constant);
  }
  return affine;
}

// Means and variances of a value's channels (axis 1) over some runs.
struct Response {
  std::vector<double> sum;
  std::vector<double> squares;
  double count = 0;

  void Add(const Tensor& y) {
    const int64_t channels = y.dim(1);
    sum.resize(static_cast<size_t>(channels), 0.0);
    squares.resize(sum.size(), 0.0);
    const int64_t plane = y.size() / (y.dim(0) * channels);
    for (int64_t i = 0; i < y.size(); ++i) {
      const auto c = static_cast<size_t>(i / plane % channels);
      const auto v = static_cast<double>(y.data<float>()[i]);
      sum[c] += v;
      squares[c] += v * v;
    }
    count += static_cast<double>(y.dim(0) * plane);
  }
  double mean(size_t c) const { return sum[c] / count; }
  double variance(size_t c) const {
    return squares[c] / count - mean(c) * mean(c);
  }
};

Tensor Filled(const Dims& dims, float value) {
  Tensor x(DType::kFloat32, dims);
  std::fill_n(x.mutable_data<float>(), x.size(), value);
  return x;
}

struct Responses {
  Response samples;
  Response zeros;
  Response ones;
};

Responses Measure(const Graph& graph, ValueId value, const TuningData& data,
                  const Context& context) {
  Executor executor(std::make_shared<const Graph>(graph), context);
  Responses responses;
  const auto run = [&](const Tensor& x, Response& into) {
    RunOptions options;
    options.taps = {value};
    options.tap = [&](ValueId, const Tensor& y) { into.Add(y); };
    executor.Run({x}, options);
  };
  const size_t count = std::min(kSamples, data.samples.size());
  for (size_t i = 0; i < count; ++i) {
    const Tensor x = data.dataset->Get(data.samples[i]).inputs[0];
    run(x, responses.samples);
    if (i > 0) continue;
    run(Filled(x.dims(), 0.0f), responses.zeros);
    run(Filled(x.dims(), 1.0f), responses.ones);
  }
  return responses;
}

// With y(0) the response to zeros, y is
//   y(0) + factor * (y(x) - y(0)) + offset * (y(1) - y(0)).
std::optional<InputScaling> Solve(const Responses& r,
                                  const ChannelNormals& normals) {
  double wanted = 0;
  double seen = 0;
  for (size_t c = 0; c < normals.mean.size(); ++c) {
    wanted += normals.deviation[c] * normals.deviation[c];
    seen += r.samples.variance(c);
  }
  if (!(wanted > 0) || !(seen > 0)) return std::nullopt;
  InputScaling scaling{.factor = std::sqrt(wanted / seen)};
  double products = 0;
  double squares = 0;
  for (size_t c = 0; c < normals.mean.size(); ++c) {
    const double weight =
        1 /
        std::max(normals.deviation[c] * normals.deviation[c], 1e-6 * wanted);
    const double zero = r.zeros.mean(c);
    const double missing =
        normals.mean[c] - zero - scaling.factor * (r.samples.mean(c) - zero);
    const double slope = r.ones.mean(c) - zero;
    products += weight * missing * slope;
    squares += weight * slope * slope;
  }
  if (squares > 0) scaling.offset = products / squares;
  return scaling;
}

}  // namespace

std::optional<InputScaling> MatchInputs(
    const Graph& graph, const std::map<std::string, ChannelNormals>& normals,
    const TuningData& data, const Context& context) {
  if (graph.inputs().size() != 1 || normals.empty() || data.samples.empty() ||
      graph.value(graph.inputs()[0]).dtype != DType::kFloat32) {
    return std::nullopt;
  }
  const std::vector<bool> affine = AffineValues(graph);
  for (const NodeId id : graph.order()) {
    const ValueId value = graph.node(id).output();
    if (value == kNoValue || !affine[static_cast<size_t>(value)]) continue;
    const auto found = normals.find(graph.value(value).name);
    if (found == normals.end()) continue;
    const Responses responses = Measure(graph, value, data, context);
    if (responses.samples.sum.size() != found->second.mean.size()) continue;
    return Solve(responses, found->second);
  }
  return std::nullopt;
}

}  // namespace squint
