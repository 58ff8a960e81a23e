#include "squint/interchange/fused.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace squint {
namespace {

// The fused node that is written out, and what takes its place.
class Fused {
 public:
  Fused(Graph& graph, NodeId id)
      : graph_(graph), id_(id), node_(graph.node(id)) {}

  const Node& node() const { return node_; }
  bool has(size_t i) const { return node_.has_input(i); }
  ValueId in(size_t i) const { return node_.input(i); }
  const Shape& shape(size_t i) const { return graph_.value(in(i)).shape; }

  // A new value, or the node's own result `output` if that is not kNoValue.
  ValueId Emit(std::string_view op_type, std::vector<ValueId> inputs,
               Attributes attributes = {}, ValueId output = kNoValue) {
    Node made;
    made.op_type = op_type;
    made.user_names = node_.user_names;
    made.name = output == kNoValue ? "" : node_.name;
    made.inputs = std::move(inputs);
    made.attributes = std::move(attributes);
    made.outputs = {output == kNoValue ? NewValue(op_type) : output};
    const ValueId result = made.outputs[0];
    graph_.InsertBefore(id_, std::move(made));
    return result;
  }
  void Last(std::string_view op_type, std::vector<ValueId> inputs,
            Attributes attributes = {}) {
    graph_.RemoveNode(id_);
    Emit(op_type, std::move(inputs), std::move(attributes), node_.output());
  }
  // A scalar of the type of input 0.
  ValueId Scalar(std::string_view name, float value) {
    const DType dtype = graph_.value(in(0)).dtype;
    const Tensor scalar = Tensor::Scalar<float>(value);
    return graph_.AddConstant(name,
                              IsFloat(dtype) ? scalar.CastTo(dtype) : scalar);
  }
  // The attributes but these.
  Attributes Without(std::vector<std::string> keys) const {
    Attributes attributes = node_.attributes;
    for (const std::string& key : keys) attributes.erase(key);
    return attributes;
  }
  Graph& graph() { return graph_; }

 private:
  ValueId NewValue(std::string_view op_type) {
    const Value& result = graph_.value(node_.output());
    return graph_.AddValue(fmt::format("{}_{}", result.name, op_type),
                           graph_.value(in(0)).dtype);
  }

  Graph& graph_;
  NodeId id_;
  Node node_;
};

// ---- activations

float At(const std::vector<float>& values, size_t i, float fallback) {
  return i < values.size() ? values[i] : fallback;
}

// `parameters`: alpha and beta, or the bounds of Clip.
bool WriteActivation(Fused& fused, ValueId x, const std::string& type,
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
bool WriteFusedConv(Fused& fused) {
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

bool WriteFusedGemm(Fused& fused) {
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
ValueId Swapped(Fused& fused, size_t i) {
  std::vector<int64_t> perm(static_cast<size_t>(fused.shape(i).rank()));
  std::iota(perm.begin(), perm.end(), 0);
  std::swap(perm[perm.size() - 1], perm[perm.size() - 2]);
  return fused.Emit("Transpose", {fused.in(i)}, {{"perm", perm}});
}

bool WriteFusedMatMul(Fused& fused) {
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

ValueId WithBias(Fused& fused) {
  return fused.has(1) ? fused.Emit("Add", {fused.in(0), fused.in(1)})
                      : fused.in(0);
}

bool WriteGelu(Fused& fused) {
  fused.Last("Gelu", {WithBias(fused)});
  return true;
}

bool WriteFastGelu(Fused& fused) {
  fused.Last("Gelu", {WithBias(fused)}, {{"approximate", std::string("tanh")}});
  return true;
}

// x * sigmoid(alpha x)
bool WriteQuickGelu(Fused& fused) {
  const ValueId alpha =
      fused.Scalar("alpha", fused.node().Float("alpha", 1.702f));
  const ValueId scaled = fused.Emit("Mul", {fused.in(0), alpha});
  const ValueId gate = fused.Emit("Sigmoid", {scaled});
  fused.Last("Mul", {fused.in(0), gate});
  return true;
}

// input, skip, gamma, beta, bias -> normalized, mean, inverse deviation, sum.
bool WriteSkipLayerNormalization(Fused& fused) {
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
  bool (*write)(Fused&);
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
    Fused fused(graph, id);
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
