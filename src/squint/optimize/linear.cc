#include "squint/optimize/linear.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace squint {
namespace {

using Kind = Linear::Kind;

std::optional<Kind> KindOf(const Node& node) {
  if (node.Is("Conv")) return Kind::kConv;
  if (node.Is("ConvTranspose")) return Kind::kConvTranspose;
  if (node.Is("Gemm")) return Kind::kGemm;
  if (node.Is("MatMul")) return Kind::kMatMul;
  return std::nullopt;
}

// How a weight's first two axes map to channels:
//   Conv           [out, in / groups]   group of `out` tells which inputs
//   ConvTranspose  [in, out / groups]   group of `in` tells which outputs
//   Gemm, MatMul   [in, out], or [out, in] with transB.
struct WeightView {
  bool out_first = true;
  int64_t dim0 = 1;
  int64_t dim1 = 1;
  int64_t groups = 1;

  // Channel that position (i, j) stands for along the second axis.
  int64_t Second(int64_t i, int64_t j) const {
    return i / (dim0 / groups) * dim1 + j;
  }
  int64_t in(int64_t i, int64_t j) const {
    return out_first ? Second(i, j) : i;
  }
  int64_t out(int64_t i, int64_t j) const {
    return out_first ? i : Second(i, j);
  }
};

WeightView ViewOf(const Node& node, Kind kind, const Tensor& weight) {
  WeightView view;
  view.dim0 = weight.dim(0);
  view.dim1 = weight.dim(1);
  if (kind == Kind::kConv || kind == Kind::kConvTranspose) {
    view.groups = std::max<int64_t>(node.Int("group", 1), 1);
    view.out_first = kind == Kind::kConv;
  } else {
    view.out_first = kind == Kind::kGemm && node.Int("transB", 0) != 0;
  }
  return view;
}

bool ReadBias(const Editor& editor, const Node& node, Linear& linear) {
  linear.bias.assign(static_cast<size_t>(linear.out_channels), 0.0);
  linear.has_bias = node.has_input(2);
  if (!linear.has_bias) return true;
  const Tensor* bias = editor.Constant(node, 2);
  if (bias == nullptr || bias->dtype() != DType::kFloat32) return false;
  // Gemm's C broadcasts: rows of it must all be the same, by shape.
  const bool per_column = bias->size() == linear.out_channels &&
                          (bias->rank() <= 1 || bias->dim(0) == 1);
  if (bias->size() != 1 && !per_column) return false;
  const std::vector<float> values = bias->ToFloats();
  for (size_t c = 0; c < linear.bias.size(); ++c) {
    linear.bias[c] = static_cast<double>(values[values.size() == 1 ? 0 : c]);
  }
  return true;
}

bool SetAxes(const Editor& editor, const Node& node, Linear& linear) {
  if (linear.kind == Kind::kGemm) return node.Int("transA", 0) == 0;
  if (linear.kind != Kind::kMatMul) return true;
  const int rank = editor.Rank(node.input(0));
  linear.in_axis = linear.out_axis = rank - 1;
  return rank >= 2;
}

bool AllFinite(const std::vector<float>& values) {
  return std::all_of(values.begin(), values.end(),
                     [](float x) { return std::isfinite(x); });
}

Attributes WithoutAlphaBeta(Attributes attributes) {
  for (const char* key : {"alpha", "beta"}) {
    if (const auto it = attributes.find(key); it != attributes.end()) {
      attributes.erase(it);
    }
  }
  return attributes;
}

double GemmFactor(const Node& node, Kind kind, const char* key) {
  if (kind != Kind::kGemm) return 1.0;
  return static_cast<double>(node.Float(key, 1.0f));
}

// The weight with every element multiplied by factor(in, out).
template <typename Factor>
std::vector<float> Scaled(const Tensor& weight, const WeightView& view,
                          const Factor& factor) {
  const std::vector<float> old = weight.ToFloats();
  std::vector<float> result(old.size());
  const auto rest = static_cast<size_t>(
      view.dim0 * view.dim1 == 0 ? 0 : weight.size() / (view.dim0 * view.dim1));
  size_t at = 0;
  for (int64_t i = 0; i < view.dim0; ++i) {
    for (int64_t j = 0; j < view.dim1; ++j) {
      const double by = factor(static_cast<size_t>(view.in(i, j)),
                               static_cast<size_t>(view.out(i, j)));
      for (size_t k = 0; k < rest; ++k, ++at) {
        result[at] = static_cast<float>(static_cast<double>(old[at]) * by);
      }
    }
  }
  return result;
}

// For each output channel, the sum over its weights of weight * shift(in).
std::vector<double> ShiftSums(const Tensor& weight, const WeightView& view,
                              const Affine& map, size_t out_channels) {
  const std::vector<float> values = weight.ToFloats();
  std::vector<double> sums(out_channels, 0.0);
  const auto rest =
      static_cast<size_t>(weight.size() / (view.dim0 * view.dim1));
  size_t at = 0;
  for (int64_t i = 0; i < view.dim0; ++i) {
    for (int64_t j = 0; j < view.dim1; ++j) {
      double sum = 0.0;
      for (size_t k = 0; k < rest; ++k) {
        sum += static_cast<double>(values[at++]);
      }
      sums[static_cast<size_t>(view.out(i, j))] +=
          sum * map.shift_at(static_cast<size_t>(view.in(i, j)));
    }
  }
  return sums;
}

// Puts new numbers into the node. No weight: it keeps its own. Empty bias: it
// has none.
bool Store(Editor& editor, const Linear& linear,
           const std::optional<std::vector<float>>& weight,
           const std::vector<float>& bias) {
  if ((weight && !AllFinite(*weight)) || !AllFinite(bias)) return false;
  const Node& node = editor.graph().node(linear.node);
  const Dims dims = editor.Constant(node, 1)->dims();
  if (linear.kind == Kind::kMatMul && !bias.empty()) {
    if (editor.Rank(node.input(0)) != 2) return false;
    editor.Become(linear.node, "Gemm", node.inputs);
  } else if (linear.kind == Kind::kGemm) {
    Node& gemm = editor.graph().node(linear.node);
    gemm.attributes = WithoutAlphaBeta(gemm.attributes);
  }
  if (weight) {
    editor.SetConstant(linear.node, 1, Tensor::Of<float>(dims, *weight));
  }
  if (!bias.empty()) {
    editor.SetConstant(
        linear.node, 2,
        Tensor::Of<float>({static_cast<int64_t>(bias.size())}, bias),
        editor.Name(linear.node) + "_bias");
  }
  return true;
}

}  // namespace

