// Rounding with feedback, from its arithmetic to whole networks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "squint/interchange/interchange.h"
#include "squint/ops/infer.h"
#include "squint/ops/interpreter.h"
#include "squint/quantize/feedback_rounding.h"
#include "squint/quantize/input_moments.h"
#include "squint/quantize/quantize.h"
#include "squint/quantize/rounded_weights.h"

namespace squint {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

constexpr size_t kLanes = FeedbackRounding::kLanes;

// The integers of one row at scale 1, and the error that is told.
struct Rounded {
  std::vector<float> integers;
  double error = 0;
};

Rounded RoundRow(const std::vector<float>& moments,
                 const std::vector<float>& row) {
  std::vector<float> weights(row.size() * kLanes);
  std::vector<float> integers(weights.size());
  for (size_t i = 0; i < row.size(); ++i) weights[i * kLanes + 3] = row[i];
  const std::vector<float> scales(kLanes, 1.0f);
  std::vector<double> errors(kLanes, 0.0);
  FeedbackRounding(moments, row.size(), nullptr)
      .Round(weights.data(), scales.data(), 7, integers.data(), errors.data());
  Rounded result{.integers = {}, .error = errors[3]};
  for (size_t i = 0; i < row.size(); ++i) {
    result.integers.push_back(integers[i * kLanes + 3]);
  }
  return result;
}

TEST(FeedbackRounding, IsPlainRoundingWhereInputsAreIndependent) {
  EXPECT_THAT(RoundRow({1, 0, 0, 2}, {0.4f, -1.6f}).integers,
              ElementsAre(0, -2));
}

TEST(FeedbackRounding, MakesUpForWhatWasRoundedBefore) {
  // Equal inputs: only the sum of the weights counts, 0.8.
  const Rounded rounded = RoundRow({1, 1, 1, 1}, {0.4f, 0.4f});
  EXPECT_EQ(rounded.integers[0] + rounded.integers[1], 1);
}

TEST(FeedbackRounding, RoundsTheLargestInputFirst) {
  // It is rounded to 0 by itself; the other makes up for 0.4 * 3.
  EXPECT_THAT(RoundRow({1, 3, 3, 9.1f}, {0.0f, 0.4f}).integers,
              ElementsAre(1, 0));
}

TEST(FeedbackRounding, StaysWithinTheLargestInteger) {
  EXPECT_THAT(RoundRow({1, 0.9f, 0.9f, 1}, {90, 90}).integers, Each(7));
}

TEST(FeedbackRounding, TellsTheErrorUnderDampedMoments) {
  // More columns than a panel of the factorization has.
  constexpr size_t kSize = 70;
  std::vector<float> moments(kSize * kSize);
  std::vector<float> row(kSize);
  for (size_t i = 0; i < kSize; ++i) {
    row[i] = 3 * std::sin(static_cast<float>(i * i));
    for (size_t k = 0; k < kSize; ++k) {
      moments[i * kSize + k] = std::exp(
          -std::fabs(static_cast<float>(i) - static_cast<float>(k)) / 9);
    }
  }
  const Rounded rounded = RoundRow(moments, row);
  double told = 0;
  double nearest = 0;
  for (size_t i = 0; i < kSize; ++i) {
    for (size_t k = 0; k < kSize; ++k) {
      const double h =
          static_cast<double>(moments[i * kSize + k]) + (i == k ? 0.01 : 0.0);
      const auto product = [&](double a, double b) { return a * h * b; };
      told += product(static_cast<double>(row[i] - rounded.integers[i]),
                      static_cast<double>(row[k] - rounded.integers[k]));
      nearest += product(static_cast<double>(row[i] - std::nearbyintf(row[i])),
                         static_cast<double>(row[k] - std::nearbyintf(row[k])));
    }
  }
  EXPECT_NEAR(rounded.error, told, 1e-4 * told);
  EXPECT_LT(told, 0.6 * nearest);
}

// One sample, or several of inputs that nearly agree.
class Samples : public Dataset {
 public:
  explicit Samples(std::vector<Tensor> inputs) : inputs_(std::move(inputs)) {}
  int64_t size() const override { return static_cast<int64_t>(inputs_.size()); }
  Sample Get(int64_t index) const override {
    Sample sample;
    sample.index = index;
    sample.id = sample.hash = std::to_string(index);
    sample.inputs = {inputs_[static_cast<size_t>(index)]};
    return sample;
  }
  bool has_labels() const override { return false; }
  std::string description() const override { return "made"; }

