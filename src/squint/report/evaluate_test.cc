#include "squint/report/evaluate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "squint/ops/infer.h"

namespace squint {
namespace {

using ::testing::ElementsAre;

Runner Doubling(int threads = 0) {
  Graph g;
  g.opset[""] = 21;
  const ValueId x = g.AddInput("x", DType::kFloat32, Shape::Of({2}));
  g.AddOutput(g.Emit("Add", {x, x}, "y"));
  InferShapes(g);
  Context context;
  context.threads = threads;
  return Runner(std::make_shared<const Graph>(std::move(g)), RunMode::kExecutor,
                context);
}

Sample Numbered(int64_t index, float value) {
  Sample sample;
  sample.index = index;
  sample.inputs = {Tensor::Of<float>({2}, {value, -value})};
  return sample;
}

// A sample of another content tells whether the network ran again.
TEST(ReferenceOutputs, AreComputedOnceForEachSample) {
  Runner runner = Doubling();
  ReferenceOutputs outputs(runner);
  EXPECT_THAT(outputs.Of(Numbered(7, 1))[0].ToFloats(), ElementsAre(2, -2));
  EXPECT_THAT(outputs.Of(Numbered(8, 5))[0].ToFloats(), ElementsAre(10, -10));
  EXPECT_THAT(outputs.Of(Numbered(7, 3))[0].ToFloats(), ElementsAre(2, -2));
}

TEST(ReferenceOutputs, BeyondTheLimitAreComputedAgain) {
  Runner runner = Doubling();
  ReferenceOutputs outputs(runner, 12);  // one sample takes eight bytes
  outputs.Of(Numbered(7, 1));
  outputs.Of(Numbered(8, 5));
  EXPECT_THAT(outputs.Of(Numbered(7, 3))[0].ToFloats(), ElementsAre(2, -2));
  EXPECT_THAT(outputs.Of(Numbered(8, 4))[0].ToFloats(), ElementsAre(8, -8));
}

// Two numbers, of which the label names the larger one in two samples of three.
class Numbers final : public Dataset {
 public:
  int64_t size() const override { return 57; }
  Sample Get(int64_t index) const override {
    Sample sample = Numbered(index, index % 2 == 0 ? 1.0f : -1.0f);
    sample.label = index % 3 == 0 ? (index + 1) % 2 : index % 2;
    return sample;
  }
  bool has_labels() const override { return true; }
  int64_t num_classes() const override { return 2; }
  std::string description() const override { return "numbers"; }
};

TEST(Evaluate, GivesEachSampleItsOwnResultHoweverManyRunAtOnce) {
  for (const int threads : {1, 2, 5}) {
    for (const char* name : {"top1", "agreement"}) {
      Runner runner = Doubling(threads);
      Runner real = Doubling(threads);
      ReferenceOutputs reference(real, 100);
      EvaluateOptions options{.metric = name, .samples = {}};
      for (int64_t i = 0; i < 57; ++i) options.samples.push_back(i);
      const MetricResult result = Evaluate(
          runner, &reference, std::make_shared<Numbers>(), options, {});
      EXPECT_EQ(runner.together() > 1, threads > 1);
      ASSERT_EQ(result.per_sample.size(), 57u);
      for (size_t i = 0; i < 57; ++i) {
        const bool right = options.metric == "agreement" || i % 3 != 0;
        EXPECT_EQ(result.per_sample[i], right ? 1.0 : 0.0) << i;
      }
    }
  }
}

TEST(Evaluate, SaysThatALabelIsMissing) {
  class Unlabelled final : public Dataset {
   public:
    int64_t size() const override { return 9; }
    Sample Get(int64_t index) const override { return Numbered(index, 1); }
    bool has_labels() const override { return true; }
    int64_t num_classes() const override { return 2; }
    std::string description() const override { return "unlabelled"; }
  };
  Runner runner = Doubling(2);
  EXPECT_THROW(Evaluate(runner, nullptr, std::make_shared<Unlabelled>(),
                        {.metric = "top1", .samples = {0, 1, 2}}, {}),
               Error);
}

}  // namespace
}  // namespace squint
