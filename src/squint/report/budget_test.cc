#include "squint/report/budget.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "squint/base/error.h"
#include "squint/ops/infer.h"

namespace squint {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

constexpr int64_t kSamples = 60;

// Two numbers and which is larger, sometimes by little.
class Pairs final : public Dataset {
 public:
  int64_t size() const override { return kSamples; }
  Sample Get(int64_t index) const override {
    const float a = 0.2f + 0.01f * static_cast<float>(index);
    const float b = a * (index % 2 == 0 ? 0.9f : 1.1f);
    Sample sample;
    sample.index = index;
    sample.inputs = {Tensor::Of<float>({1, 2}, {a, b})};
    sample.label = index % 2;
    sample.hash = std::to_string(index);
    return sample;
  }
  bool has_labels() const override { return true; }
  int64_t num_classes() const override { return 2; }
  std::string description() const override { return "pairs"; }
};

// Two layers that give back what they get. The first one's weights lie on any
// grid of 4 bits; the second's small ones, which decide, only on one of 8.
struct Network {
  Graph graph;
  Calibration calibration;
  Recipe recipe;
  TuningData data;

  Network() {
    const ValueId x = graph.AddInput("x", DType::kFloat32, Shape::Of({1, 2}));
    const ValueId exact =
        graph.AddConstant("w1", Tensor::Of<float>({2, 2}, {1, 0, 0, 1}));
    // A third output that hides nothing but stretches the one scale.
    const ValueId fine = graph.AddConstant(
        "w2", Tensor::Of<float>({2, 3}, {0.30f, 0.06f, -7, 0.06f, 0.30f, -7}));
    const ValueId y = Named("MatMul", {x, exact}, "first");
    graph.AddOutput(Named("MatMul", {y, fine}, "second"));
    graph.opset[""] = 21;
    InferShapes(graph);
    recipe.weights = DType::kInt4;
    recipe.edges_8_bits = false;
    recipe.per_channel = false;
    for (const char* name : {"equalization", "weight-rounding",
                             "bias-correction", "smooth-quant"}) {
      recipe.methods[name] = false;
    }
    data.dataset = std::make_shared<Pairs>();
    for (int64_t i = 0; i < kSamples; ++i) data.samples.push_back(i);
    CalibrateOptions options;
    options.samples = data.samples;
    options.values = ValuesToCalibrate(graph, recipe);
    calibration = Calibrate(graph, *data.dataset, options, {});
  }

  ValueId Named(const char* type, std::vector<ValueId> inputs,
                const char* name) {
    const ValueId id = graph.Emit(type, std::move(inputs), name);
    graph.node(graph.value(id).producer).name = name;
    return id;
  }

