#include "random_network.h"

#include <algorithm>
#include <array>
#include <functional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "squint/calibrate/calibration.h"
#include "squint/data/dataset.h"
#include "squint/interchange/convert.h"
#include "squint/ops/infer.h"
#include "squint/quantize/quantize.h"

namespace squint {
namespace {

constexpr int64_t kMostElements = 4096;  // of a value

// Kinds of layers of which a network that keeps float keeps one or two so.
constexpr std::array<std::string_view, 12> kFloatTypes = {
    "Add",     "Sub",       "Mul",    "Gemm",
    "Softmax", "Sigmoid",   "Tanh",   "HardSwish",
    "MatMul",  "LeakyRelu", "Concat", "LayerNormalization"};

Tensor Reals(const Dims& dims, std::mt19937& random, float height) {
  std::uniform_real_distribution<float> values(-height, height);
  Tensor tensor(DType::kFloat32, dims);
  for (int64_t i = 0; i < tensor.size(); ++i) {
    tensor.mutable_data<float>()[i] = values(random);
  }
  return tensor;
}

// The type of the activations: 16 bits for two networks in seven.
DType TypeFor(uint32_t seed) {
  switch (seed % 7) {
    case 2:
      return DType::kInt16;
    case 5:
      return DType::kUint16;
    default:
      return DType::kInt8;
  }
}

class Maker {
 public:
  explicit Maker(uint32_t seed)
      : random_(seed),
        is_wide_(TypeFor(seed) != DType::kInt8),
        keeps_float_(KeepsFloat(seed)) {
    graph_.opset[""] = 25;
    Dims dims = {1, Pick(1, 9), Pick(3, 12), Pick(3, 12)};
    if (Pick(0, 4) == 0) dims.pop_back();
    is_chain_ = Pick(0, 2) == 0;
    for (size_t i = 2; is_chain_ && i < dims.size(); ++i) dims[i] += Pick(3, 9);
    x_ = graph_.AddInput("x", DType::kFloat32, Shape::Of(dims));
    images_.push_back(x_);
  }

  Graph Run() {
    const int64_t layers = Pick(2, 9);
    for (int64_t i = 0; i < layers; ++i) AddLayer();
    ValueId last = images_.back();
    if (Pick(0, 2) != 0) last = Head(last);
    graph_.AddOutput(last);
    for (const ValueId id : leaving_) graph_.AddOutput(id);
    if (Pick(0, 5) == 0 && images_.size() > 2 && images_[1] != last) {
      graph_.AddOutput(images_[1]);
    }
    graph_.Compact();
    InferShapes(graph_);
    return std::move(graph_);
  }

 private:
  int64_t Pick(int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(random_);
  }
  Dims DimsOf(ValueId id) const { return *graph_.value(id).shape.values(); }

  ValueId Emit(std::string_view type, std::vector<ValueId> inputs,
               Attributes attributes = {}) {
    const ValueId id = graph_.Emit(type, std::move(inputs), std::string(type),
                                   std::move(attributes));
    InferShapes(graph_);
    return id;
  }
  ValueId Constant(const Dims& dims, float height = 0.5f) {
    return graph_.AddConstant("c", Reals(dims, random_, height));
  }
  ValueId Ints(std::vector<int64_t> values) {
    const Dims dims = {static_cast<int64_t>(values.size())};
    return graph_.AddConstant("i", Tensor::Of<int64_t>(dims, values));
  }

  // There are fewer kinds of layers of 16 bits, and in float.
  using Layer = ValueId (Maker::*)(ValueId);
  Layer Allowed(Layer layer) const {
    if ((is_wide_ || keeps_float_) && layer == &Maker::Upconv) {
      return &Maker::Product;
    }
    const bool pool = layer == &Maker::MaxPool || layer == &Maker::Average;
    return keeps_float_ && pool ? &Maker::Table : layer;
  }

