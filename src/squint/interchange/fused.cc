#include "squint/interchange/fused.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "squint/interchange/replacement.h"

namespace squint {
namespace {

// ---- activations

float At(const std::vector<float>& values, size_t i, float fallback) {
  return i < values.size() ? values[i] : fallback;
}

// `parameters`: alpha and beta, or the bounds of Clip.
bool WriteActivation(Replacement& fused, ValueId x, const std::string& type,
                     const std::vector<float>& parameters) {
  if (type == "Clip") {
    fused.Last("Clip", {x, fused.Scalar("low", At(parameters, 0, 0)),
                        fused.Scalar("high", At(parameters, 1, 0))});
  } else if (type == "LeakyRelu") {
    fused.Last(type, {x}, {{"alpha", At(parameters, 0, 0.01f)}});
  } else if (type == "HardSigmoid") {
    fused.Last(type, {x},
               {{"alpha", At(parameters, 0, 0.2f)},
                {"beta", At(parameters, 1, 0.5f)}});
  } else {
    fused.Last(type, {x});
  }
  return true;
}

bool IsKnownActivation(std::string_view type) {
  constexpr std::array<std::string_view, 7> kKnown = {
      "Clip", "Elu", "HardSigmoid", "LeakyRelu", "Relu", "Sigmoid", "Tanh"};
  return std::find(kKnown.begin(), kKnown.end(), type) != kKnown.end();
}

// X, W, B, Z: activation(Conv(X, W, B) + Z).
bool WriteFusedConv(Replacement& fused) {
  const std::string type = fused.node().String("activation", "");
  if (!IsKnownActivation(type)) return false;
  std::vector<float> parameters;
  if (const Attribute* list = fused.node().FindAttribute("activation_params")) {
    if (const auto* floats = std::get_if<std::vector<float>>(list)) {
      parameters = *floats;
    }
  }
  std::vector<ValueId> inputs = {fused.in(0), fused.in(1)};
  if (fused.has(2)) inputs.push_back(fused.in(2));
  ValueId y = fused.Emit("Conv", std::move(inputs),
                         fused.Without({"activation", "activation_params"}));
  if (fused.has(3)) y = fused.Emit("Add", {y, fused.in(3)});
  return WriteActivation(fused, y, type, parameters);
}

bool WriteFusedGemm(Replacement& fused) {
  const Node& node = fused.node();
  const std::string type = node.String("activation", "");
  if (!IsKnownActivation(type) || type == "Clip") return false;
  std::vector<float> parameters;
  if (node.FindAttribute("activation_alpha") != nullptr) {
    parameters.push_back(node.Float("activation_alpha", 0));
    if (node.FindAttribute("activation_beta") != nullptr) {
      parameters.push_back(node.Float("activation_beta", 0));
    }
  }
  const ValueId y =
      fused.Emit("Gemm", node.inputs,
                 fused.Without({"activation", "activation_alpha",
                                "activation_beta", "activation_gamma"}));
  return WriteActivation(fused, y, type, parameters);
}

// ---- products

// The last two axes swapped.
ValueId Swapped(Replacement& fused, size_t i) {
  std::vector<int64_t> perm(static_cast<size_t>(fused.shape(i).rank()));
  std::iota(perm.begin(), perm.end(), 0);
  std::swap(perm[perm.size() - 1], perm[perm.size() - 2]);
  return fused.Emit("Transpose", {fused.in(i)}, {{"perm", perm}});
}

bool WriteFusedMatMul(Replacement& fused) {
  const Node& node = fused.node();
  if (node.Int("transBatchA", 0) != 0 || node.Int("transBatchB", 0) != 0) {
    return false;
  }
  const bool swap[] = {node.Int("transA", 0) != 0, node.Int("transB", 0) != 0};
  std::vector<ValueId> inputs = {fused.in(0), fused.in(1)};
  for (const size_t i : {size_t{0}, size_t{1}}) {
    if (swap[i] && (!fused.shape(i).has_rank() || fused.shape(i).rank() < 2)) {
      return false;
    }
  }
  for (const size_t i : {size_t{0}, size_t{1}}) {
    if (swap[i]) inputs[i] = Swapped(fused, i);
  }
  const float alpha = node.Float("alpha", 1.0f);
  if (alpha == 1.0f) {
    fused.Last("MatMul", std::move(inputs));
    return true;
  }
  const ValueId y = fused.Emit("MatMul", std::move(inputs));
  fused.Last("Mul", {y, fused.Scalar("alpha", alpha)});
  return true;
}

// ---- gates

ValueId WithBias(Replacement& fused) {
  return fused.has(1) ? fused.Emit("Add", {fused.in(0), fused.in(1)})
                      : fused.in(0);
}

bool WriteGelu(Replacement& fused) {
  fused.Last("Gelu", {WithBias(fused)});
  return true;
}

bool WriteFastGelu(Replacement& fused) {
  fused.Last("Gelu", {WithBias(fused)}, {{"approximate", std::string("tanh")}});
  return true;
}

// x * sigmoid(alpha x)
bool WriteQuickGelu(Replacement& fused) {
  const ValueId alpha =
      fused.Scalar("alpha", fused.node().Float("alpha", 1.702f));
  const ValueId scaled = fused.Emit("Mul", {fused.in(0), alpha});
  const ValueId gate = fused.Emit("Sigmoid", {scaled});
  fused.Last("Mul", {fused.in(0), gate});
  return true;
}

// input, skip, gamma, beta, bias -> normalized, mean, inverse deviation, sum.
bool WriteSkipLayerNormalization(Replacement& fused) {
  const Node& node = fused.node();
  if (node.output(1) != kNoValue || node.output(2) != kNoValue) return false;
  const ValueId total = node.output(3);
  fused.graph().RemoveNode(fused.graph().value(node.output()).producer);
  ValueId sum = kNoValue;
  if (fused.has(4)) {
    const ValueId first = fused.Emit("Add", {fused.in(0), fused.in(1)});
    sum = fused.Emit("Add", {first, fused.in(4)}, {}, total);
  } else {
    sum = fused.Emit("Add", {fused.in(0), fused.in(1)}, {}, total);
  }
  std::vector<ValueId> inputs = {sum, fused.in(2)};
  if (fused.has(3)) inputs.push_back(fused.in(3));
  fused.Last("LayerNormalization", std::move(inputs),
             {{"epsilon", node.Float("epsilon", 1e-12f)}});
  return true;
}

struct Entry {
  std::string_view op_type;
  size_t required;  // that many inputs are present
  bool (*write)(Replacement&);
};
constexpr std::array kEntries = {
    Entry{"BiasGelu", 2, WriteGelu},
    Entry{"FastGelu", 1, WriteFastGelu},
    Entry{"FusedConv", 2, WriteFusedConv},
    Entry{"FusedGemm", 2, WriteFusedGemm},
    Entry{"FusedMatMul", 2, WriteFusedMatMul},
    Entry{"Gelu", 1, WriteGelu},
    Entry{"QuickGelu", 1, WriteQuickGelu},
    Entry{"SkipLayerNormalization", 3, WriteSkipLayerNormalization},
};

bool IsComplete(const Node& node, size_t required) {
  for (size_t i = 0; i < required; ++i) {
    if (!node.has_input(i)) return false;
  }
  return node.output() != kNoValue;
}

bool WriteOut(Graph& graph, NodeId id) {
  for (const Entry& entry : kEntries) {
    if (!graph.node(id).Is(entry.op_type, "com.microsoft")) continue;
    Replacement fused(graph, id);
    return IsComplete(fused.node(), entry.required) && entry.write(fused);
  }
  return false;
}

}  // namespace

bool WriteOutFused(Graph& graph) {
  bool changed = false;
  ForEachGraph(graph, [&](Graph& each) {
    for (const NodeId id : each.order()) {
      changed = WriteOut(each, id) || changed;
    }
    each.Compact();
  });
  return changed;
}

}  // namespace squint