  BudgetRequest Request(const char* max_drop) const {
    return {.graph = graph,
            .calibration = calibration,
            .recipe = recipe,
            .tuning = data,
            .judge = data,
            .budget = ParseBudget(max_drop)};
  }
};

TEST(Budget, RaisesTheOneLayerThatNeedsMoreBits) {
  const Network network;
  const BudgetResult result = SearchBudget(network.Request("5%"), {});
  EXPECT_EQ(result.metric, "top1");
  EXPECT_EQ(result.float_metric, 1.0);
  ASSERT_FALSE(result.trials.front().holds);
  EXPECT_TRUE(result.met);
  EXPECT_THAT(result.best.layers,
              ElementsAre(Pair("second", FormatOf(DType::kInt8))));
  EXPECT_EQ(result.recipe.layers, result.best.layers);
}

// They take eight in the file, so that no layer is cheaper without.
TEST(Budget, GivesAllLayersTheBitsThatTheirTypeHas) {
  Network network;
  network.recipe.weights = DType::kInt8;
  network.recipe.weight_bits = 4;
  const BudgetResult result = SearchBudget(network.Request("5%"), {});
  ASSERT_FALSE(result.trials.front().holds);
  EXPECT_TRUE(result.met);
  const WeightFormat all = FormatOf(DType::kInt8);
  EXPECT_THAT(result.best.layers,
              ElementsAre(Pair("first", all), Pair("second", all)));
  EXPECT_EQ(result.ranked, 0u);
}

TEST(Budget, TriesNothingMoreOnceTheRecipeHolds) {
  const Network network;
  const BudgetResult result = SearchBudget(network.Request("100%"), {});
  EXPECT_TRUE(result.met);
  EXPECT_THAT(result.trials, SizeIs(1));
  EXPECT_THAT(result.best.layers, IsEmpty());
}

TEST(Budget, ThatRunsOutOfTimeEndsWithTheBestFound) {
  const Network network;
  BudgetRequest request = network.Request("5%");
  request.budget.seconds = 1e-9;
  const BudgetResult result = SearchBudget(request, {});
  EXPECT_FALSE(result.met);
  EXPECT_TRUE(result.out_of_time);
  EXPECT_THAT(result.trials, SizeIs(1));
}

TEST(Budget, TakesUpTrialsThatAreKnown) {
  const Network network;
  BudgetRequest request = network.Request("5%");
  SearchRecord record;
  int kept = 0;
  request.on_record = [&](const SearchRecord& all) { record = all; };
  request.on_best = [&](const Recipe&, const QuantizeResult&) { ++kept; };
  const BudgetResult first = SearchBudget(request, {});
  EXPECT_THAT(record.trials, SizeIs(first.trials.size()));
  EXPECT_GT(kept, 0);
  request.known = record;
  for (Trial& trial : request.known.trials) trial.seconds = 1234;
  request.budget.seconds = 1e-9;  // no time for a new one
  const BudgetResult again = SearchBudget(request, {});
  EXPECT_TRUE(again.met);
  EXPECT_EQ(again.best.layers, first.best.layers);
  EXPECT_EQ(again.recipe.layers, first.recipe.layers);
  ASSERT_THAT(again.trials, SizeIs(first.trials.size()));
  for (const Trial& trial : again.trials) EXPECT_EQ(trial.seconds, 1234);
}

TEST(Budget, ThatWasStoppedRanksNoLayerAgain) {
  const Network network;
  BudgetRequest request = network.Request("5%");
  SearchRecord record;
  request.on_record = [&](const SearchRecord& all) { record = all; };
  const BudgetResult first = SearchBudget(request, {});
  EXPECT_EQ(first.ranked, 3);  // all raised, and without either of two
  request.known = record;
  request.known.trials.resize(2);  // stopped behind the ranking
  const BudgetResult again = SearchBudget(request, {});
  EXPECT_EQ(again.ranked, 0);
  EXPECT_EQ(again.best.layers, first.best.layers);
  EXPECT_THAT(again.trials, SizeIs(first.trials.size()));
}

TEST(Budget, ListsNoTrialThatAnotherBeats) {
  const Network network;
  const BudgetResult result = SearchBudget(network.Request("5%"), {});
  for (size_t i = 1; i < result.pareto.size(); ++i) {
    EXPECT_GT(result.pareto[i].bytes, result.pareto[i - 1].bytes);
    EXPECT_GT(result.pareto[i].metric, result.pareto[i - 1].metric);
  }
}

TEST(Budget, IsRelativeWithAPercentSignAndAbsoluteWithout) {
  EXPECT_TRUE(ParseBudget("0.5%").relative);
  EXPECT_DOUBLE_EQ(ParseBudget("0.5%").max_drop, 0.005);
  EXPECT_FALSE(ParseBudget("0.5").relative);
  EXPECT_DOUBLE_EQ(ParseBudget("0.5").max_drop, 0.5);
  for (const char* wrong : {"", "x", "1%%", "-1", "nan", "1 point"}) {
    EXPECT_THROW(ParseBudget(wrong), Error) << wrong;
  }
}

}  // namespace
}  // namespace squint