  // Of a chain, as the first layers of an image network are.
  void AddLink() {
    static constexpr std::array kLinks = {
        &Maker::Conv,    &Maker::Depthwise, &Maker::Depthwise, &Maker::Point,
        &Maker::Point,   &Maker::Residual,  &Maker::Block,     &Maker::Block,
        &Maker::MaxPool, &Maker::Average,   &Maker::Table,     &Maker::Shift,
        &Maker::Shortcut};
    const Layer link = Allowed(kLinks[static_cast<size_t>(
        Pick(0, static_cast<int64_t>(kLinks.size()) - 1))]);
    const ValueId made = (this->*link)(images_.back());
    if (made == kNoValue) return;
    if (ElementCount(DimsOf(made)) <= kMostElements) images_.push_back(made);
  }

  void AddLayer() {
    if (is_chain_) return AddLink();
    static constexpr std::array kLayers = {
        &Maker::Conv,   &Maker::Conv,     &Maker::Depthwise, &Maker::Residual,
        &Maker::Shift,  &Maker::Gate,     &Maker::MaxPool,   &Maker::Average,
        &Maker::Join,   &Maker::Table,    &Maker::Pad,       &Maker::Upsample,
        &Maker::Turn,   &Maker::Cut,      &Maker::Conv,      &Maker::Product,
        &Maker::Upconv, &Maker::Normalize};
    const Layer layer = Allowed(kLayers[static_cast<size_t>(
        Pick(0, static_cast<int64_t>(kLayers.size()) - 1))]);
    const ValueId from = images_[static_cast<size_t>(
        Pick(std::max<int64_t>(0, static_cast<int64_t>(images_.size()) - 3),
             static_cast<int64_t>(images_.size()) - 1))];
    const ValueId made = (this->*layer)(from);
    if (made == kNoValue) return;
    if (ElementCount(DimsOf(made)) <= kMostElements) images_.push_back(made);
  }

  // [count] times the same for each spatial axis.
  std::vector<int64_t> Each(ValueId id, int64_t value) const {
    return std::vector<int64_t>(DimsOf(id).size() - 2, value);
  }