std::optional<Linear> ReadLinear(const Editor& editor, NodeId id) {
  const Node& node = editor.graph().node(id);
  const std::optional<Kind> kind = KindOf(node);
  if (!kind || editor.IsQuantized(node)) return std::nullopt;
  const Tensor* weight = editor.Constant(node, 1);
  if (weight == nullptr || weight->dtype() != DType::kFloat32 ||
      weight->rank() < 2 || weight->bytes() == 0) {
    return std::nullopt;
  }
  const bool matrix = *kind == Kind::kGemm || *kind == Kind::kMatMul;
  if (matrix && weight->rank() != 2) return std::nullopt;
  Linear linear;
  linear.kind = *kind;
  linear.node = id;
  const WeightView view = ViewOf(node, *kind, *weight);
  if (view.dim0 % view.groups != 0) return std::nullopt;
  const int64_t second = view.dim1 * view.groups;
  linear.out_channels = view.out_first ? view.dim0 : second;
  linear.in_channels = view.out_first ? second : view.dim0;
  if (!SetAxes(editor, node, linear) || !ReadBias(editor, node, linear)) {
    return std::nullopt;
  }
  return linear;
}

bool HasPadding(const Editor& editor, const Linear& linear) {
  const Node& node = editor.graph().node(linear.node);
  if (linear.kind == Kind::kGemm || linear.kind == Kind::kMatMul) return false;
  // The border of a transposed convolution is reached by fewer taps.
  if (linear.kind == Kind::kConvTranspose) return true;
  const std::string auto_pad = node.String("auto_pad", "NOTSET");
  if (auto_pad == "VALID") return false;
  if (auto_pad != "NOTSET" && !auto_pad.empty()) return true;
  const std::vector<int64_t> pads = node.Ints("pads");
  return std::any_of(pads.begin(), pads.end(),
                     [](int64_t pad) { return pad != 0; });
}

bool FoldAfter(Editor& editor, const Linear& linear, const Affine& map) {
  const auto channels = static_cast<size_t>(linear.out_channels);
  if (map.channels() > 1 &&
      (map.axis != linear.out_axis || map.channels() != channels)) {
    return false;
  }
  const Node& node = editor.graph().node(linear.node);
  const Tensor& weight = *editor.Constant(node, 1);
  const WeightView view = ViewOf(node, linear.kind, weight);
  const double alpha = GemmFactor(node, linear.kind, "alpha");
  const double beta = GemmFactor(node, linear.kind, "beta");
  std::optional<std::vector<float>> scaled;
  if (alpha != 1.0 || map.has_scale()) {
    scaled = Scaled(weight, view, [&](size_t, size_t out) {
      return alpha * map.scale_at(out);
    });
  }
  std::vector<float> bias;
  if (linear.has_bias || map.has_shift()) {
    for (size_t c = 0; c < channels; ++c) {
      bias.push_back(static_cast<float>(
          beta * linear.bias[c] * map.scale_at(c) + map.shift_at(c)));
    }
  }
  return Store(editor, linear, scaled, bias);
}

bool FoldBefore(Editor& editor, const Linear& linear, const Affine& map,
                bool check_only) {
  if (map.channels() > 1 &&
      (map.axis != linear.in_axis ||
       map.channels() != static_cast<size_t>(linear.in_channels))) {
    return false;
  }
  if (map.has_shift() && HasPadding(editor, linear)) return false;
  const Node& node = editor.graph().node(linear.node);
  if (map.has_shift() && linear.kind == Kind::kMatMul &&
      editor.Rank(node.input(0)) != 2) {
    return false;
  }
  const Tensor& weight = *editor.Constant(node, 1);
  const WeightView view = ViewOf(node, linear.kind, weight);
  const double alpha = GemmFactor(node, linear.kind, "alpha");
  const double beta = GemmFactor(node, linear.kind, "beta");
  const std::vector<double> sums =
      ShiftSums(weight, view, map, static_cast<size_t>(linear.out_channels));
  std::optional<std::vector<float>> scaled;
  if (alpha != 1.0 || map.has_scale()) {
    scaled = Scaled(weight, view, [&](size_t in, size_t) {
      return alpha * map.scale_at(in);
    });
  }
  std::vector<float> bias;
  if (linear.has_bias || map.has_shift()) {
    for (size_t c = 0; c < sums.size(); ++c) {
      bias.push_back(
          static_cast<float>(beta * linear.bias[c] + alpha * sums[c]));
    }
  }
  if (check_only) return (!scaled || AllFinite(*scaled)) && AllFinite(bias);
  return Store(editor, linear, scaled, bias);
}

}  // namespace squint
