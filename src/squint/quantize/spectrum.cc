// Where a network computes a power spectrum by itself, Conv -> squares ->
// sum -> (filter bank) -> root or logarithm, the numbers span orders of
// magnitude and the quiet bins matter as much as the loud ones: the logarithm
// or root that follows shows small differences large. What is linear before
// the squares (the transform, and filters before it) and the filter bank
// behind them therefore stay float.
#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string_view>
#include <vector>

#include "squint/quantize/method.h"

namespace squint {
namespace {

constexpr const char* kReason =
    "front end of a spectrum: squares and roots need more than 8 bits";

template <size_t n>
bool IsOneOf(const Node& node, const std::array<std::string_view, n>& types) {
  return std::any_of(types.begin(), types.end(),
                     [&](std::string_view type) { return node.Is(type); });
}

bool MovesData(const Node& node) {
  constexpr std::array<std::string_view, 11> kTypes = {
      "Slice",  "Split",   "Reshape", "Transpose", "Squeeze", "Unsqueeze",
      "Gather", "Flatten", "Concat",  "Pad",       "Neg"};
  return IsOneOf(node, kTypes);
}

bool IsProduct(const Node& node) {
  constexpr std::array<std::string_view, 3> kTypes = {"Conv", "MatMul", "Gemm"};
  return IsOneOf(node, kTypes);
}

class Spectra {
 public:
  Spectra(const Graph& graph, FloatRequests& requests)
      : graph_(graph), uses_(graph), requests_(requests) {}

  void Keep() {
    constexpr int kSteps = 8;  // sum, reshapes, filter bank, floor
    for (const NodeId id : graph_.order()) {
      const Node& node = graph_.node(id);
      if (IsNorm(node) ||
          (IsSquare(node) && LeadsToRoot(node.output(), kSteps))) {
        KeepSources(node.input(0));
      }
    }
  }

 private:
  bool IsSquare(const Node& node) const {
    if (node.Is("ReduceSumSquare")) return true;
    if (node.Is("Mul")) return node.input(0) == node.input(1);
    if (!node.Is("Pow")) return false;
    const Tensor* exponent = graph_.ConstantOf(node.input(1));
    return exponent != nullptr && exponent->size() == 1 &&
           exponent->ToFloats()[0] == 2.0f;
  }

  // The root of a sum of squares in one node. Where others read what is
  // squared, too, it is divided by its norm: no spectrum.
  bool IsNorm(const Node& node) const {
    return node.Is("ReduceL2") && uses_.of(node.input(0)).size() == 1;
  }

  // A square whose sum with others goes into a root or a logarithm, and the
  // products on the way there, which stay float.
  bool LeadsToRoot(ValueId id, int steps) {
    if (steps == 0) return false;
    const auto [it, is_new] = tried_.emplace(id, Trial{steps, false});
    if (!is_new && it->second.steps >= steps) return it->second.found;
    bool found = false;
    for (const Use& use : uses_.of(id)) {
      if (use.node != kNoNode && CarriesToRoot(use.node, steps)) found = true;
    }
    tried_[id] = {steps, found};
    return found;
  }

  bool CarriesToRoot(NodeId id, int steps) {
    constexpr std::array<std::string_view, 5> kSums = {"Add", "ReduceSum",
                                                       "Clip", "Max", "MatMul"};
    const Node& node = graph_.node(id);
    if (node.Is("Sqrt") || node.Is("Log")) return true;
    if (!MovesData(node) && !IsOneOf(node, kSums)) return false;
    if (!LeadsToRoot(node.output(), steps - 1)) return false;
    if (IsProduct(node)) requests_.emplace(id, kReason);
    return true;
  }

  // Scales and shifts by constants, sums, and what moves data.
  bool IsLinear(const Node& node) const {
    if (MovesData(node) || node.Is("Add") || node.Is("Sub")) return true;
    const bool scales = node.Is("Mul") || node.Is("Div");
    return scales && (graph_.ConstantOf(node.input(1)) != nullptr ||
                      graph_.ConstantOf(node.input(0)) != nullptr);
  }

  // All products that what is squared is a linear function of.
  void KeepSources(ValueId squared) {
    std::vector<ValueId> open = {squared};
    while (!open.empty()) {
      const ValueId id = open.back();
      open.pop_back();
      const NodeId producer = graph_.value(id).producer;
      if (producer == kNoNode || !sources_.insert(id).second) continue;
      const Node& node = graph_.node(producer);
      if (IsProduct(node)) {
        requests_.emplace(producer, kReason);
        open.push_back(node.input(0));
      } else if (IsLinear(node)) {
        open.insert(open.end(), node.inputs.begin(), node.inputs.end());
        std::erase(open, kNoValue);
      }
    }
  }

  struct Trial {
    int steps = 0;
    bool found = false;
  };

  const Graph& graph_;
  const UseMap uses_;
  FloatRequests& requests_;
  std::map<ValueId, Trial> tried_;
  std::set<ValueId> sources_;
};

void KeepSpectra(const MethodContext& context, FloatRequests& requests) {
  Spectra(context.original, requests).Keep();
}

}  // namespace

extern constinit const MethodDef kSpectrumMethod = {
    .name = "spectrum",
    .summary =
        "keeps convolutions float whose squares make a spectrum, and its "
        "filter bank",
    .source = "measured: docs/decisions/005-default-recipe.md",
    .needs_calibration = false,
    .select = KeepSpectra,
};

}  // namespace squint