  ValueId Window(ValueId x, int64_t filters, int64_t groups) {
    const Dims dims = DimsOf(x);
    Dims weight = {filters, dims[1] / groups};
    std::vector<int64_t> pads;
    const int64_t dilation = Pick(1, 6) == 1 ? 2 : 1;
    for (size_t axis = 2; axis < dims.size(); ++axis) {
      const int64_t most = (dims[axis] - 1) / dilation + 1;
      weight.push_back(Pick(1, std::min<int64_t>(most, 4)));
      pads.push_back(Pick(0, weight.back() - 1));
    }
    pads.insert(pads.end(), pads.begin(), pads.end());
    std::vector<ValueId> inputs = {x, Constant(weight)};
    if (Pick(0, 3) != 0) inputs.push_back(Constant({filters}));
    return Emit("Conv", std::move(inputs),
                {{"pads", pads},
                 {"group", groups},
                 {"dilations", Each(x, dilation)},
                 {"strides", Each(x, Pick(1, 2))}});
  }
  ValueId Conv(ValueId x) {
    const int64_t channels = DimsOf(x)[1];
    const int64_t groups = channels % 2 == 0 && Pick(0, 4) == 0 ? 2 : 1;
    const ValueId made = Window(x, groups * Pick(1, 8), groups);
    return Pick(0, 1) == 0 ? made : Emit("Relu", {made});
  }
  ValueId Depthwise(ValueId x) {
    const int64_t channels = DimsOf(x)[1];
    return Window(x, channels, channels);
  }
  ValueId Upconv(ValueId x) {
    const int64_t channels = DimsOf(x)[1];
    const int64_t groups = channels % 2 == 0 && Pick(0, 3) == 0 ? 2 : 1;
    Dims weight = {channels, Pick(1, 5)};
    for (size_t i = 0; i < SizesOf(x).size(); ++i) weight.push_back(Pick(1, 3));
    std::vector<ValueId> inputs = {x, Constant(weight)};
    if (Pick(0, 2) != 0) inputs.push_back(Constant({groups * weight[1]}));
    return Emit("ConvTranspose", std::move(inputs),
                {{"group", groups}, {"strides", Each(x, Pick(1, 2))}});
  }
  ValueId Normalize(ValueId x) {
    const Dims dims = DimsOf(x);
    const int64_t axis = Pick(1, 2);
    const Dims row(dims.begin() + axis, dims.end());
    std::vector<ValueId> inputs = {x, Constant(row, 2.0f)};
    if (Pick(0, 2) != 0) inputs.push_back(Constant(row));
    return Emit("LayerNormalization", std::move(inputs), {{"axis", axis}});
  }
  // Of a 1x1 convolution.
  Dims PointWeight(ValueId x, int64_t filters) const {
    Dims weight = {filters, DimsOf(x)[1]};
    weight.resize(DimsOf(x).size(), 1);
    return weight;
  }
  ValueId Residual(ValueId x) {
    const int64_t channels = DimsOf(x)[1];
    const ValueId y = Emit("Conv", {x, Constant(PointWeight(x, channels))});
    return Emit(Pick(0, 3) == 0 ? "Sub" : "Add", {x, y});
  }
  ValueId Point(ValueId x) {
    return Emit("Conv", {x, Constant(PointWeight(x, Pick(1, 12)))});
  }
  // Its branch sees more of the image than is added to it.
  ValueId Block(ValueId x) {
    const Dims dims = DimsOf(x);
    for (const int64_t size : SizesOf(x)) {
      if (size < 3) return kNoValue;
    }
    const Dims weight = [&] {
      Dims w = {dims[1], dims[1]};
      w.resize(dims.size(), 3);
      return w;
    }();
    const std::vector<int64_t> pads(2 * SizesOf(x).size(), 1);
    const ValueId y = Emit("Conv", {x, Constant(weight)}, {{"pads", pads}});
    return Emit("Add", {Emit("Relu", {y}), x});
  }
  // Half of the pixels, with more channels, beside a convolution.
  ValueId Shortcut(ValueId x) {
    const Dims dims = DimsOf(x);
    std::vector<int64_t> pads(2 * dims.size());
    pads[1] = Pick(0, 2);
    pads[dims.size() + 1] = Pick(0, 2);
    std::vector<int64_t> starts, ends, axes, steps;
    for (size_t axis = 2; axis < dims.size(); ++axis) {
      starts.push_back(0);
      ends.push_back(dims[axis]);
      axes.push_back(static_cast<int64_t>(axis));
      steps.push_back(2);
    }
    const ValueId part =
        Emit("Slice", {x, Ints(starts), Ints(ends), Ints(axes), Ints(steps)});
    const ValueId wide = Emit("Pad", {part, Ints(pads)});
    const ValueId y =
        Emit("Conv", {x, Constant(PointWeight(x, DimsOf(wide)[1]))},
             {{"strides", Each(x, 2)}});
    return Emit("Add", {wide, y});
  }
  // By a number for each channel.
  ValueId Shift(ValueId x) {
    Dims dims(DimsOf(x).size() - 1, 1);
    dims[0] = DimsOf(x)[1];
    static constexpr std::array<std::string_view, 3> kTypes = {"Add", "Sub",
                                                               "Mul"};
    return Emit(kTypes[static_cast<size_t>(Pick(0, 2))], {x, Constant(dims)});
  }
  ValueId Gate(ValueId x) {
    const ValueId mean = Emit("GlobalAveragePool", {x});
    return Emit("Mul", {x, Emit("Sigmoid", {mean})});
  }
  ValueId MaxPool(ValueId x) {
    for (const int64_t size : SizesOf(x)) {
      if (size < 2) return kNoValue;
    }
    return Emit(
        "MaxPool", {x},
        {{"kernel_shape", Each(x, 2)}, {"strides", Each(x, Pick(1, 2))}});
  }
  ValueId Average(ValueId x) {
    for (const int64_t size : SizesOf(x)) {
      if (size < 3) return kNoValue;
    }
    const int64_t pad = Pick(0, 1);
    return Emit("AveragePool", {x},
                {{"kernel_shape", Each(x, 3)},
                 {"pads", std::vector<int64_t>(2 * SizesOf(x).size(), pad)},
                 {"count_include_pad", Pick(0, 1)},
                 {"strides", Each(x, Pick(1, 2))}});
  }
  Dims SizesOf(ValueId x) const {
    const Dims dims = DimsOf(x);
    return Dims(dims.begin() + 2, dims.end());
  }
  ValueId Join(ValueId x) {
    const ValueId other =
        Emit("Conv", {x, Constant(PointWeight(x, Pick(1, 4)))});
    return Emit("Concat", {x, Emit("Tanh", {other})}, {{"axis", int64_t{1}}});
  }
  ValueId Table(ValueId x) {
    static constexpr std::array<std::string_view, 4> kTables = {
        "HardSwish", "Sigmoid", "LeakyRelu", "Tanh"};
    return Emit(kTables[static_cast<size_t>(Pick(0, 3))], {x});
  }
  ValueId Pad(ValueId x) {
    std::vector<int64_t> pads = {0, 0};
    for (size_t i = 0; i < SizesOf(x).size(); ++i) pads.push_back(Pick(0, 2));
    pads.insert(pads.end(), pads.begin(), pads.end());
    return Emit("Pad", {x, Ints(pads)});
  }
  ValueId Upsample(ValueId x) {
    std::vector<float> scales(DimsOf(x).size(), 1.0f);
    for (size_t i = 2; i < scales.size(); ++i) scales[i] = 2.0f;
    const Dims dims = {static_cast<int64_t>(scales.size())};
    const ValueId factors =
        graph_.AddConstant("scales", Tensor::Of<float>(dims, scales));
    return Emit("Resize", {x, kNoValue, factors},
                {{"mode", std::string("nearest")},
                 {"coordinate_transformation_mode", std::string("asymmetric")},
                 {"nearest_mode", std::string("floor")}});
  }
  ValueId Turn(ValueId x) {
    std::vector<int64_t> perm = {0, 1, 3, 2};
    if (DimsOf(x).size() == 3) perm = {0, 2, 1};
    return Emit("Transpose", {x}, {{"perm", perm}});
  }
  ValueId Cut(ValueId x) {
    const int64_t size = DimsOf(x)[2];
    if (size < 2) return kNoValue;
    return Emit("Slice", {x, Ints({Pick(0, 1)}), Ints({size}), Ints({2})});
  }
  // Of two computed matrices.
  ValueId Product(ValueId x) {
    std::vector<int64_t> perm = {0, 1, 3, 2};
    if (DimsOf(x).size() == 3) perm = {0, 2, 1};
    const ValueId turned = Emit("Transpose", {x}, {{"perm", perm}});
    return Emit("MatMul", {x, turned});
  }
  // The states before the first pixel come from outside and, at times, those
  // behind the last one leave the network.
  void GiveStates(Node& node, const Dims& dims) {
    const bool lstm = node.op_type == "LSTM";
    node.inputs.push_back(kNoValue);
    node.inputs.push_back(
        graph_.AddInput("h", DType::kFloat32, Shape::Of(dims)));
    if (lstm) {
      node.inputs.push_back(
          graph_.AddInput("c", DType::kFloat32, Shape::Of(dims)));
    }
    if (Pick(0, 1) == 0) return;
    for (size_t i = 1; i < (lstm ? 3 : 2); ++i) {
      if (i < node.outputs.size() && node.outputs[i] != kNoValue) continue;
      node.outputs.resize(std::max(node.outputs.size(), i + 1), kNoValue);
      node.outputs[i] = graph_.AddValue(i == 1 ? "h_out" : "c_out");
      leaving_.push_back(node.outputs[i]);
    }
  }
  // The pixels one after the other through an LSTM or GRU; its states as a row.
  ValueId Recurrent(ValueId x) {
    const bool lstm = Pick(0, 1) == 0;
    const int64_t directions = Pick(1, 2);
    const int64_t hidden = Pick(1, 9);
    const int64_t width = (lstm ? 4 : 3) * hidden;
    const ValueId rows = Emit("Reshape", {x, Ints({1, DimsOf(x)[1], -1})});
    const ValueId turned =
        Emit("Transpose", {rows}, {{"perm", std::vector<int64_t>{2, 0, 1}}});
    const int64_t channels = DimsOf(turned)[2];
    Node node;
    node.op_type = lstm ? "LSTM" : "GRU";
    node.name = "recurrent";
    node.inputs = {turned, Constant({directions, width, channels}),
                   Constant({directions, width, hidden}),
                   Constant({directions, 2 * width})};
    node.Set("hidden_size", hidden);
    if (directions == 2) node.Set("direction", std::string("bidirectional"));
    if (!lstm) node.Set("linear_before_reset", Pick(0, 1));
    const ValueId states = graph_.AddValue("states");
    const ValueId last = graph_.AddValue("last");
    const bool all = Pick(0, 1) == 0;
    node.outputs = {all ? states : kNoValue, all ? kNoValue : last};
    const bool given = Pick(0, 2) == 0;
    if (given) GiveStates(node, {directions, 1, hidden});
    graph_.AddNode(std::move(node));
    InferShapes(graph_);
    return Emit("Reshape", {all ? states : last, Ints({1, -1})});
  }
  ValueId Head(ValueId x) {
    constexpr int64_t kMostSteps = 40;
    ValueId flat = kNoValue;
    if (!is_wide_ && !keeps_float_ && Pick(0, 2) == 0 &&
        ElementCount(SizesOf(x)) <= kMostSteps) {
      flat = Recurrent(x);
    } else if (Pick(0, 1) == 0) {
      const bool largest = !keeps_float_ && DimsOf(x)[1] % 2 == 0;
      flat = Emit("Flatten",
                  {Emit(largest ? "GlobalMaxPool" : "GlobalAveragePool", {x})});
    } else {
      flat = Emit("Flatten", {x});
    }
    const int64_t classes = Pick(1, 10);
    const ValueId scores =
        Emit("Gemm",
             {flat, Constant({classes, DimsOf(flat)[1]}), Constant({classes})},
             {{"transB", int64_t{1}}});
    return Pick(0, 1) == 0 ? scores : Emit("Softmax", {scores});
  }