 private:
  std::vector<Tensor> inputs_;
};

TuningData DataOf(std::vector<Tensor> inputs) {
  TuningData data;
  for (size_t i = 0; i < inputs.size(); ++i) {
    data.samples.push_back(static_cast<int64_t>(i));
  }
  data.dataset = std::make_shared<Samples>(std::move(inputs));
  return data;
}

TEST(InputMoments, CountPaddingAsZeros) {
  Graph g;
  const ValueId x = g.AddInput("x", DType::kFloat32, Shape::Of({1, 1, 3}));
  const ValueId w = g.AddConstant("w", Tensor::Of<float>({1, 1, 3}, {1, 1, 1}));
  const ValueId y =
      g.Emit("Conv", {x, w}, "y", {{"pads", std::vector<int64_t>{1, 1}}});
  g.AddOutput(y);
  InferShapes(g);
  const NodeId conv = g.value(y).producer;
  // Rows 0 1 2, 1 2 3 and 2 3 0.
  const InputMoments moments =
      MeasureInputs(g, {conv},
                    DataOf({Tensor::Of<float>({1, 1, 3}, {1, 2, 3})}), {})
          .at(conv);
  EXPECT_EQ(moments.rows, 3);
  EXPECT_THAT(moments.sums, ElementsAre(3, 6, 5));
  EXPECT_THAT(moments.products, ElementsAre(5, 8, 3, 8, 14, 8, 3, 8, 13));
  EXPECT_FLOAT_EQ(moments.Of(0, true)[0], 5.0f / 3 - 1);
}

TEST(InputMoments, AreApartForEachGroup) {
  Graph g;
  const ValueId x = g.AddInput("x", DType::kFloat32, Shape::Of({1, 2, 1, 1}));
  const ValueId w = g.AddConstant("w", Tensor::Of<float>({2, 1, 1, 1}, {1, 1}));
  const ValueId y = g.Emit("Conv", {x, w}, "y", {{"group", int64_t{2}}});
  g.AddOutput(y);
  InferShapes(g);
  const NodeId conv = g.value(y).producer;
  const InputMoments moments =
      MeasureInputs(g, {conv},
                    DataOf({Tensor::Of<float>({1, 2, 1, 1}, {2, 3})}), {})
          .at(conv);
  EXPECT_THAT(moments.products, ElementsAre(4, 9));
}

// A Gemm between two others, whose eight inputs are nearly one number.
struct Agreeing {
  Graph graph;
  TuningData data;

  Agreeing() {
    Graph& g = graph;
    g.opset[""] = 25;
    ValueId value = g.AddInput("x", DType::kFloat32, Shape::Of({1, 1}));
    value = Layer(value, 1, 8, [](int64_t i) { return 1 + 0.01f * Wave(i); });
    value = Layer(value, 8, 6, [](int64_t i) { return Wave(i * i); });
    value = Layer(value, 6, 2, [](int64_t i) { return Wave(i); });
    g.AddOutput(value);
    InferShapes(g);
    std::vector<Tensor> inputs;
    for (int64_t i = 0; i < 16; ++i) {
      inputs.push_back(Tensor::Of<float>({1, 1}, {Wave(i)}));
    }
    data = DataOf(std::move(inputs));
  }

  static float Wave(int64_t i) { return std::sin(static_cast<float>(i + 1)); }

