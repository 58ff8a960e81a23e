// Layers as quantizers leave them: operands that come from DQ, results that go
// through Q and DQ. What lowering to integers turns into integer kernels, in
// sizes of whole and of ragged tiles.
#include <algorithm>
#include <array>

#include "graph_maker.h"

namespace squint {
namespace {

using List = std::vector<int64_t>;

constexpr std::array<int64_t, 12> kChannels = {1,  2,  3,  4,  5,  8,
                                               12, 16, 17, 31, 32, 33};

// Scale and zero point of a tensor.
struct Grid {
  ValueId scale = kNoValue;
  ValueId zero_point = kNoValue;
};

Grid NewGrid(GraphMaker& m) {
  const bool is_signed = m.choices.Coin();
  const int64_t zero = m.choices.Int(0, 255) - (is_signed ? 128 : 0);
  return {m.Reals({}, 0.01f, 0.2f),
          m.Constant(Tensor::Scalar<int64_t>(zero).CastTo(
              is_signed ? DType::kInt8 : DType::kUint8))};
}

ValueId Rounded(GraphMaker& m, ValueId x, const Grid& grid) {
  const ValueId stored =
      m.Add("QuantizeLinear", {x, grid.scale, grid.zero_point});
  return m.Add("DequantizeLinear", {stored, grid.scale, grid.zero_point});
}

// The grid of a value that comes from DQ with one scale and a zero point.
Grid GridOf(const GraphMaker& m, ValueId x) {
  if (x == kNoValue) return {};
  const NodeId producer = m.graph.value(x).producer;
  if (producer == kNoNode) return {};
  const Node& node = m.graph.node(producer);
  const bool plain = node.Is("DequantizeLinear") && node.has_input(2) &&
                     m.TensorOf(node.input(1)).size() == 1;
  return plain ? Grid{node.input(1), node.input(2)} : Grid{};
}

ValueId OnAGrid(GraphMaker& m, ValueId x) {
  return GridOf(m, x).scale != kNoValue ? x : Rounded(m, x, NewGrid(m));
}

// A value made so far with one axis for channels and one or two for places, or
// a new one.
ValueId PickImage(GraphMaker& m) {
  const ValueId x = m.Pick();
  const size_t rank = m.DimsOf(x).size();
  if ((rank == 3 || rank == 4) && !m.choices.Rarely(64)) return OnAGrid(m, x);
  Dims dims = {m.choices.Int(1, 2), m.choices.OneOf(kChannels)};
  const int64_t axes = m.choices.Rarely(48) ? 1 : 2;
  for (int64_t i = 0; i < axes; ++i) dims.push_back(m.choices.Int(1, 7));
  return OnAGrid(m, m.Input(Ramp(dims, -2, 2, 1)));
}

// int8, with one scale or one for each index of `axis`; or uint8 around 128.
struct Weights {
  ValueId reals = kNoValue;
  ValueId scale = kNoValue;
};

Weights MakeWeights(GraphMaker& m, const Dims& dims, size_t axis) {
  const bool is_signed = !m.choices.Rarely(32);
  const Dims granularity = m.choices.Coin() ? Dims{dims[axis]} : Dims{};
  const int64_t zero = is_signed ? 0 : 128;
  const ValueId scale = m.Reals(granularity, 0.0005f, 0.01f);
  const DType dtype = is_signed ? DType::kInt8 : DType::kUint8;
  const auto shift = static_cast<float>(zero);
  const Tensor stored =
      Ramp(dims, -127.9f + shift, 127.9f + shift, 7).CastTo(dtype);
  Tensor zeros(DType::kInt64, granularity);
  std::fill_n(zeros.mutable_data<int64_t>(), zeros.size(), zero);
  Attributes attributes;
  if (!granularity.empty()) attributes["axis"] = static_cast<int64_t>(axis);
  return {m.Add("DequantizeLinear",
                {m.Constant(stored), scale, m.Constant(zeros.CastTo(dtype))},
                std::move(attributes)),
          scale};
}

// int32 in steps of scale(x) * scale(w), as the formulas have it.
ValueId MakeBias(GraphMaker& m, ValueId x, const Weights& w, int64_t count) {
  const float x_scale = m.TensorOf(GridOf(m, x).scale).ToFloats()[0];
  std::vector<float> scales = m.TensorOf(w.scale).ToFloats();
  for (float& scale : scales) scale *= x_scale;
  const Tensor scale = Tensor::Of<float>(m.DimsOf(w.scale), scales);
  const Tensor steps = Ramp({count}, -3000, 3000, 5).CastTo(DType::kInt32);
  Attributes attributes;
  if (scale.rank() > 0) attributes["axis"] = int64_t{0};
  return m.Add("DequantizeLinear", {m.Constant(steps), m.Constant(scale)},
               std::move(attributes));
}

ValueId Conv(GraphMaker& m, ValueId x, int64_t filters, bool depthwise,
             int64_t kernel) {
  if (GridOf(m, x).scale == kNoValue) return kNoValue;
  const Dims dims = m.DimsOf(x);
  const size_t axes = dims.size() - 2;
  Dims weight = {filters, depthwise ? 1 : dims[1]};
  weight.resize(dims.size(), kernel);
  List pads(2 * axes, (kernel - 1) / 2);
  if (m.choices.Rarely(64)) pads[m.choices.Index(pads.size())] = 2;
  const Weights w = MakeWeights(m, weight, 0);
  std::vector<ValueId> inputs = {x, w.reals};
  if (m.choices.Coin()) inputs.push_back(MakeBias(m, x, w, filters));
  return m.Add("Conv", std::move(inputs),
               {{"group", depthwise ? dims[1] : int64_t{1}},
                {"pads", pads},
                {"strides", List(axes, m.choices.Rarely(64) ? 2 : 1)},
                {"dilations", List(axes, m.choices.Rarely(24) ? 2 : 1)}});
}

ValueId Convolution(GraphMaker& m) {
  const ValueId x = PickImage(m);
  if (x == kNoValue) return kNoValue;
  const bool depthwise = m.choices.Rarely(80);
  const int64_t filters =
      depthwise ? m.DimsOf(x)[1] : m.choices.OneOf(kChannels);
  return Conv(m, x, filters, depthwise, m.choices.Int(1, 3));
}

// x + f(x), or f(x) + x.
ValueId Residual(GraphMaker& m) {
  const ValueId x = PickImage(m);
  if (x == kNoValue) return kNoValue;
  const ValueId y = Conv(m, x, m.DimsOf(x)[1], m.choices.Rarely(48),
                         m.choices.Coin() ? 1 : 3);
  const ValueId branch = Rounded(m, y, NewGrid(m));
  return m.choices.Coin() ? m.Add("Add", {x, branch})
                          : m.Add("Add", {branch, x});
}

ValueId Product(GraphMaker& m) {
  ValueId x = OnAGrid(m, m.Pick());
  if (x == kNoValue || m.DimsOf(x).empty()) return kNoValue;
  if (m.DimsOf(x).size() > 2 && m.choices.Coin()) {
    const Grid grid = GridOf(m, x);
    x = Rounded(m, m.Add("Flatten", {x}), grid);
  }
  const Dims dims = x == kNoValue ? Dims() : m.DimsOf(x);
  if (dims.empty()) return kNoValue;
  const int64_t n = m.choices.OneOf(kChannels);
  const bool is_gemm = dims.size() == 2 && m.choices.Coin();
  const bool transposed = is_gemm && m.choices.Coin();
  const Weights w =
      MakeWeights(m, transposed ? Dims{n, dims.back()} : Dims{dims.back(), n},
                  transposed ? 0 : 1);
  if (!is_gemm) return m.Add("MatMul", {x, w.reals});
  std::vector<ValueId> inputs = {x, w.reals};
  if (m.choices.Coin()) inputs.push_back(MakeBias(m, x, w, n));
  return m.Add("Gemm", std::move(inputs), {{"transB", int64_t{transposed}}});
}

ValueId Elementwise(GraphMaker& m) {
  const ValueId x = OnAGrid(m, m.Pick());
  if (x == kNoValue) return kNoValue;
  Dims dims = m.DimsOf(x);
  if (dims.size() > 2 && m.choices.Coin()) {
    for (size_t i = 2; i < dims.size(); ++i) dims[i] = 1;
  }
  const ValueId y = OnAGrid(m, m.choices.Coin() ? m.Pick() : m.Reals(dims));
  const char* type = m.choices.Coin() ? "Add" : "Mul";
  return m.choices.Coin() ? m.Add(type, {x, y}) : m.Add(type, {y, x});
}

ValueId Table(GraphMaker& m) {
  constexpr std::array<std::string_view, 6> kTypes = {
      "Relu", "Sigmoid", "Tanh", "HardSwish", "LeakyRelu", "Clip"};
  return m.Add(m.choices.OneOf(kTypes), {OnAGrid(m, m.Pick())});
}

// The result mostly keeps the grid of what it is made from.
ValueId Movement(GraphMaker& m) {
  const ValueId x = PickImage(m);
  if (x == kNoValue) return kNoValue;
  const Dims dims = m.DimsOf(x);
  const size_t axes = dims.size() - 2;
  ValueId y = kNoValue;
  switch (m.choices.Int(0, 4)) {
    case 0:
      y = m.Add("MaxPool", {x},
                {{"kernel_shape", List(axes, m.choices.Int(1, 3))},
                 {"pads", List(2 * axes, 0)},
                 {"strides", List(axes, m.choices.Int(1, 2))}});
      break;
    case 1:
      return m.Add("GlobalAveragePool", {x});
    case 2:
      return m.Add("Concat", {x, m.choices.Coin() ? x : OnAGrid(m, m.Pick())},
                   {{"axis", m.choices.Int(0, 3)}});
    case 3:
      return m.Add("AveragePool", {x},
                   {{"kernel_shape", List(axes, m.choices.Int(1, 3))},
                    {"pads", List(2 * axes, 0)},
                    {"count_include_pad", m.choices.Int(0, 1)},
                    {"strides", List(axes, m.choices.Int(1, 2))}});
    default:
      y = m.Add("Transpose", {x},
                {{"perm", axes == 2 ? List{0, 2, 3, 1} : List{0, 2, 1}}});
  }
  return m.choices.Rarely(48) ? y : Rounded(m, y, GridOf(m, x));
}

}  // namespace

void AddQuantizedLayer(GraphMaker& maker) {
  using Layer = ValueId (*)(GraphMaker&);
  constexpr std::array<Layer, 8> kLayers = {Convolution, Convolution, Residual,
                                            Residual,    Product,     Movement,
                                            Elementwise, Table};
  const ValueId y = maker.choices.OneOf(kLayers)(maker);
  if (GridOf(maker, y).scale == kNoValue) Rounded(maker, y, NewGrid(maker));
}

}  // namespace squint
