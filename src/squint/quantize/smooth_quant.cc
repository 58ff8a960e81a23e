// Channels of an activation that are far larger than the others force one
// coarse step on all of them. Dividing channel k by s[k] before quantization
// and multiplying row k of the weights by s[k] leaves the product as it was
// and moves part of the difficulty to the weights, which have a scale for
// each output.
//   Xiao et al. 2023, "SmoothQuant", arXiv:2211.10438, equation 4:
//   s[k] = max|X[k]|^a / max|W[k]|^(1-a)
// a is the one of least noise predicted from the calibration statistics, and
// nothing changes where that promises too little. The division goes into a
// LayerNormalization before, when nobody else reads that; else it is a Mul
// in float before the quantization. Only inputs made in float are smoothed:
// between integer nodes there is no place for it.
#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "squint/quantize/activations.h"
#include "squint/quantize/method.h"
#include "squint/quantize/rescaled_statistics.h"
#include "squint/quantize/weight_layout.h"

namespace squint {
namespace {

// Least predicted gains, as ratios of noise power. Before a convolution
// scaling by a Mul is an operator more on a whole image and the prediction is
// rough (one mean for all positions): 2 dB, 0.5 dB where the scaling is free.
// Before a matrix product nearly every predicted gain is a real one: 1 dB and
// 0.1 dB (docs/decisions/005-default-recipe.md).
struct LeastGain {
  double folded;
  double by_mul;
};
constexpr LeastGain kBeforeConvolution = {1.12, 1.58};
constexpr LeastGain kBeforeProduct = {1.02, 1.26};

struct Reader {
  NodeId node = kNoNode;
  WeightLayout layout;
  Tensor weight;
};

// A float-made value and all the nodes that read it quantized.
struct Site {
  ValueId input = kNoValue;
  const ValueStatistics* statistics = nullptr;
  std::vector<Reader> readers;
  bool foldable = false;
  bool before_products = true;  // no reader is a convolution
};

double LeastGainOf(const Site& site) {
  const LeastGain& least =
      site.before_products ? kBeforeProduct : kBeforeConvolution;
  return site.foldable ? least.folded : least.by_mul;
}

std::optional<Reader> ReaderOf(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const Tensor* weight = graph.ConstantOf(node.input(1));
  if (weight == nullptr || weight->dtype() != DType::kFloat32) return {};
  const auto layout = LayoutOf(node, *weight);
  if (!layout || layout->groups != 1) return {};
  return Reader{id, *layout, weight->Materialize()};
}

// The steps of an unrolled recurrence read one weight: a copy of it scaled for
// each would cost more than smoothing gains.
bool IsShared(const UseMap& uses, const Node& reader) {
  return uses.of(reader.input(1)).size() > 1;
}

// A LayerNormalization with constant scale, to which 1/s can be added.
bool CanFold(const Graph& graph, const UseMap& uses, const Node* producer) {
  if (producer == nullptr || !producer->Is("LayerNormalization")) return false;
  const size_t readers = uses.of(producer->output()).size();
  const auto constant = [&](size_t i) {
    const Tensor* t = graph.ConstantOf(producer->input(i));
    return t != nullptr && t->dtype() == DType::kFloat32 && t->rank() == 1;
  };
  return readers > 0 && constant(1) && (!producer->has_input(2) || constant(2));
}

std::optional<Site> SiteOf(const MethodContext& context,
                           const Selection& selection, ValueId id) {
  const Graph& graph = context.original;
  const Value& value = graph.value(id);
  const auto found = context.calibration->values.find(value.name);
  if (value.is_constant() || found == context.calibration->values.end() ||
      selection.MadeInteger(id)) {
    return {};
  }
  Site site{id, &found->second, {}};
  const auto& uses = selection.uses().of(id);
  for (const Use& use : uses) {
    const auto index = static_cast<size_t>(use.index);
    if (use.node == kNoNode || !selection.ReadsQuantized(use.node, index)) {
      continue;
    }
    auto reader = index == 0 ? ReaderOf(graph, use.node) : std::nullopt;
    if (!reader || IsShared(selection.uses(), graph.node(use.node))) return {};
    site.before_products =
        site.before_products &&
        (graph.node(use.node).Is("MatMul") || graph.node(use.node).Is("Gemm"));
    site.readers.push_back(std::move(*reader));
  }
  if (site.readers.empty()) return {};
  const int64_t channels = site.readers[0].layout.inputs;
  for (const Reader& reader : site.readers) {
    if (reader.layout.inputs != channels) return {};
  }
  if (!HasChannels(*site.statistics, static_cast<size_t>(channels))) return {};
  const NodeId producer = value.producer;
  site.foldable =
      site.readers.size() == uses.size() &&
      CanFold(graph, selection.uses(),
              producer == kNoNode ? nullptr : &graph.node(producer));
  return site;
}

// What the prediction needs, per input channel.
struct ChannelFacts {
  std::vector<double> low, high;       // of the activation
  std::vector<double> second_moment;   // estimate of E[x^2]
  std::vector<double> weight_largest;  // over all readers
  std::vector<double> weight_squares;  // summed over all readers
};

double MeanSquare(const Histogram& histogram) {
  double sum = 0;
  for (const auto& bin : histogram.Occupied()) {
    const double middle = (static_cast<double>(Histogram::BinLow(bin.bin)) +
                           static_cast<double>(Histogram::BinHigh(bin.bin))) /
                          2;
    sum += middle * middle * static_cast<double>(bin.count);
  }
  return sum / std::max(1.0, static_cast<double>(histogram.total()));
}

// The statistics hold each channel's mean and extremes and the histogram of
// all: the variance of a channel is taken as a share of its squared range,
// the same share for all, such that the total agrees with the histogram; where
// there is none, as of normal numbers between six deviations on either side.
std::vector<double> SecondMoments(const ValueStatistics& statistics) {
  const size_t n = statistics.channel_minimum.size();
  std::vector<double> result(n);
  double means = 0;
  double ranges = 0;
  const auto range = [&](size_t k) {
    return std::max(0.0,
                    static_cast<double>(statistics.channel_maximum[k]) -
                        static_cast<double>(statistics.channel_minimum[k]));
  };
  for (size_t k = 0; k < n; ++k) {
    means += std::pow(statistics.channel_mean(k), 2);
    ranges += std::pow(range(k), 2);
  }
  const double total =
      MeanSquare(statistics.histogram) * static_cast<double>(n);
  constexpr double kNormalShare = 1.0 / (12 * 12);
  const double share = statistics.histogram.empty() ? kNormalShare
                       : ranges > 0
                           ? std::clamp((total - means) / ranges, 1e-3, 0.25)
                           : 0;
  for (size_t k = 0; k < n; ++k) {
    result[k] =
        std::pow(statistics.channel_mean(k), 2) + share * std::pow(range(k), 2);
  }
  return result;
}

ChannelFacts FactsOf(const Site& site) {
  ChannelFacts facts;
  const ValueStatistics& statistics = *site.statistics;
  const size_t n = statistics.channel_minimum.size();
  facts.second_moment = SecondMoments(statistics);
  facts.weight_largest.assign(n, 0);
  facts.weight_squares.assign(n, 0);
  for (size_t k = 0; k < n; ++k) {
    facts.low.push_back(
        std::min(0.0, static_cast<double>(statistics.channel_minimum[k])));
    facts.high.push_back(
        std::max(0.0, static_cast<double>(statistics.channel_maximum[k])));
    for (const Reader& reader : site.readers) {
      const float* w = reader.weight.data<float>();
      for (int64_t o = 0; o < reader.layout.outputs; ++o) {
        for (int64_t p = 0; p < reader.layout.window; ++p) {
          const double x = static_cast<double>(
              w[reader.layout.Index(o, static_cast<int64_t>(k), p)]);
          facts.weight_largest[k] =
              std::max(facts.weight_largest[k], std::abs(x));
          facts.weight_squares[k] += x * x;
        }
      }
    }
  }
  return facts;
}

// Noise power of all outputs, from rounding activations (in `step`s) and
// weights (127 steps to the largest of each output channel).
double PredictedNoise(const Site& site, const ChannelFacts& facts,
                      const std::vector<double>& s, double step) {
  double from_activations = 0;
  double power = 0;
  for (size_t k = 0; k < s.size(); ++k) {
    from_activations += facts.weight_squares[k] * s[k] * s[k];
    power += facts.second_moment[k] / (s[k] * s[k]);
  }
  double from_weights = 0;
  for (const Reader& reader : site.readers) {
    const float* w = reader.weight.data<float>();
    const WeightLayout& layout = reader.layout;
    for (int64_t o = 0; o < layout.outputs; ++o) {
      double largest = 0;
      for (int64_t k = 0; k < layout.inputs; ++k) {
        for (int64_t p = 0; p < layout.window; ++p) {
          largest = std::max(
              largest, std::abs(static_cast<double>(w[layout.Index(o, k, p)])) *
                           s[static_cast<size_t>(k)]);
        }
      }
      from_weights += std::pow(largest / 127, 2) / 12 * power *
                      static_cast<double>(layout.window);
    }
  }
  return step * step / 12 * from_activations + from_weights;
}

// Equation 4, scaled to a geometric mean of 1; 1 for channels that are
// always zero or never used.
std::vector<double> ScalesFor(const ChannelFacts& facts, double a) {
  std::vector<double> s(facts.low.size(), 1.0);
  double log_sum = 0;
  double count = 0;
  const auto is_live = [&](size_t k) {
    return facts.high[k] - facts.low[k] > 0 && facts.weight_largest[k] > 0;
  };
  for (size_t k = 0; k < s.size(); ++k) {
    if (!is_live(k)) continue;
    const double x = std::max(-facts.low[k], facts.high[k]);
    s[k] = std::pow(x, a) / std::pow(facts.weight_largest[k], 1 - a);
    log_sum += std::log(s[k]);
    count += 1;
  }
  if (count == 0) return s;
  const double mean = std::exp(log_sum / count);
  for (size_t k = 0; k < s.size(); ++k) {
    s[k] = is_live(k) ? std::clamp(s[k] / mean, 1e-3, 1e3) : 1.0;
  }
  return s;
}

double StepAfter(const ChannelFacts& facts, const std::vector<double>& s) {
  double low = 0;
  double high = 0;
  for (size_t k = 0; k < s.size(); ++k) {
    low = std::min(low, facts.low[k] / s[k]);
    high = std::max(high, facts.high[k] / s[k]);
  }
  return (high - low) / 255;
}

// The best scales, or none when they gain too little.
std::vector<float> ChooseScales(const MethodContext& context,
                                const Site& site) {
  const ChannelFacts facts = FactsOf(site);
  const Range now =
      CalibratedRange(*site.statistics, context.recipe, context.target);
  const std::vector<double> ones(facts.low.size(), 1.0);
  const double before =
      PredictedNoise(site, facts, ones, (now.high - now.low) / 255);
  double least = before / LeastGainOf(site);
  std::vector<double> best;
  for (int tenths = 1; tenths <= 9; ++tenths) {
    std::vector<double> s = ScalesFor(facts, tenths / 10.0);
    const double noise = PredictedNoise(site, facts, s, StepAfter(facts, s));
    if (noise < least) {
      least = noise;
      best = std::move(s);
    }
  }
  return {best.begin(), best.end()};
}

// Of x / s.
ValueStatistics Divided(const ValueStatistics& from,
                        const std::vector<float>& s) {
  std::vector<double> factor;
  for (const float v : s) factor.push_back(1 / static_cast<double>(v));
  return Rescaled(from, factor, std::vector<double>(s.size(), 0.0));
}

void ScaleWeights(Graph& graph, const Reader& reader,
                  const std::vector<float>& s) {
  const WeightLayout& layout = reader.layout;
  Tensor scaled(DType::kFloat32, reader.weight.dims());
  const float* from = reader.weight.data<float>();
  float* to = scaled.mutable_data<float>();
  for (int64_t o = 0; o < layout.outputs; ++o) {
    for (int64_t k = 0; k < layout.inputs; ++k) {
      for (int64_t p = 0; p < layout.window; ++p) {
        const int64_t i = layout.Index(o, k, p);
        to[i] = from[i] * s[static_cast<size_t>(k)];
      }
    }
  }
  const Value before = graph.value(graph.node(reader.node).input(1));
  const ValueId copy = graph.AddConstant(before.name, std::move(scaled));
  graph.value(copy).user_name = before.user_name;
  graph.ReplaceInput(reader.node, 1, copy);
}

void DivideConstant(Graph& graph, NodeId node, size_t index,
                    const std::vector<float>& s) {
  const Value before = graph.value(graph.node(node).input(index));
  std::vector<float> values = before.constant.ToFloats();
  for (size_t k = 0; k < s.size(); ++k) values[k] /= s[k];
  graph.ReplaceInput(
      node, index,
      graph.AddConstant(before.name,
                        Tensor::Of<float>(before.constant.dims(), values)));
}

// The value that carries x / s.
ValueId Divide(Graph& graph, const Site& site, const std::vector<float>& s) {
  const Value source = graph.value(site.input);
  if (site.foldable) {
    graph.Rename(site.input, graph.UniqueName(source.name + "_smoothed"));
    DivideConstant(graph, source.producer, 1, s);
    if (graph.node(source.producer).has_input(2)) {
      DivideConstant(graph, source.producer, 2, s);
    }
    return site.input;
  }
  std::vector<float> inverse;
  inverse.reserve(s.size());
  for (const float v : s) inverse.push_back(1.0f / v);
  std::vector<int64_t> dims = {static_cast<int64_t>(s.size())};
  const int behind = source.shape.rank() - 1 - site.statistics->channel_axis;
  dims.resize(1 + static_cast<size_t>(behind), 1);
  const ValueId factor = graph.AddConstant(source.name + "_smoothing",
                                           Tensor::Of<float>(dims, inverse));
  const ValueId scaled =
      graph.AddValue(source.name + "_smoothed", source.dtype, source.shape);
  Node node;
  node.op_type = "Mul";
  node.name = graph.value(scaled).name;
  node.inputs = {site.input, factor};
  node.outputs = {scaled};
  if (source.producer != kNoNode) {
    graph.InsertAfter(source.producer, std::move(node));
  } else {
    graph.InsertBefore(graph.order().front(), std::move(node));
  }
  return scaled;
}

int Smooth(const MethodContext& context, const FloatRequests& requests,
           Graph& graph, Calibration& calibration) {
  const Selection selection(context.original, context.target, context.recipe,
                            requests);
  int changed = 0;
  const int values = graph.num_values();
  for (ValueId id = 0; id < values; ++id) {
    const auto site = SiteOf(context, selection, id);
    if (!site) continue;
    const std::vector<float> s = ChooseScales(context, *site);
    if (s.empty()) continue;
    const ValueId scaled = Divide(graph, *site, s);
    calibration.values[graph.value(scaled).name] =
        Divided(*site->statistics, s);
    for (const Reader& reader : site->readers) {
      graph.ReplaceInput(reader.node, 0, scaled);
      ScaleWeights(graph, reader, s);
    }
    ++changed;
  }
  return changed;
}

}  // namespace

extern constinit const MethodDef kSmoothQuantMethod = {
    .name = "smooth-quant",
    .summary =
        "moves large channels of activations into the weights where "
        "that is predicted to pay",
    .source = "arXiv:2211.10438",
    .rewrite = Smooth,
};

}  // namespace squint
