// Cross-layer equalization: a layer's output channels are scaled, and the
// next layer's input channels by the inverse, such that in each of the two
// weights every channel uses the same part of the weight's range. Nagel et al.
// 2019, arXiv:1906.04721, section 4.1, equation 11; of ranges relative to the
// largest of their weight, so that channels which must stay as they are keep
// the others in proportion:
//   s[c] = sqrt((r1[c] / R1) / (r2[c] / R2)),   W1[c] /= s[c], W2[:, c] *= s[c]
// A depthwise layer between two others is in two pairs; sweeping over the
// pairs converges to the solution for all three.
//
// Through a Clip to [0, limit] the function is only the same while a channel
// stays below the limit: before and after scaling. A channel that meets it on
// the calibration data keeps its scale; one that does not may grow until it
// reaches the limit but for a reserve. Without a limit no channel may grow
// beyond the largest of its value, which would cost the activations more than
// the weights gain.
#include <algorithm>
#include <cmath>
#include <map>

#include "squint/quantize/layer_chain.h"
#include "squint/quantize/weight_layout.h"

namespace squint {
namespace {

constexpr int kSweeps = 20;
constexpr double kConverged = 1e-3;  // largest relative change of a sweep
constexpr double kReserve = 1.25;    // of a limit that was not met
constexpr double kLargest = 1e3;     // of a scale and its inverse

// Ranges of a weight's channels, under the scales found so far.
class LayerRanges {
 public:
  LayerRanges(const Node& node, const Tensor& weight) {
    const auto layout = LayoutOf(node, weight);
    if (!layout) return;
    out_.assign(static_cast<size_t>(layout->outputs), 1.0);
    in_.assign(static_cast<size_t>(layout->inputs * layout->groups), 1.0);
    const std::vector<float> w = weight.ToFloats();
    const int64_t per_group = layout->outputs / layout->groups;
    for (int64_t o = 0; o < layout->outputs; ++o) {
      for (int64_t i = 0; i < layout->inputs; ++i) {
        double largest = 0;
        for (int64_t k = 0; k < layout->window; ++k) {
          largest = std::max(
              largest, std::fabs(static_cast<double>(
                           w[static_cast<size_t>(layout->Index(o, i, k))])));
        }
        entries_.push_back(
            {static_cast<size_t>(o),
             static_cast<size_t>(o / per_group * layout->inputs + i), largest});
      }
    }
  }

  bool known() const { return !entries_.empty(); }

  std::vector<double> Outputs() const {
    std::vector<double> ranges(out_.size(), 0.0);
    for (const Entry& e : entries_) Raise(ranges[e.out], Scaled(e));
    return ranges;
  }
  std::vector<double> Inputs() const {
    std::vector<double> ranges(in_.size(), 0.0);
    for (const Entry& e : entries_) Raise(ranges[e.in], Scaled(e));
    return ranges;
  }
  void ScaleOutput(size_t c, double by) { out_[c] *= by; }
  void ScaleInput(size_t c, double by) { in_[c] *= by; }

 private:
  struct Entry {
    size_t out;
    size_t in;
    double largest;
  };
  static void Raise(double& x, double to) { x = std::max(x, to); }
  double Scaled(const Entry& e) const {
    return e.largest * out_[e.out] * in_[e.in];
  }

  std::vector<Entry> entries_;
  std::vector<double> out_;
  std::vector<double> in_;
};

// The largest magnitude of each channel; empty when it was not observed.
std::vector<double> Magnitudes(const Calibration& calibration,
                               const Graph& graph, ValueId id) {
  const auto it = calibration.values.find(graph.value(id).name);
  if (it == calibration.values.end()) return {};
  const ValueStatistics& s = it->second;
  std::vector<double> result;
  for (size_t c = 0; c < s.channel_maximum.size(); ++c) {
    result.push_back(static_cast<double>(
        std::max(std::fabs(s.channel_minimum[c]), s.channel_maximum[c])));
  }
  return result;
}

// The least that each channel may be divided by, such that none grows beyond
// the largest or the limit; channels that must stay are `fixed`.
std::vector<double> LeastDivisors(const LayerChain& chain, const Graph& graph,
                                  const Calibration& calibration,
                                  std::vector<bool>& fixed) {
  const bool limited = std::isfinite(chain.limit);
  const std::vector<double> magnitudes = Magnitudes(
      calibration, graph, limited ? chain.limited : chain.values.back());
  std::vector<double> least(chain.channels(), 1 / kLargest);
  fixed.assign(chain.channels(), limited && magnitudes.empty());
  if (magnitudes.empty()) return least;
  const double most = limited ? static_cast<double>(chain.limit) / kReserve
                              : *std::ranges::max_element(magnitudes);
  for (size_t c = 0; c < least.size(); ++c) {
    fixed[c] = limited && magnitudes[c] >= most;
    if (most > 0) least[c] = std::max(least[c], magnitudes[c] / most);
  }
  return least;
}

class Equalizer {
 public:
  Equalizer(Editor& editor, const MethodContext& context)
      : chains_(FindLayerChains(editor, context)) {
    std::erase_if(chains_, [&](const LayerChain& chain) {
      bool known = Learn(editor.graph(), chain.first.node);
      for (const Linear& reader : chain.readers) {
        known = Learn(editor.graph(), reader.node) && known;
      }
      return !known;
    });
    divisors_.resize(chains_.size());
    fixed_.resize(chains_.size());
    for (size_t i = 0; i < chains_.size(); ++i) {
      divisors_[i].assign(chains_[i].channels(), 1.0);
      least_.push_back(LeastDivisors(chains_[i], editor.graph(),
                                     *context.calibration, fixed_[i]));
    }
  }