  std::mt19937 random_;
  Graph graph_;
  ValueId x_ = kNoValue;
  std::vector<ValueId> images_;
  std::vector<ValueId> leaving_;  // states that become outputs
  bool is_chain_ = false;
  bool is_wide_;      // numbers of 16 bits
  bool keeps_float_;  // in some layers, and in what stands between them
};

class Noise : public Dataset {
 public:
  Noise(const Graph& graph, uint32_t seed) : graph_(graph), seed_(seed) {}
  int64_t size() const override { return 3; }
  Sample Get(int64_t index) const override {
    Sample sample;
    sample.index = index;
    sample.id = sample.hash = std::to_string(index);
    sample.inputs = RandomInputs(graph_, seed_ + static_cast<uint32_t>(index));
    return sample;
  }
  bool has_labels() const override { return false; }
  std::string description() const override { return "noise"; }

 private:
  const Graph& graph_;
  uint32_t seed_;
};

}  // namespace

bool KeepsFloat(uint32_t seed) { return seed % 9 == 4; }

std::vector<Tensor> RandomInputs(const Graph& graph, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<Tensor> inputs;
  for (const ValueId id : graph.inputs()) {
    // States are below one.
    const float height = inputs.empty() ? 2.0f : 0.9f;
    inputs.push_back(Reals(*graph.value(id).shape.values(), random, height));
  }
  return inputs;
}

Graph RandomNetwork(uint32_t seed) {
  Graph graph = Maker(seed).Run();
  Recipe recipe;
  recipe.target = "edge";
  recipe.activations = TypeFor(seed);
  if (KeepsFloat(seed)) {
    for (const size_t i : {size_t{seed}, seed / kFloatTypes.size()}) {
      recipe.exclude_types.emplace_back(kFloatTypes[i % kFloatTypes.size()]);
    }
  }
  if (seed % 4 == 0) {
    recipe.weights = DType::kInt4;
    recipe.edges_8_bits = seed % 8 == 0;
  }
  PrepareForRecipe(graph, recipe);
  const Noise data(graph, seed);
  CalibrateOptions options;
  for (int64_t i = 0; i < data.size(); ++i) options.samples.push_back(i);
  options.values = ValuesToCalibrate(graph, recipe);
  const Calibration calibration = Calibrate(graph, data, options);
  Graph quantized = Quantize(graph, &calibration, recipe).graph;
  MakeActivationsSigned(quantized);
  return quantized;
}

}  // namespace squint