  template <typename F>
  ValueId Layer(ValueId in, int64_t rows, int64_t columns, const F& number) {
    Tensor w(DType::kFloat32, {rows, columns});
    for (int64_t i = 0; i < w.size(); ++i) {
      w.mutable_data<float>()[i] = number(i);
    }
    return graph.Emit("Gemm", {in, graph.AddConstant("w", w)}, "y");
  }

  QuantizeResult Quantized(const Recipe& recipe) const {
    CalibrateOptions options;
    options.samples = data.samples;
    options.values = ValuesToCalibrate(graph, recipe);
    const Calibration calibration = Calibrate(graph, *data.dataset, options);
    return Quantize(graph, &calibration, recipe, {}, &data);
  }

  double SquaredError(const Recipe& recipe) const {
    const Graph quantized = Quantized(recipe).graph;
    double error = 0;
    for (const int64_t i : data.samples) {
      const std::vector<Tensor> inputs = data.dataset->Get(i).inputs;
      const auto real = Interpret(graph, inputs)[0].ToFloats();
      const auto got = Interpret(quantized, inputs)[0].ToFloats();
      for (size_t k = 0; k < real.size(); ++k) {
        error += std::pow(static_cast<double>(real[k] - got[k]), 2);
      }
    }
    return error;
  }
};

Recipe FourBits(bool rounding) {
  Recipe recipe;
  recipe.weights = DType::kInt4;
  recipe.methods["weight-rounding"] = rounding;
  return recipe;
}

TEST(WeightRounding, BringsAFourBitNetworkNearerToTheFloatOne) {
  const Agreeing net;
  EXPECT_LT(net.SquaredError(FourBits(true)),
            net.SquaredError(FourBits(false)) / 4);
}

// Integers of the layers' weights, one layer behind the other.
std::vector<int64_t> WeightIntegers(const Graph& graph) {
  std::vector<int64_t> all;
  for (const NodeId id : graph.order()) {
    if (!graph.node(id).Is("Gemm")) continue;
    const auto some = graph.ConstantOf(graph.node(id).input(1))->ToInts();
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

// Zeros have no feedback and would round otherwise, but are not looked at.
class KeptRoundingTest : public ::testing::Test {
 protected:
  KeptRoundingTest() {
    net_.data.rounded = std::make_shared<RoundedWeights>();
    recipe_.methods["bias-correction"] = false;  // looks at samples, too
  }

  std::vector<int64_t> WithZeros(std::shared_ptr<RoundedWeights> kept) {
    CalibrateOptions options;
    options.samples = net_.data.samples;
    options.values = ValuesToCalibrate(net_.graph, recipe_);
    const Calibration calibration =
        Calibrate(net_.graph, *net_.data.dataset, options);
    TuningData data = DataOf({Tensor::Of<float>({1, 1}, {0.0f})});
    data.rounded = std::move(kept);
    return WeightIntegers(
        Quantize(net_.graph, &calibration, recipe_, {}, &data).graph);
  }

  Agreeing net_;
  Recipe recipe_ = FourBits(true);
};

TEST_F(KeptRoundingTest, IsNotDoneAgain) {
  const auto first = WeightIntegers(net_.Quantized(recipe_).graph);
  EXPECT_EQ(WithZeros(net_.data.rounded), first);
  EXPECT_NE(WithZeros(std::make_shared<RoundedWeights>()), first);
}

TEST_F(KeptRoundingTest, MeasuresInputsOnceForAllFormats) {
  const auto first = WeightIntegers(net_.Quantized(recipe_).graph);
  const auto kept = std::make_shared<RoundedWeights>();
  net_.data.rounded = kept;
  Recipe eight = recipe_;
  eight.weights = DType::kInt8;
  eight.methods["weight-rounding"] = true;
  net_.Quantized(eight);
  EXPECT_EQ(WithZeros(kept), first);
}

// What a layer was rounded to with other bits is another matter.
TEST(WeightRounding, IsKeptApartByBits) {
  Agreeing net;
  Recipe eight = FourBits(true);
  eight.weights = DType::kInt8;
  const auto alone = WeightIntegers(net.Quantized(eight).graph);
  net.data.rounded = std::make_shared<RoundedWeights>();
  net.Quantized(FourBits(true));
  EXPECT_EQ(WeightIntegers(net.Quantized(eight).graph), alone);
}

// Types of the layers' weights, in order.
std::vector<DType> WeightTypes(const Graph& graph) {
  std::vector<DType> types;
  for (const NodeId id : graph.order()) {
    if (graph.node(id).Is("Gemm")) {
      types.push_back(graph.ConstantOf(graph.node(id).input(1))->dtype());
    }
  }
  return types;
}

TEST(FewBits, GiveTheFirstAndTheLastLayerEight) {
  const Agreeing net;
  Recipe recipe = FourBits(false);
  EXPECT_THAT(WeightTypes(net.Quantized(recipe).graph),
              ElementsAre(DType::kInt8, DType::kInt4, DType::kInt8));
  recipe.edges_8_bits = false;
  EXPECT_THAT(WeightTypes(net.Quantized(recipe).graph), Each(DType::kInt4));
}

TEST(FewBits, MayDifferFromLayerToLayer) {
  Agreeing net;
  std::vector<std::string> names;
  for (const NodeId id : net.graph.order()) {
    if (!net.graph.node(id).Is("Gemm")) continue;
    names.push_back(fmt::format("layer{}", names.size()));
    net.graph.node(id).name = names.back();
  }
  Recipe recipe = FourBits(false);
  recipe.layers[names[0]] = {DType::kInt8, 6};
  recipe.layers[names[2]] = FormatOf(DType::kInt16);
  const QuantizeResult result = net.Quantized(recipe);
  EXPECT_THAT(WeightTypes(result.graph),
              ElementsAre(DType::kInt8, DType::kInt4, DType::kInt16));
  EXPECT_THAT(result.notes, testing::Contains(testing::HasSubstr("6 bits")));
}

TEST(FewBits, OfActivationsAreEightWhereTheEdgesRead) {
  const Agreeing net;
  Recipe recipe = FourBits(false);
  recipe.activations = DType::kUint4;
  const auto read_types = [&] {
    const Graph graph = net.Quantized(recipe).graph;
    std::vector<DType> types;
    for (const NodeId id : graph.order()) {
      const Node& node = graph.node(id);
      if (!node.Is("Gemm")) continue;
      types.push_back(graph.value(node.input(0)).quant->dtype);
    }
    return types;
  };
  EXPECT_THAT(read_types(),
              ElementsAre(DType::kUint8, DType::kUint4, DType::kUint8));
  recipe.edges_8_bits = false;
  EXPECT_THAT(read_types(), Each(DType::kUint4));
}

TEST(FewBits, OfAnInt8AreCountedHonestly) {
  const Agreeing net;
  Recipe recipe;
  recipe.weights = DType::kInt8;
  recipe.weight_bits = 6;
  const QuantizeResult result = net.Quantized(recipe);
  int32_t largest = 0;
  for (const NodeId id : result.graph.order()) {
    const Tensor* w = result.graph.ConstantOf(result.graph.node(id).input(1));
    if (w == nullptr || w->dims() != Dims{8, 6}) continue;
    for (const int64_t q : w->ToInts()) {
      largest = std::max(largest, static_cast<int32_t>(std::abs(q)));
    }
  }
  EXPECT_EQ(largest, 31);
  EXPECT_THAT(result.notes,
              testing::Contains(testing::HasSubstr(
                  "48 weights hold 6 bits in a type of 8: 48 bytes that could "
                  "be 36")));
}

TEST(FewBits, MustBeAWholeNumberThatFits) {
  const Agreeing net;
  Recipe recipe;
  recipe.weights = DType::kInt8;
  recipe.weight_bits = 9;
  EXPECT_THROW(net.Quantized(recipe), Error);
}

}  // namespace
}  // namespace squint
