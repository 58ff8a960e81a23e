// Bias absorption: a channel that is never below c > 0 behind its Relu is
// shifted down by c, and the next layer's bias takes W c, so that ranges
// spend no steps on numbers that do not occur. Nagel et al. 2019,
// arXiv:1906.04721, section 4.1.3, where c is mean - 3 sigma of a
// BatchNormalization; here it is the least value seen, which keeps the float
// result on all calibration samples. Layers that pad with zeros, and limits
// that were met, leave no place for it.
#include <algorithm>
#include <cmath>

#include "squint/quantize/layer_chain.h"
#include "squint/quantize/rescaled_statistics.h"

namespace squint {
namespace {

// Where a shift passes: what is above zero goes through a Relu as it is.
bool ShiftPasses(const Graph& graph, const LayerChain& chain) {
  return std::ranges::all_of(chain.between, [&](NodeId id) {
    const Node& node = graph.node(id);
    return node.Is("Relu") || node.Is("Clip") || node.Is("Identity") ||
           node.Is("LeakyRelu") || node.Is("PRelu");
  });
}

std::vector<double> Surplus(const ValueStatistics& statistics, float limit) {
  std::vector<double> surplus;
  for (size_t c = 0; c < statistics.channel_minimum.size(); ++c) {
    const bool met = statistics.channel_maximum[c] >= limit;
    surplus.push_back(met ? 0.0
                          : std::max(0.0, static_cast<double>(
                                              statistics.channel_minimum[c])));
  }
  return surplus;
}

int AbsorbBiases(const MethodContext& context, const FloatRequests&,
                 Graph& graph, Calibration& calibration) {
  Editor editor(graph);
  int changed = 0;
  for (const LayerChain& chain : FindLayerChains(editor, context)) {
    const auto it =
        calibration.values.find(graph.value(chain.values.back()).name);
    if (chain.between.empty() || !ShiftPasses(graph, chain) ||
        it == calibration.values.end() ||
        !HasChannels(it->second, chain.channels())) {
      continue;
    }
    std::vector<double> shift = Surplus(it->second, chain.limit);
    if (std::ranges::all_of(shift, [](double c) { return c == 0; })) continue;
    for (double& c : shift) c = -c;
    changed +=
        ApplyToChain(editor, chain, std::vector<double>(shift.size(), 1.0),
                     shift, calibration);
  }
  return changed;
}

}  // namespace

extern constinit const MethodDef kBiasAbsorptionMethod = {
    .name = "bias-absorption",
    .summary = "moves what a channel always exceeds into the next layer's bias",
    .source = "arXiv:1906.04721 section 4.1.3",
    .on_by_default = false,
    .observes_anew = true,
    .rewrite = AbsorbBiases,
};

}  // namespace squint
