// Channels of attention heads rotated by Hadamard matrices, so that none is
// far larger than the others of its head:
//   (q R)(k R)^T = q k^T       and       (p v R) R^T W = p v W
// R goes into the weights that make q, k and v and into those that read the
// heads' results: the network computes what it did, and nothing is added.
//   Ashkboos et al. 2024, "QuaRot", arXiv:2404.00456, section 4.
// The rotation of a residual stream, which the paper has, too, is exact only
// where normalizations have no mean (RMSNorm) and is left out.
#include <bit>
#include <cmath>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "squint/optimize/attention_pattern.h"
#include "squint/quantize/head_channels.h"
#include "squint/quantize/method.h"
#include "squint/quantize/weight_layout.h"

namespace squint {
namespace {

constexpr int64_t kSmallestHead = 4;

// x[0], x[stride], ... times Sylvester's matrix over the root of `size`, a
// power of two: it is symmetric and its own inverse.
void Rotate(float* x, size_t size, size_t stride) {
  std::vector<double> line(size);
  for (size_t i = 0; i < size; ++i) {
    line[i] = static_cast<double>(x[i * stride]);
  }
  for (size_t half = 1; half < size; half *= 2) {
    for (size_t i = 0; i < size; ++i) {
      if ((i & half) != 0) continue;
      const double a = line[i];
      const double b = line[i + half];
      line[i] = a + b;
      line[i + half] = a - b;
    }
  }
  const double root = std::sqrt(static_cast<double>(size));
  for (size_t i = 0; i < size; ++i) {
    x[i * stride] = static_cast<float>(line[i] / root);
  }
}

void ChangeConstant(Graph& graph, NodeId node, size_t index,
                    const std::function<void(float*)>& change) {
  const Value before = graph.value(graph.node(node).input(index));
  Tensor changed =
      Tensor::Of<float>(before.constant.dims(), before.constant.ToFloats());
  change(changed.mutable_data<float>());
  const ValueId copy = graph.AddConstant(before.name, std::move(changed));
  graph.value(copy).user_name = before.user_name;
  graph.ReplaceInput(node, index, copy);
}

// The heads' channels of a layer's weight: its outputs, or inputs if `reads`.
void RotateWeight(Graph& graph, const HeadChannels& heads, bool reads) {
  const Node node = graph.node(heads.layer);
  const WeightLayout layout = *LayoutOf(node, *graph.ConstantOf(node.input(1)));
  const int64_t lines = reads ? layout.outputs : layout.inputs;
  const int64_t stride =
      (reads ? layout.Index(0, 1, 0) : layout.Index(1, 0, 0)) -
      layout.Index(0, 0, 0);
  ChangeConstant(graph, heads.layer, 1, [&](float* w) {
    for (int64_t line = 0; line < lines; ++line) {
      for (int64_t head = 0; head < heads.heads; ++head) {
        const int64_t at = heads.first + head * heads.size;
        Rotate(
            w + (reads ? layout.Index(line, at, 0) : layout.Index(at, line, 0)),
            static_cast<size_t>(heads.size), static_cast<size_t>(stride));
      }
    }
  });
}

void RotateBiases(Graph& graph, const HeadChannels& heads) {
  for (const HeadChannels::Bias& bias : heads.biases) {
    ChangeConstant(graph, bias.node, bias.index, [&](float* b) {
      for (int64_t head = 0; head < heads.heads; ++head) {
        Rotate(b + bias.first + head * heads.size,
               static_cast<size_t>(heads.size), 1);
      }
    });
  }
}

// What carries rotated channels holds other numbers: it gets a name of its own
// and is observed anew. Until then no method may reason by its channels.
void Rename(const std::vector<ValueId>& values, Graph& graph,
            Calibration& calibration) {
  for (const ValueId id : values) {
    const std::string before = graph.value(id).name;
    const auto found = calibration.values.find(before);
    if (found == calibration.values.end()) continue;
    const std::string name = graph.UniqueName(before + "_rotated");
    ValueStatistics statistics = found->second;
    statistics.channel_count = 0;
    statistics.channel_minimum.clear();
    statistics.channel_maximum.clear();
    statistics.channel_sum.clear();
    graph.Rename(id, name);
    calibration.values[name] = std::move(statistics);
  }
}

void RotateMakers(const HeadChannels& heads, Graph& graph,
                  Calibration& calibration) {
  RotateWeight(graph, heads, false);
  RotateBiases(graph, heads);
  Rename(heads.between, graph, calibration);
}

bool CanRotate(const HeadChannels& heads) {
  return heads.size >= kSmallestHead &&
         std::has_single_bit(static_cast<uint64_t>(heads.size));
}

bool RotateScores(const AttentionMatch& match, const UseMap& uses,
                  const Graph& original, Graph& graph,
                  Calibration& calibration) {
  const auto last = [&](ValueId id) {
    return original.value(id).shape.rank() - 1;
  };
  const auto q = MadeBy(original, uses, match.q, last(match.q));
  const auto k = MadeBy(original, uses, match.k,
                        last(match.k) - (match.k_transposed ? 1 : 0));
  if (!q || !k || q->size != k->size || !CanRotate(*q)) return false;
  RotateMakers(*q, graph, calibration);
  RotateMakers(*k, graph, calibration);
  return true;
}

bool RotateResults(const AttentionMatch& match, const UseMap& uses,
                   const Graph& original, Graph& graph,
                   Calibration& calibration) {
  const auto v =
      MadeBy(original, uses, match.v, original.value(match.v).shape.rank() - 1);
  const auto o = ReadBy(original, uses, match.output);
  if (!v || !o || v->size != o->size || !CanRotate(*v)) return false;
  RotateMakers(*v, graph, calibration);
  RotateWeight(graph, *o, true);
  Rename(o->between, graph, calibration);
  return true;
}

int RotateHeads(const MethodContext& context, const FloatRequests&,
                Graph& graph, Calibration& calibration) {
  // Ranges of rotated channels do not follow from those before.
  if (context.data == nullptr) return 0;
  const UseMap uses(context.original);
  int changed = 0;
  for (const AttentionMatch& match : FindAttention(context.original)) {
    changed += RotateScores(match, uses, context.original, graph, calibration);
    changed += RotateResults(match, uses, context.original, graph, calibration);
  }
  return changed;
}

}  // namespace

extern constinit const MethodDef kHadamardMethod = {
    .name = "hadamard",
    .summary =
        "rotates the channels of attention heads, in the weights, so that "
        "none is far larger than the others",
    .source = "arXiv:2404.00456",
    .on_by_default = false,
    .observes_anew = true,
    .rewrite = RotateHeads,
};

}  // namespace squint