  void Solve() {
    for (int sweep = 0; sweep < kSweeps; ++sweep) {
      double change = 0;
      for (size_t i = 0; i < chains_.size(); ++i) {
        change = std::max(change, Balance(i));
      }
      if (change < kConverged) return;
    }
  }

  int Apply(Editor& editor, Calibration& calibration) const {
    int changed = 0;
    for (size_t i = 0; i < chains_.size(); ++i) {
      if (std::ranges::all_of(divisors_[i], [](double s) { return s == 1; })) {
        continue;
      }
      std::vector<double> factor;
      for (const double s : divisors_[i]) factor.push_back(1 / s);
      changed +=
          ApplyToChain(editor, chains_[i], factor,
                       std::vector<double>(factor.size(), 0.0), calibration);
    }
    return changed;
  }

 private:
  bool Learn(const Graph& graph, NodeId id) {
    const Node& node = graph.node(id);
    return layers_.try_emplace(id, node, *graph.ConstantOf(node.input(1)))
        .first->second.known();
  }

  // One pair's channels; returns the largest relative change.
  double Balance(size_t index) {
    const LayerChain& chain = chains_[index];
    LayerRanges& first = layers_.at(chain.first.node);
    const std::vector<double> r1 = first.Outputs();
    std::vector<double> r2(chain.channels(), 0.0);
    for (const Linear& reader : chain.readers) {
      const std::vector<double> inputs = layers_.at(reader.node).Inputs();
      for (size_t c = 0; c < r2.size(); ++c) r2[c] = std::max(r2[c], inputs[c]);
    }
    const double top1 = *std::ranges::max_element(r1);
    const double top2 = *std::ranges::max_element(r2);
    // Beside channels that meet the limit, one that shrinks loses steps.
    const double most = std::isfinite(chain.limit) ? 1.0 : kLargest;
    double change = 0;
    for (size_t c = 0; c < r1.size(); ++c) {
      if (fixed_[index][c] || r1[c] <= 0 || r2[c] <= 0) continue;
      const double wanted = std::sqrt((r1[c] / top1) / (r2[c] / top2));
      double& total = divisors_[index][c];
      const double next = std::clamp(total * wanted, least_[index][c], most);
      const double s = next / total;
      total = next;
      change = std::max(change, std::fabs(s - 1));
      first.ScaleOutput(c, 1 / s);
      for (const Linear& reader : chain.readers) {
        layers_.at(reader.node).ScaleInput(c, s);
      }
    }
    return change;
  }

  std::vector<LayerChain> chains_;
  std::map<NodeId, LayerRanges> layers_;
  std::vector<std::vector<double>> divisors_;  // of each chain's channels
  std::vector<std::vector<double>> least_;
  std::vector<std::vector<bool>> fixed_;
};

int Equalize(const MethodContext& context, const FloatRequests&, Graph& graph,
             Calibration& calibration) {
  Editor editor(graph);
  Equalizer equalizer(editor, context);
  equalizer.Solve();
  return equalizer.Apply(editor, calibration);
}

}  // namespace

extern constinit const MethodDef kEqualizationMethod = {
    .name = "equalization",
    .summary =
        "scales channels of neighbouring layers so that each uses the same "
        "part of its weight's range",
    .source = "arXiv:1906.04721 section 4.1",
    .on_by_default = false,
    .observes_anew = true,
    .rewrite = Equalize,
};

}  // namespace squint
