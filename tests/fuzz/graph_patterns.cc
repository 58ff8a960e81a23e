// What optimizer passes and absorption look for, around a random value.
#include <array>

#include "graph_maker.h"

namespace squint {
namespace {

using Pattern = ValueId (*)(GraphMaker& maker, ValueId x, const Dims& dims);
using List = std::vector<int64_t>;

ValueId Unary(GraphMaker& m, ValueId x, const Dims&) {
  constexpr std::array<std::string_view, 12> kTypes = {
      "Relu", "Sigmoid", "Tanh",    "Identity", "Neg",   "Abs",
      "Clip", "Erf",     "Dropout", "Softmax",  "Floor", "HardSwish"};
  return m.Add(m.choices.OneOf(kTypes), {x});
}

// One number, one a channel (axis 1 or the last), or a whole tensor.
Dims OperandDims(GraphMaker& m, const Dims& dims) {
  const int64_t kind = m.choices.Int(0, 4);
  if (kind == 0 || dims.empty()) return {};
  if (kind == 1) return {1};
  if (kind == 2) return {dims.back()};
  if (kind == 3) return dims;
  Dims channels(dims.size(), 1);
  const size_t axis = dims.size() > 1 ? 1 : 0;
  channels[axis] = dims[axis];
  return channels;
}

ValueId Arithmetic(GraphMaker& m, ValueId x, const Dims& dims) {
  constexpr std::array<std::string_view, 8> kTypes = {
      "Mul", "Add", "Sub", "Div", "Max", "Min", "Pow", "Mul"};
  const std::string_view type = m.choices.OneOf(kTypes);
  const bool other = m.choices.Rarely(64);
  ValueId y = other ? m.Pick() : m.Reals(OperandDims(m, dims), 0.5f, 2.0f);
  if (m.choices.Rarely(64)) std::swap(x, y);
  return m.Add(type, {x, y});
}

ValueId Convolution(GraphMaker& m, ValueId x, const Dims& dims) {
  if (dims.size() < 3) return kNoValue;
  const bool depthwise = m.choices.Coin();
  const bool transposed = m.choices.Rarely(64);
  const int64_t out = depthwise ? dims[1] : m.choices.Int(1, 4);
  Dims weight = {depthwise || transposed ? dims[1] : out,
                 depthwise ? 1 : (transposed ? out : dims[1])};
  List pads;
  for (size_t i = 2; i < dims.size(); ++i) {
    weight.push_back(m.choices.Int(1, 3));
  }
  for (size_t i = 0; i < 2 * (dims.size() - 2); ++i) {
    pads.push_back(m.choices.Int(0, 1));
  }
  std::vector<ValueId> inputs = {x, m.Reals(weight, -0.5f, 0.5f)};
  if (m.choices.Coin()) inputs.push_back(m.Reals({out}));
  return m.Add(transposed ? "ConvTranspose" : "Conv", std::move(inputs),
               {{"group", depthwise ? dims[1] : int64_t{1}},
                {"pads", pads},
                {"strides", List(dims.size() - 2, m.choices.Int(1, 2))}});
}

ValueId Normalization(GraphMaker& m, ValueId x, const Dims& dims) {
  if (dims.size() < 2) return kNoValue;
  if (m.choices.Coin()) {
    const Dims c = {dims.back()};
    return m.Add("LayerNormalization", {x, m.Reals(c, 0.5f, 2.0f), m.Reals(c)});
  }
  const Dims c = {dims[1]};
  const ValueId normal =
      m.Add("BatchNormalization", {x, m.Reals(c, 0.5f, 2.0f), m.Reals(c),
                                   m.Reals(c), m.Reals(c, 0.1f, 2.0f)});
  return normal;
}

ValueId Product(GraphMaker& m, ValueId x, const Dims& dims) {
  if (dims.empty()) return kNoValue;
  const int64_t n = m.choices.Int(1, 4);
  const bool transposed = m.choices.Coin();
  const Dims weight = transposed ? Dims{n, dims.back()} : Dims{dims.back(), n};
  if (dims.size() == 2 && m.choices.Coin()) {
    std::vector<ValueId> inputs = {x, m.Reals(weight)};
    if (m.choices.Coin()) inputs.push_back(m.Reals({n}));
    return m.Add("Gemm", std::move(inputs),
                 {{"transB", int64_t{transposed}},
                  {"alpha", m.choices.Coin() ? 1.0f : 0.5f}});
  }
  const ValueId product = m.Add("MatMul", {x, m.Reals({dims.back(), n})});
  if (product == kNoValue || m.choices.Coin()) return product;
  return m.Add("Add", {product, m.Reals({n})});
}

ValueId Transposed(GraphMaker& m, ValueId x, const Dims& dims) {
  List perm(dims.size());
  for (size_t i = 0; i < perm.size(); ++i) perm[i] = static_cast<int64_t>(i);
  for (size_t i = 1; i < perm.size(); ++i) {
    std::swap(perm[i], perm[m.choices.Index(i + 1)]);
  }
  return m.Add("Transpose", {x}, {{"perm", perm}});
}

ValueId Reshaped(GraphMaker& m, ValueId x, const Dims& dims) {
  switch (m.choices.Int(0, 4)) {
    case 0:
      return m.Add("Flatten", {x}, {{"axis", m.choices.Int(0, 2)}});
    case 1:
      return m.Add("Unsqueeze", {x, m.Ints({m.choices.Int(-2, 2)})});
    case 2:
      return m.Add("Squeeze", {x});
    case 3: {
      List shape(dims.begin(), dims.end());
      if (!shape.empty()) m.choices.Coin() ? shape[0] = 0 : shape.back() = -1;
      return m.Add("Reshape", {x, m.Ints(shape)});
    }
    default:
      return m.Add("Reshape", {x, m.Ints({m.choices.Int(1, 4), -1})});
  }
}

ValueId Moved(GraphMaker& m, ValueId x, const Dims& dims) {
  const auto rank = static_cast<int64_t>(dims.size());
  if (rank == 0) return kNoValue;
  const int64_t axis = m.choices.Int(0, rank - 1);
  switch (m.choices.Int(0, 4)) {
    case 0:
      return m.Add("Concat", {x, m.choices.Coin() ? m.Pick() : x},
                   {{"axis", axis}});
    case 1:
      return m.Add("Slice", {x, m.Ints({m.choices.Int(-2, 1)}),
                             m.Ints({m.choices.Int(1, 6)}), m.Ints({axis}),
                             m.Ints({m.choices.Int(1, 2)})});
    case 2:
      return m.Add("Gather", {x, m.Ints({m.choices.Int(-1, 1), 0})},
                   {{"axis", axis}});
    case 3: {
      List pads(static_cast<size_t>(2 * rank));
      for (int64_t& pad : pads) pad = m.choices.Int(0, 2) - m.choices.Int(0, 1);
      return m.Add("Pad", {x, m.Ints(pads)});
    }
    default: {
      List repeats(static_cast<size_t>(rank), 1);
      repeats[static_cast<size_t>(axis)] = 2;
      return m.Add("Tile", {x, m.Ints(repeats)});
    }
  }
}

ValueId Reduced(GraphMaker& m, ValueId x, const Dims& dims) {
  const auto rank = static_cast<int64_t>(dims.size());
  if (rank == 0) return kNoValue;
  constexpr std::array<std::string_view, 5> kTypes = {
      "ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceL2"};
  List axes = {m.choices.Int(-rank, rank - 1)};
  if (m.choices.Coin() && rank == 4) axes = {2, 3};
  return m.Add(m.choices.OneOf(kTypes), {x, m.Ints(axes)},
               {{"keepdims", m.choices.Int(0, 1)}});
}

ValueId Pooled(GraphMaker& m, ValueId x, const Dims& dims) {
  if (dims.size() < 3) return kNoValue;
  if (m.choices.Coin()) return m.Add("GlobalAveragePool", {x});
  const size_t axes = dims.size() - 2;
  return m.Add(m.choices.Coin() ? "MaxPool" : "AveragePool", {x},
               {{"kernel_shape", List(axes, 2)},
                {"pads", List(2 * axes, m.choices.Int(0, 1))},
                {"count_include_pad", m.choices.Int(0, 1)},
                {"ceil_mode", m.choices.Int(0, 1)}});
}

// What exporters write out: x * sigmoid(x), GELU, HardSwish, LayerNorm.
ValueId WrittenOut(GraphMaker& m, ValueId x, const Dims&) {
  const auto number = [&](float value) {
    return m.Constant(Tensor::Scalar<float>(value));
  };
  switch (m.choices.Int(0, 3)) {
    case 0:
      return m.Add("Mul", {x, m.Add("Sigmoid", {x})});
    case 1: {
      const ValueId erf =
          m.Add("Erf", {m.Add("Div", {x, number(1.41421356f)})});
      const ValueId half = m.Add("Mul", {x, number(0.5f)});
      return m.Add("Mul", {half, m.Add("Add", {erf, number(1.0f)})});
    }
    case 2: {
      const ValueId clip = m.Add(
          "Clip", {m.Add("Add", {x, number(3.0f)}), number(0), number(6.0f)});
      return m.Add("Div", {m.Add("Mul", {x, clip}), number(6.0f)});
    }
    default: {
      const ValueId mean = m.Add("ReduceMean", {x, m.Ints({-1})});
      const ValueId centred = m.Add("Sub", {x, mean});
      const ValueId square = m.Add("Pow", {centred, number(2.0f)});
      const ValueId variance = m.Add("ReduceMean", {square, m.Ints({-1})});
      const ValueId deviation =
          m.Add("Sqrt", {m.Add("Add", {variance, number(1e-2f)})});
      return m.Add("Div", {centred, deviation});
    }
  }
}

ValueId ShapeChain(GraphMaker& m, ValueId x, const Dims& dims) {
  const ValueId shape = m.Add("Shape", {x});
  if (shape == kNoValue || dims.empty()) return kNoValue;
  const ValueId first = m.Add("Gather", {shape, m.Ints({0})});
  const ValueId target =
      m.Add("Concat", {first, m.Ints({-1})}, {{"axis", int64_t{0}}});
  return target == kNoValue ? kNoValue : m.Add("Reshape", {x, target});
}

}  // namespace

void AddPattern(GraphMaker& maker) {
  constexpr std::array<Pattern, 12> kPatterns = {
      Unary,    Arithmetic, Convolution, Normalization, Product,    Transposed,
      Reshaped, Moved,      Reduced,     Pooled,        WrittenOut, ShapeChain};
  const Pattern pattern = maker.choices.OneOf(kPatterns);
  const ValueId x = maker.Pick();
  const Dims dims = maker.DimsOf(x);
  pattern(maker, x, dims);
}

}  // namespace squint
