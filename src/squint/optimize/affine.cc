#include "squint/optimize/affine.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace squint {

size_t Affine::channels() const { return std::max(scale.size(), shift.size()); }

bool Affine::has_scale() const {
  return std::any_of(scale.begin(), scale.end(),
                     [](double s) { return s != 1.0; });
}

bool Affine::has_shift() const {
  return std::any_of(shift.begin(), shift.end(),
                     [](double t) { return t != 0.0; });
}

bool Affine::is_finite() const {
  const auto finite = [](double x) { return std::isfinite(x); };
  return std::all_of(scale.begin(), scale.end(), finite) &&
         std::all_of(shift.begin(), shift.end(), finite);
}

Affine Affine::OnlyScale() const {
  Affine result = *this;
  result.shift = {0.0};
  return result;
}

Affine Affine::OnlyShift() const {
  Affine result = *this;
  result.scale = {1.0};
  return result;
}

namespace {

struct ChannelConstant {
  int axis = -1;
  std::vector<double> values;
};

std::vector<double> Doubles(const Tensor& tensor) {
  const std::vector<float> floats = tensor.ToFloats();
  return {floats.begin(), floats.end()};
}

// A float32 constant that broadcasts to `data` along at most one axis and
// leaves data's shape as it is.
std::optional<ChannelConstant> ReadChannelConstant(const Editor& editor,
                                                   ValueId data, ValueId id) {
  const Tensor* constant = editor.Constant(id);
  if (constant == nullptr || constant->dtype() != DType::kFloat32) {
    return std::nullopt;
  }
  const int rank = editor.Rank(data);
  if (constant->rank() > std::max(rank, 0)) return std::nullopt;
  ChannelConstant result;
  for (int i = 0; i < constant->rank(); ++i) {
    if (constant->dim(i) == 1) continue;
    const int axis = i + rank - constant->rank();
    if (result.axis >= 0 ||
        !editor.graph().value(data).shape[axis].is(constant->dim(i))) {
      return std::nullopt;
    }
    result.axis = axis;
  }
  result.values = Doubles(*constant);
  return result;
}

std::optional<Affine> ReadArithmetic(const Editor& editor, const Node& node) {
  const bool constant_first = editor.Constant(node, 0) != nullptr;
  Affine affine;
  affine.data = node.input(constant_first ? 1 : 0);
  if (!editor.IsFloat32(affine.data)) return std::nullopt;
  auto constant = ReadChannelConstant(editor, affine.data,
                                      node.input(constant_first ? 0 : 1));
  if (!constant) return std::nullopt;
  affine.axis = constant->axis;
  if (node.Is("Mul")) {
    affine.scale = std::move(constant->values);
  } else if (node.Is("Add")) {
    affine.shift = std::move(constant->values);
  } else if (node.Is("Sub") && constant_first) {
    affine.scale = {-1.0};
    affine.shift = std::move(constant->values);
  } else if (node.Is("Sub")) {
    affine.shift = std::move(constant->values);
    for (double& t : affine.shift) t = -t;
  } else if (node.Is("Div") && !constant_first) {
    affine.scale = std::move(constant->values);
    for (double& s : affine.scale) s = 1.0 / s;
  } else {
    return std::nullopt;
  }
  return affine;
}

// y = gamma * (x - mean) / sqrt(var + epsilon) + beta.
std::optional<Affine> ReadBatchNormalization(const Editor& editor,
                                             const Node& node) {
  if (node.Int("training_mode", 0) != 0) return std::nullopt;
  for (size_t i = 1; i < node.outputs.size(); ++i) {
    if (node.outputs[i] != kNoValue) return std::nullopt;
  }
  std::vector<double> parts[4];
  for (size_t i = 0; i < 4; ++i) {
    const Tensor* part = editor.Constant(node, i + 1);
    if (part == nullptr || part->dtype() != DType::kFloat32 ||
        part->rank() != 1) {
      return std::nullopt;
    }
    parts[i] = Doubles(*part);
    if (parts[i].size() != parts[0].size()) return std::nullopt;
  }
  Affine affine;
  affine.data = node.input(0);
  if (!editor.IsFloat32(affine.data)) return std::nullopt;
  affine.axis = 1;
  const double epsilon = static_cast<double>(node.Float("epsilon", 1e-5f));
  affine.scale = parts[0];
  affine.shift = parts[1];
  for (size_t c = 0; c < affine.scale.size(); ++c) {
    affine.scale[c] /= std::sqrt(parts[3][c] + epsilon);
    affine.shift[c] -= parts[2][c] * affine.scale[c];
  }
  return affine;
}

}  // namespace

std::optional<Affine> ReadAffine(const Editor& editor, NodeId id) {
  const Node& node = editor.graph().node(id);
  if (node.removed || !node.domain.empty() || editor.IsQuantized(node)) {
    return std::nullopt;
  }
  std::optional<Affine> affine;
  if (node.Is("BatchNormalization")) {
    affine = ReadBatchNormalization(editor, node);
  } else if (node.Is("Neg") && editor.IsFloat32(node.input(0))) {
    affine.emplace();
    affine->data = node.input(0);
    affine->scale = {-1.0};
  } else if (node.inputs.size() == 2) {
    affine = ReadArithmetic(editor, node);
  }
  if (!affine || !affine->is_finite()) return std::nullopt;
  // An axis of size 0 has no number to speak of.
  if (affine->scale.empty() || affine->shift.empty()) return std::nullopt;
  affine->nodes = {id};
  return affine;
}

std::optional<Affine> Compose(const Affine& first, const Affine& second) {
  const bool both = first.channels() > 1 && second.channels() > 1;
  if (both &&
      (first.axis != second.axis || first.channels() != second.channels())) {
    return std::nullopt;
  }
  Affine result;
  result.data = first.data;
  result.axis = first.channels() > 1 ? first.axis : second.axis;
  result.nodes = first.nodes;
  result.nodes.insert(result.nodes.end(), second.nodes.begin(),
                      second.nodes.end());
  result.scale.resize(std::max(first.scale.size(), second.scale.size()));
  for (size_t c = 0; c < result.scale.size(); ++c) {
    result.scale[c] = first.scale_at(c) * second.scale_at(c);
  }
  // A shift is uniform only if everything it is made of is.
  const bool scales_first_shift = first.has_shift();
  result.shift.resize(
      std::max({first.shift.size(), second.shift.size(),
                scales_first_shift ? second.scale.size() : size_t{1}}));
  for (size_t c = 0; c < result.shift.size(); ++c) {
    result.shift[c] =
        (scales_first_shift ? second.scale_at(c) * first.shift_at(c) : 0.0) +
        second.shift_at(c);
  }
  return result.is_finite() ? std::optional(result) : std::nullopt;
}

std::optional<Affine> ReadAffineChain(Editor& editor, NodeId last) {
  std::optional<Affine> chain = ReadAffine(editor, last);
  if (!chain) return std::nullopt;
  for (;;) {
    const NodeId before = editor.Producer(chain->data);
    if (before == kNoNode || editor.SoleReader(chain->data) == kNoNode) break;
    const std::optional<Affine> first = ReadAffine(editor, before);
    if (!first) break;
    std::optional<Affine> longer = Compose(*first, *chain);
    if (!longer) break;
    chain = std::move(longer);
  }
  return chain;
}

}  // namespace squint
