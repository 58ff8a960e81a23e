// Tuning blocks by descent, on networks where the right answer is known.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <memory>

#include "squint/base/threads.h"
#include "squint/ops/infer.h"
#include "squint/quantize/block.h"
#include "squint/quantize/block_network.h"
#include "squint/quantize/quantize.h"
#include "squint/quantize/soft_weight.h"

namespace squint {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

Tensor Wave(Dims dims, float step) {
  Tensor tensor(DType::kFloat32, std::move(dims));
  for (int64_t i = 0; i < tensor.size(); ++i) {
    tensor.mutable_data<float>()[i] = std::sin(static_cast<float>(i) * step);
  }
  return tensor;
}

// ---- blocks

class Chain {
 public:
  Chain() {
    last = graph.AddInput("x", DType::kFloat32, Shape::Of({1, 4, 6, 6}));
  }
  ValueId Conv(ValueId x) {
    const ValueId w = graph.AddConstant("w", Wave({4, 4, 1, 1}, 0.7f));
    const ValueId y = graph.Emit("Conv", {x, w}, "y");
    tunable.insert(graph.value(y).producer);
    return y;
  }
  std::vector<TuningBlock> Cut() {
    graph.AddOutput(last);
    return CutIntoBlocks(graph, tunable);
  }

  Graph graph;
  ValueId last;
  std::set<NodeId> tunable;
};

TEST(TuningBlock, HoldsAtMostThreeLayersOfAChain) {
  Chain chain;
  std::vector<ValueId> made;
  for (int i = 0; i < 5; ++i) {
    chain.last = chain.Conv(chain.last);
    chain.last = chain.graph.Emit("Relu", {chain.last}, "r");
    made.push_back(chain.last);
  }
  const std::vector<TuningBlock> blocks = chain.Cut();
  ASSERT_THAT(blocks, SizeIs(2));
  EXPECT_THAT(blocks[0].tuned, SizeIs(3));
  EXPECT_THAT(blocks[0].nodes, SizeIs(6));
  EXPECT_THAT(blocks[0].outputs, ElementsAre(made[2]));
  EXPECT_THAT(blocks[1].inputs, ElementsAre(made[2]));
  EXPECT_THAT(blocks[1].outputs, ElementsAre(made[4]));
}

TEST(TuningBlock, KeepsWhatRunsSideBySideTogether) {
  Chain chain;
  const ValueId x = chain.Conv(chain.last);
  ValueId y = x;
  for (int i = 0; i < 4; ++i) y = chain.Conv(y);
  chain.last = chain.graph.Emit("Add", {x, y}, "sum");
  const std::vector<TuningBlock> blocks = chain.Cut();
  ASSERT_THAT(blocks, SizeIs(2));
  EXPECT_THAT(blocks[1].tuned, SizeIs(4));
  EXPECT_THAT(blocks[1].inputs, ElementsAre(x));
}

TEST(TuningBlock, IsASingleLayerWhereAGradientIsMissing) {
  Chain chain;
  for (int i = 0; i < 2; ++i) {
    chain.last = chain.Conv(chain.last);
    chain.last = chain.graph.Emit("Round", {chain.last}, "r");
  }
  const std::vector<TuningBlock> blocks = chain.Cut();
  ASSERT_THAT(blocks, SizeIs(2));
  EXPECT_THAT(blocks[0].nodes, SizeIs(1));
  EXPECT_THAT(blocks[1].nodes, SizeIs(1));
}

TEST(GraphPart, StartsFromWhatIsKeptAndFromTheInputsThatItNeeds) {
  Graph g;
  const ValueId a = g.AddInput("a", DType::kFloat32, Shape::Of({2}));
  const ValueId b = g.AddInput("b", DType::kFloat32, Shape::Of({2}));
  const ValueId c = g.Emit("Exp", {a}, "c");
  const ValueId d = g.Emit("Mul", {c, b}, "d");
  const ValueId e = g.Emit("Neg", {d}, "e");
  g.AddOutput(e);
  const GraphPart part = PartOf(g, {c}, {d});
  EXPECT_THAT(part.needed, ElementsAre(b, c));
  EXPECT_THAT(part.graph.order(), SizeIs(1));
  EXPECT_THAT(part.graph.outputs(), ElementsAre(d));
}

// ---- one block as a network

TEST(BlockNetwork, DifferentiatesThroughLayersThatRunSideBySide) {
  Chain chain;
  Graph& g = chain.graph;
  const ValueId x = chain.last;
  const ValueId y = g.Emit("Sigmoid", {chain.Conv(x)}, "s");
  chain.last = g.Emit("Add", {chain.Conv(y), y}, "sum");
  const std::vector<TuningBlock> blocks = chain.Cut();
  InferShapes(g);
  ASSERT_THAT(blocks, SizeIs(1));
  const ValueId weight = g.node(blocks[0].tuned[0]).input(1);
  ThreadPool pool(2);
  BlockNetwork network(g, blocks[0], {weight}, {}, pool);
  const Tensor input = Wave({1, 4, 6, 6}, 0.31f);
  const Tensor direction = Wave({1, 4, 6, 6}, 0.53f);
  const Tensor start = Wave({4, 4, 1, 1}, 0.7f);
  const auto scalar = [&](int64_t element, float by) {
    Tensor moved = start.Clone();
    moved.mutable_data<float>()[element] += by;
    network.SetConstant(weight, moved);
    const Tensor out = network.Forward({input}, nullptr)[0];
    double sum = 0;
    for (int64_t i = 0; i < out.size(); ++i) {
      sum += static_cast<double>(out.data<float>()[i]) *
             static_cast<double>(direction.data<float>()[i]);
    }
    return sum;
  };
  scalar(0, 0.0f);
  std::map<ValueId, Tensor> gradients;
  network.Backward({direction}, gradients);
  const Tensor gradient = gradients.at(weight);
  for (const int64_t element : {0, 5, 15}) {
    const double quotient =
        (scalar(element, 1e-2f) - scalar(element, -1e-2f)) / 2e-2;
    EXPECT_NEAR(gradient.data<float>()[element], quotient, 1e-2) << element;
  }
}

TEST(BlockNetwork, LetsGradientsThroughRoundingWithinTheRangeOnly) {
  Graph g;
  const ValueId x = g.AddInput("x", DType::kFloat32, Shape::Of({1, 4}));
  const ValueId b = g.AddConstant("b", Tensor(DType::kFloat32, {4}));
  const ValueId y = g.Emit("Add", {x, b}, "y");
  g.AddOutput(y);
  g.value(y).quant = PerTensor(DType::kUint8, 0.5f, 0);  // [0, 127.5]
  InferShapes(g);
  const TuningBlock block{g.order(), {g.order()[0]}, {x}, {y}};
  ThreadPool pool(1);
  BlockNetwork network(g, block, {b}, {}, pool);
  const Tensor out = network.Forward(
      {Tensor::Of<float>({1, 4}, {-3, 0.6f, 7, 999})}, nullptr)[0];
  EXPECT_THAT(out.ToFloats(), ElementsAre(0, 0.5f, 7, 127.5f));
  std::map<ValueId, Tensor> gradients;
  network.Backward({Tensor::Of<float>({1, 4}, {1, 2, 3, 4})}, gradients);
  EXPECT_THAT(gradients.at(b).ToFloats(), ElementsAre(0, 2, 3, 0));
}

TEST(BlockNetwork, MixesHalfOfEither) {
  ThreadPool pool(2);
  RandomBits bits(7);
  const int64_t count = 20000;
  Tensor ones(DType::kFloat32, {count});
  std::fill_n(ones.mutable_data<float>(), count, 1.0f);
  const Tensor mixed =
      Mixed(ones, Tensor(DType::kFloat32, {count}), bits, pool);
  double sum = 0;
  for (const float v : mixed.values<float>()) sum += static_cast<double>(v);
  EXPECT_NEAR(sum / count, 0.5, 0.02);
}

// ---- one weight

TEST(SoftWeight, StartsAsItIsAndRoundsToNearest) {
  const Tensor real = Tensor::Of<float>({4}, {0.3f, 0.7f, -1.2f, 9.0f});
  const QuantParams params = PerTensor(DType::kInt4, 1.0f, 0);
  SoftWeight weight(real, QuantizeTensor(real, params), params);
  const std::vector<float> soft = weight.weight().ToFloats();
  EXPECT_NEAR(soft[0], 0.3f, 1e-6);
  EXPECT_NEAR(soft[3], 7.0f, 1e-6);  // the end of the grid
  EXPECT_THAT(weight.Integers().ToInts(), ElementsAre(0, 1, -1, 7));
}

TEST(SoftWeight, KeepsToTheBitsThatAreUsed) {
  const Tensor real = Tensor::Of<float>({3}, {31.0f, 30.6f, -31.0f});
  SoftWeight weight(real, Tensor::Of<int8_t>({3}, {31, 31, -31}),
                    PerTensor(DType::kInt8, 1.0f, 0));
  ThreadPool pool(1);
  for (int i = 1; i <= 300; ++i) {
    weight.Step(Tensor::Of<float>({3}, {-1, -1, 1}),
                {.step = i, .rate = 0.05f, .pull = 0, .power = 2}, pool);
  }
  EXPECT_THAT(weight.Integers().ToInts(), ElementsAre(31, 31, -31));
}

TEST(SoftWeight, FollowsItsGradient) {
  SoftWeight weight(Tensor::Of<float>({2}, {0.3f, 0.7f}),
                    Tensor::Of<int8_t>({2}, {0, 1}),
                    PerTensor(DType::kInt8, 1.0f, 0));
  ThreadPool pool(1);
  for (int i = 1; i <= 200; ++i) {
    weight.Step(Tensor::Of<float>({2}, {-1, 1}),
                {.step = i, .rate = 0.05f, .pull = 0, .power = 2}, pool);
  }
  EXPECT_THAT(weight.Integers().ToInts(), ElementsAre(1, 0));
}

// ---- the method

// Rows x * t for the sample's t.
class Rows final : public Dataset {
 public:
  explicit Rows(std::vector<float> row) : row_(std::move(row)) {}
  int64_t size() const override { return 40; }
  Sample Get(int64_t index) const override {
    Tensor x(DType::kFloat32, {1, static_cast<int64_t>(row_.size())});
    for (size_t i = 0; i < row_.size(); ++i) {
      x.mutable_data<float>()[i] =
          row_[i] * (1.0f + 0.1f * static_cast<float>(index));
    }
    Sample sample;
    sample.index = index;
    sample.inputs = {x};
    sample.hash = std::to_string(index);
    return sample;
  }
  bool has_labels() const override { return false; }
  std::string description() const override { return "rows"; }

