#include "squint/data/metric.h"

#include <gmock/gmock.h>

#include <cmath>

#include "squint/data/test_files.h"

namespace squint {
namespace {

using testing::DoubleNear;
using testing::ElementsAre;
using testing::HasSubstr;

Sample Labelled(int64_t label) {
  Sample sample;
  sample.id = "#7";
  sample.label = label;
  return sample;
}

std::vector<Tensor> Out(Dims dims, std::vector<float> values) {
  return {Tensor::Of<float>(std::move(dims), std::span<const float>(values))};
}

double ScoreOf(const char* metric, int64_t label, std::vector<float> values) {
  const auto count = static_cast<int64_t>(values.size());
  auto m = MakeMetric(metric);
  m->Add({Labelled(label), Out({1, count}, std::move(values))});
  return m->Result().value;
}

TEST(Top1, EqualScoresGoToTheLowerClass) {
  EXPECT_EQ(ScoreOf("top1", 1, {0, 5, 5}), 1);
  EXPECT_EQ(ScoreOf("top1", 2, {0, 5, 5}), 0);
  EXPECT_EQ(ScoreOf("top1", 0, {0, 0, 0}), 1);
}

TEST(Top1, NanNeverWins) {
  const float nan = std::nanf("");
  EXPECT_EQ(ScoreOf("top1", 0, {nan, 1}), 0);
  EXPECT_EQ(ScoreOf("top1", 1, {nan, 1}), 1);
}

TEST(Top5, CountsTheFirstFive) {
  EXPECT_EQ(ScoreOf("top5", 4, {9, 9, 9, 9, 9, 9}), 1);
  EXPECT_EQ(ScoreOf("top5", 5, {9, 9, 9, 9, 9, 9}), 0);
  EXPECT_EQ(ScoreOf("top5", 1, {9, 8}), 1);
}

TEST(Top1, AcceptsPooledMapsAndKeepsScoresPerSample) {
  auto metric = MakeMetric("top1");
  metric->Add({Labelled(1), Out({1, 2, 1, 1}, {0, 1})});
  metric->Add({Labelled(0), Out({2}, {0, 1})});
  const MetricResult result = metric->Result();
  EXPECT_EQ(result.name, "top1");
  EXPECT_EQ(result.value, 0.5);
  EXPECT_EQ(result.samples, 2);
  EXPECT_THAT(result.per_sample, ElementsAre(1, 0));
}

TEST(Top1, NamesTheSampleWhoseLabelIsBeyondTheClasses) {
  EXPECT_THAT(MessageOf([] {
                ScoreOf("top1", 3, {1, 2, 3});
              }),
              testing::AllOf(HasSubstr("sample #7"), HasSubstr("label 3"),
                             HasSubstr("3 classes")));
}

TEST(Top1, AsksForALabelThatIsMissing) {
  Sample sample;
  sample.id = "#7";
  const auto out = Out({1, 4, 2}, {0, 1, 0, 1, 1, 0, 1, 0});
  EXPECT_THAT(MessageOf([&] {
                MakeMetric("top1")->Add({sample, out});
              }),
              testing::AllOf(HasSubstr("sample #7"), HasSubstr("no label")));
  sample.target = Tensor::Of<int32_t>({4}, {1, 0, -1, 0});
  auto metric = MakeMetric("top1");
  metric->Add({sample, out});
  EXPECT_THAT(metric->Result().value, DoubleNear(2 / 3.0, 1e-12));
  sample.target = Tensor::Of<int32_t>({4}, {1, 2, -1, 0});
  EXPECT_THAT(MessageOf([&] {
                metric->Add({sample, out});
              }),
              HasSubstr("has target 2"));
}

TEST(Agreement, ComparesTheWinnerOfEachPosition) {
  auto metric = MakeMetric("agreement");
  EXPECT_TRUE(metric->needs_reference());
  const auto reference = Out({1, 2, 2}, {0, 1, 1, 0});
  metric->Add({Labelled(0), Out({1, 2, 2}, {0, 3, 0, 1}), nullptr, &reference});
  EXPECT_EQ(metric->Result().value, 0.5);
}

TEST(Agreement, TakesTheClassAxisOfAMap) {
  auto metric = MakeMetric("agreement");
  const auto reference = Out({1, 2, 1, 2}, {1, 0, 0, 1});
  metric->Add(
      {Labelled(0), Out({1, 2, 1, 2}, {1, 0.9f, 0, 0}), nullptr, &reference});
  EXPECT_EQ(metric->Result().value, 0.5);
}

TEST(CrossEntropy, IsExactForLogitsAndSkipsPadding) {
  Sample sample;
  sample.target = Tensor::Of<int64_t>({1, 3}, {1, 0, -1});
  auto metric = MakeMetric("cross_entropy");
  auto perplexity = MakeMetric("perplexity");
  const auto out = Out({1, 3, 2}, {1000, 1000, 0, 0, 7, 7});
  metric->Add({sample, out});
  perplexity->Add({sample, out});
  EXPECT_THAT(metric->Result().value, DoubleNear(std::log(2.0), 1e-12));
  EXPECT_THAT(perplexity->Result().value, DoubleNear(2, 1e-12));
  EXPECT_FALSE(metric->Result().higher_is_better);
}

TEST(Mse, TakesTheTargetOrElseTheReference) {
  Sample sample;
  auto with_reference = MakeMetric("mse");
  const auto reference = Out({1, 2}, {0, 0});
  with_reference->Add({sample, Out({1, 2}, {3, 1}), nullptr, &reference});
  EXPECT_EQ(with_reference->Result().value, 5);
  sample.target = Tensor::Of<float>({1, 2}, {3, 0});
  auto with_target = MakeMetric("mse");
  with_target->Add({sample, Out({1, 2}, {3, 1}), nullptr, &reference});
  EXPECT_EQ(with_target->Result().value, 0.5);
  sample.target = Tensor::Of<float>({1, 3}, {3, 0, 0});
  EXPECT_THAT(MessageOf([&] {
                with_target->Add({sample, reference});
              }),
              HasSubstr("2 elements"));
}

TEST(Sqnr, SumsOverAllSamplesAndStaysFinite) {
  Sample sample;
  auto metric = MakeMetric("sqnr");
  const auto reference = Out({1, 2}, {10, 0});
  metric->Add({sample, reference, nullptr, &reference});
  EXPECT_EQ(metric->Result().value, 200);
  metric->Add({sample, Out({1, 2}, {11, 1}), nullptr, &reference});
  EXPECT_THAT(metric->Result().value, DoubleNear(20, 1e-9));
  EXPECT_THAT(metric->Result().per_sample[1],
              DoubleNear(10 * std::log10(50.0), 1e-9));
}

TEST(Cosine, AveragesOverSamples) {
  Sample sample;
  auto metric = MakeMetric("cosine");
  const auto reference = Out({1, 2}, {2, 0});
  metric->Add({sample, Out({1, 2}, {1, 0}), nullptr, &reference});
  metric->Add({sample, Out({1, 2}, {0, 1}), nullptr, &reference});
  EXPECT_THAT(metric->Result().value, DoubleNear(0.5, 1e-12));
}

double Spearman(const std::vector<float>& scores,
                const std::vector<float>& targets) {
  auto metric = MakeMetric("spearman");
  for (size_t i = 0; i < scores.size(); ++i) {
    Sample sample;
    sample.target = Tensor::Scalar(targets[i]);
    metric->Add({sample, Out({1, 1}, {scores[i]})});
  }
  return metric->Result().value;
}

TEST(Spearman, LooksAtRanksOnlyAndAveragesTies) {
  EXPECT_THAT(Spearman({1, 20, 300}, {1, 2, 3}), DoubleNear(1, 1e-12));
  EXPECT_THAT(Spearman({1, 20, 300}, {3, 2, 1}), DoubleNear(-1, 1e-12));
  // Ranks (1.5, 1.5, 3) against (1, 2, 3): sqrt(3) / 2.
  EXPECT_THAT(Spearman({1, 1, 2}, {1, 2, 3}),
              DoubleNear(std::sqrt(3.0) / 2, 1e-12));
  EXPECT_EQ(Spearman({1, 1}, {1, 2}), 0);
}

TEST(Spearman, TakesTheCosineOfPairs) {
  auto metric = MakeMetric("spearman");
  const std::vector<float> angles = {0.1f, 0.5f, 1.0f};
  for (size_t i = 0; i < angles.size(); ++i) {
    Sample sample;
    sample.target = Tensor::Scalar(static_cast<float>(i));
    const auto second =
        Out({1, 2}, {5 * std::cos(angles[i]), 5 * std::sin(angles[i])});
    metric->Add({sample, Out({1, 2}, {2, 0}), &second});
  }
  EXPECT_THAT(metric->Result().value, DoubleNear(-1, 1e-12));
}

double Auc(const std::vector<float>& scores, const std::vector<int>& labels) {
  auto metric = MakeMetric("auc");
  for (size_t i = 0; i < scores.size(); ++i) {
    metric->Add({Labelled(labels[i]), Out({1, 1}, {scores[i]})});
  }
  return metric->Result().value;
}

TEST(Auc, CountsTiesHalf) {
  EXPECT_EQ(Auc({0, 1}, {0, 1}), 1);
  EXPECT_EQ(Auc({1, 0}, {0, 1}), 0);
  EXPECT_EQ(Auc({1, 1}, {0, 1}), 0.5);
  EXPECT_EQ(Auc({1, 2, 2, 3}, {0, 0, 1, 1}), 0.875);
  EXPECT_EQ(Auc({1, 2}, {1, 1}), 0.5);
}

TEST(Auc, ReducesAnOutputOfManyScores) {
  auto metric = MakeMetric("auc", {.output = 1, .reduction = "max"});
  const std::vector<Tensor> low = {Tensor::Scalar(9.0f),
                                   Tensor::Of<float>({3}, {0, 0.2f, 0.1f})};
  const std::vector<Tensor> high = {Tensor::Scalar(0.0f),
                                    Tensor::Of<float>({2}, {0.3f, 0})};
  metric->Add({Labelled(0), low});
  metric->Add({Labelled(1), high});
  EXPECT_EQ(metric->Result().value, 1);
}

TEST(MakeMetric, ListsTheNamesItKnows) {
  EXPECT_THAT(MessageOf([] { MakeMetric("f1"); }),
              testing::AllOf(HasSubstr("no metric 'f1'"), HasSubstr("top1"),
                             HasSubstr("perplexity")));
  EXPECT_THAT(MessageOf([] { MakeMetric("auc", {.reduction = "median"}); }),
              HasSubstr("no reduction 'median'"));
  for (const std::string_view name : MetricNames()) {
    EXPECT_EQ(MakeMetric(name)->Result().samples, 0) << name;
  }
}

}  // namespace
}  // namespace squint
