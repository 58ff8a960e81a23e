#include "squint/optimize/permute.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "squint/ops/interpreter.h"
#include "squint/ops/op.h"

namespace squint {
namespace {

using Test = std::function<bool(ValueId)>;

enum class Family { kNone, kElementwise, kAxis, kReduce, kPad };

Family FamilyOf(const Node& node) {
  if (!node.domain.empty()) return Family::kNone;
  constexpr std::array<std::string_view, 50> kElementwise = {"Abs",
                                                             "Add",
                                                             "And",
                                                             "Cast",
                                                             "Ceil",
                                                             "Celu",
                                                             "Clip",
                                                             "Cos",
                                                             "Div",
                                                             "Elu",
                                                             "Equal",
                                                             "Erf",
                                                             "Exp",
                                                             "Floor",
                                                             "Gelu",
                                                             "Greater",
                                                             "GreaterOrEqual",
                                                             "HardSigmoid",
                                                             "HardSwish",
                                                             "Identity",
                                                             "LeakyRelu",
                                                             "Less",
                                                             "LessOrEqual",
                                                             "Log",
                                                             "Max",
                                                             "Mean",
                                                             "Min",
                                                             "Mish",
                                                             "Mod",
                                                             "Mul",
                                                             "Neg",
                                                             "Not",
                                                             "Or",
                                                             "PRelu",
                                                             "Pow",
                                                             "Reciprocal",
                                                             "Relu",
                                                             "Round",
                                                             "Selu",
                                                             "Sigmoid",
                                                             "Sign",
                                                             "Sin",
                                                             "Softplus",
                                                             "Softsign",
                                                             "Sqrt",
                                                             "Sub",
                                                             "Sum",
                                                             "Tanh",
                                                             "ThresholdedRelu",
                                                             "Where"};
  constexpr std::array<std::string_view, 3> kAxis = {"Concat", "Softmax",
                                                     "LogSoftmax"};
  constexpr std::array<std::string_view, 10> kReduce = {
      "ReduceL1",  "ReduceL2",       "ReduceLogSum", "ReduceLogSumExp",
      "ReduceMax", "ReduceMean",     "ReduceMin",    "ReduceProd",
      "ReduceSum", "ReduceSumSquare"};
  const auto in = [&](const auto& list) {
    return std::find(list.begin(), list.end(), node.op_type) != list.end();
  };
  if (in(kElementwise)) return Family::kElementwise;
  if (in(kAxis)) return Family::kAxis;
  if (in(kReduce)) return Family::kReduce;
  return node.Is("Pad") ? Family::kPad : Family::kNone;
}

// Inputs that are data; the rest are parameters (Clip's bounds, axes, pads).
size_t DataInputs(const Node& node, Family family) {
  if (family == Family::kReduce || family == Family::kPad || node.Is("Clip")) {
    return 1;
  }
  return node.inputs.size();
}

Permutation Inverse(const Permutation& perm) {
  Permutation inverse(perm.size());
  for (size_t k = 0; k < perm.size(); ++k) {
    inverse[static_cast<size_t>(perm[k])] = static_cast<int64_t>(k);
  }
  return inverse;
}

// Every data input is permuted, or a constant that broadcasts.
bool InputsSuit(const Editor& editor, const Node& node, Family family,
                size_t rank, const Test& is_permuted) {
  bool any = false;
  for (size_t i = 0; i < DataInputs(node, family); ++i) {
    if (!node.has_input(i)) return false;
    if (is_permuted(node.input(i))) {
      any = true;
      continue;
    }
    const Tensor* constant = editor.Constant(node, i);
    if (constant == nullptr || constant->dims().size() > rank ||
        BitsOf(constant->dtype()) == 0) {
      return false;
    }
    const bool whole = node.Is("Concat");
    if (whole && constant->dims().size() != rank) return false;
  }
  return any;
}

// Axes of a Reduce, counted from the front; nullopt when computed or empty.
std::optional<std::vector<int64_t>> ReduceAxes(const Editor& editor,
                                               const Node& node, size_t rank) {
  const Tensor* constant = editor.Constant(node, 1);
  if (constant == nullptr || constant->bytes() == 0) return std::nullopt;
  std::vector<int64_t> axes = constant->ToInts();
  for (int64_t& axis : axes) {
    axis = NormalizeAxis(axis, static_cast<int>(rank));
  }
  return axes;
}

// The axes that stay keep their order among themselves.
bool RestKeepsOrder(const std::vector<int64_t>& axes, const Permutation& perm) {
  int64_t last = -1;
  for (size_t k = 0; k < perm.size(); ++k) {
    const auto axis = static_cast<int64_t>(k);
    if (std::find(axes.begin(), axes.end(), axis) != axes.end()) continue;
    if (perm[k] < last) return false;
    last = perm[k];
  }
  return true;
}

bool CanPad(const Editor& editor, const Node& node, size_t rank) {
  const Tensor* pads = editor.Constant(node, 1);
  if (node.has_input(3)) return editor.Constant(node, 3) != nullptr;
  return pads != nullptr &&
         pads->dims() == Dims{static_cast<int64_t>(2 * rank)};
}

void PermuteConstant(Editor& editor, NodeId id, size_t index,
                     const Permutation& perm) {
  const Tensor& constant = *editor.Constant(editor.graph().node(id), index);
  if (constant.size() == 1) return;
  Dims dims(perm.size() - constant.dims().size(), 1);
  dims.insert(dims.end(), constant.dims().begin(), constant.dims().end());
  const Tensor full = constant.Materialize().Reshaped(dims);
  Node transpose;
  transpose.op_type = "Transpose";
  transpose.outputs = {kNoValue};
  transpose.Set("perm", Inverse(perm));
  editor.SetConstant(id, index,
                     RunNodeReference(editor.graph(), transpose, {&full})[0]);
}

void SetInts(Editor& editor, NodeId id, size_t index,
             const std::vector<int64_t>& values) {
  editor.SetConstant(
      id, index,
      Tensor::Of<int64_t>({static_cast<int64_t>(values.size())}, values));
}

std::vector<int64_t> MovedAxes(std::vector<int64_t> axes,
                               const Permutation& perm) {
  for (int64_t& axis : axes) {
    const int front = NormalizeAxis(axis, static_cast<int>(perm.size()));
    axis = perm[static_cast<size_t>(front)];
  }
  return axes;
}

void PermutePads(Editor& editor, NodeId id, const Permutation& perm) {
  const Node& node = editor.graph().node(id);
  if (node.has_input(3)) {
    const std::vector<int64_t> axes = editor.Constant(node, 3)->ToInts();
    return SetInts(editor, id, 3, MovedAxes(axes, perm));
  }
  const std::vector<int64_t> old = editor.Constant(node, 1)->ToInts();
  std::vector<int64_t> pads(old.size());
  for (size_t k = 0; k < perm.size(); ++k) {
    const auto to = static_cast<size_t>(perm[k]);
    pads[to] = old[k];
    pads[to + perm.size()] = old[k + perm.size()];
  }
  SetInts(editor, id, 1, pads);
}

}  // namespace

bool IsIdentity(const Permutation& perm) {
  for (size_t k = 0; k < perm.size(); ++k) {
    if (perm[k] != static_cast<int64_t>(k)) return false;
  }
  return true;
}

Permutation Then(const Permutation& first, const Permutation& second) {
  Permutation result;
  for (const int64_t k : second) {
    result.push_back(first[static_cast<size_t>(k)]);
  }
  return result;
}

std::optional<Permutation> PermutationOf(const Editor& editor,
                                         const Node& node) {
  const int rank = editor.Rank(node.input(0));
  if (rank < 0) return std::nullopt;
  Permutation reversed;
  for (int k = rank - 1; k >= 0; --k) reversed.push_back(k);
  Permutation perm = node.Ints("perm", reversed);
  if (perm.size() != reversed.size()) return std::nullopt;
  return perm;
}

Permuted CanPermute(const Editor& editor, const Node& node,
                    const Permutation& perm, const Test& is_permuted) {
  const Family family = FamilyOf(node);
  if (family == Family::kNone || editor.IsQuantized(node) ||
      node.outputs.size() != 1 ||
      !InputsSuit(editor, node, family, perm.size(), is_permuted)) {
    return Permuted::kNo;
  }
  if (family == Family::kPad) {
    return CanPad(editor, node, perm.size()) ? Permuted::kYes : Permuted::kNo;
  }
  if (family != Family::kReduce) return Permuted::kYes;
  const auto axes = ReduceAxes(editor, node, perm.size());
  if (!axes) return Permuted::kNo;
  if (node.Int("keepdims", 1) != 0) return Permuted::kYes;
  return RestKeepsOrder(*axes, perm) ? Permuted::kDropped : Permuted::kNo;
}

void PermuteParameters(Editor& editor, NodeId id, const Permutation& perm,
                       const Test& is_permuted) {
  const Family family = FamilyOf(editor.graph().node(id));
  const size_t data = DataInputs(editor.graph().node(id), family);
  for (size_t i = 0; i < data; ++i) {
    if (!is_permuted(editor.graph().node(id).input(i))) {
      PermuteConstant(editor, id, i, perm);
    }
  }
  Node& node = editor.graph().node(id);
  if (family == Family::kPad) {
    PermutePads(editor, id, perm);
  } else if (family == Family::kAxis) {
    node.Set("axis", MovedAxes({node.Int("axis", -1)}, perm)[0]);
  } else if (family == Family::kReduce) {
    const auto axes = ReduceAxes(editor, node, perm.size());
    SetInts(editor, id, 1, MovedAxes(*axes, perm));
  }
}

}  // namespace squint