 private:
  std::vector<float> row_;
};

// One Gemm whose second and third weights both round down alone, although
// their inputs are always equal: one of them should go up.
struct Pair {
  Graph graph;
  TuningData data;
  Recipe recipe;
  Calibration calibration;

  Pair() {
    const ValueId x = graph.AddInput("x", DType::kFloat32, Shape::Of({1, 3}));
    const ValueId w = graph.AddConstant(
        "w", Tensor::Of<float>({3, 1}, {127.0f, 0.4f, 0.45f}));
    const ValueId b = graph.AddConstant("b", Tensor(DType::kFloat32, {1}));
    graph.AddOutput(graph.Emit("Gemm", {x, w, b}, "y"));
    graph.opset[""] = 21;
    InferShapes(graph);
    data.dataset = std::make_shared<Rows>(std::vector<float>{0, 1, 1});
    for (int64_t i = 0; i < 40; ++i) data.samples.push_back(i);
    recipe.methods["reconstruct"] = true;
    recipe.methods["bias-correction"] = false;
    recipe.iterations = 200;
    CalibrateOptions options;
    options.samples = data.samples;
    options.values = ValuesToCalibrate(graph, recipe);
    calibration = Calibrate(graph, *data.dataset, options, {});
  }

  std::vector<int64_t> Weights(bool reconstruct, int threads = 1) {
    recipe.methods["reconstruct"] = reconstruct;
    Context context;
    context.threads = threads;
    const Graph result =
        Quantize(graph, &calibration, recipe, context, &data).graph;
    for (const NodeId id : result.order()) {
      if (!result.node(id).Is("Gemm")) continue;
      return result.value(result.node(id).input(1)).constant.ToInts();
    }
    return {};
  }
};

TEST(Reconstruct, RoundsOneOfTwoWeightsUpWhoseInputsAreEqual) {
  Pair pair;
  EXPECT_THAT(pair.Weights(false), ElementsAre(127, 0, 0));
  const std::vector<int64_t> tuned = pair.Weights(true);
  ASSERT_THAT(tuned, SizeIs(3));
  EXPECT_EQ(tuned[0], 127);
  EXPECT_EQ(tuned[1] + tuned[2], 1);
}

TEST(Reconstruct, GivesTheSameForAnyThreadCount) {
  Pair pair;
  EXPECT_EQ(pair.Weights(true, 1), pair.Weights(true, 2));
}

TEST(Reconstruct, AsksForDataWhereThereIsNone) {
  Pair pair;
  try {
    Quantize(pair.graph, &pair.calibration, pair.recipe);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(error.what(), HasSubstr("--data"));
  }
}

}  // namespace
}  // namespace squint
