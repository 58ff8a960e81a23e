#include "squint/quantize/normal_statistics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "squint/data/dataset.h"
#include "squint/ops/infer.h"
#include "squint/quantize/match_inputs.h"

namespace squint {
namespace {

using ::testing::ElementsAre;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(ClampedMean, IsThatOfARectifiedNormal) {
  EXPECT_NEAR(ClampedMean(0, 1, 0, kInfinity), 1 / std::sqrt(2 * M_PI), 1e-9);
  EXPECT_NEAR(ClampedMean(0, 2, 0, kInfinity), 2 / std::sqrt(2 * M_PI), 1e-9);
  EXPECT_NEAR(ClampedMean(50, 1, 0, kInfinity), 50, 1e-9);
  EXPECT_NEAR(ClampedMean(50, 1, 0, 6), 6, 1e-9);
  EXPECT_NEAR(ClampedMean(3, 9, 0, 6), 3, 1e-9) << "by symmetry";
  EXPECT_EQ(ClampedMean(-1, 0, 0, 6), 0) << "a constant";
}

TEST(NormalStatistics, EndSixDeviationsFromTheMean) {
  const ValueStatistics s = NormalStatistics(
      {.mean = {1, -1}, .deviation = {2, 0.5}}, -kInfinity, kInfinity);
  EXPECT_THAT(s.channel_minimum, ElementsAre(-11, -4));
  EXPECT_THAT(s.channel_maximum, ElementsAre(13, 2));
  EXPECT_EQ(s.minimum, -11);
  EXPECT_NEAR(s.channel_mean(1), -1, 1e-9);
  EXPECT_TRUE(s.histogram.empty());
}

TEST(UseNormalizations, ReplacesTheResultAndWhatAReluMakesOfIt) {
  Graph g;
  const auto constant = [&](std::vector<float> values) {
    return g.AddConstant(
        "p", Tensor::Of<float>({static_cast<int64_t>(values.size())}, values));
  };
  const ValueId x = g.AddInput("x", DType::kFloat32, Shape::Of({1, 2, 4, 4}));
  const ValueId bn = g.Emit("BatchNormalization",
                            {x, constant({1, -2}), constant({0, 3}),
                             constant({0, 0}), constant({1, 1})},
                            "bn");
  g.AddOutput(g.Emit("Relu", {bn}, "relu"));
  InferShapes(g);
  const auto normals = ReadNormalizations(g);
  EXPECT_THAT(normals.at("bn").deviation, ElementsAre(1, 2));
  EXPECT_THAT(normals.at("bn").mean, ElementsAre(0, 3));
  Calibration calibration;
  for (const char* name : {"x", "bn", "relu"}) {
    calibration.values[name].channel_axis = 1;
  }
  EXPECT_EQ(UseNormalizations(g, normals, calibration), 2);
  EXPECT_EQ(calibration.values.at("x").count, 0u);
  EXPECT_EQ(calibration.values.at("bn").minimum, -9);
  EXPECT_EQ(calibration.values.at("relu").minimum, 0);
  EXPECT_EQ(calibration.values.at("relu").maximum, 15);
  EXPECT_NEAR(calibration.values.at("relu").channel_mean(0), 0.398942, 1e-6);
}

TEST(MatchInputs, FindsTheUnitsThatTheFirstNormalizationWasTrainedOn) {
  Graph g;
  const ValueId x = g.AddInput("x", DType::kFloat32, Shape::Of({1, 1, 40, 40}));
  // y = (2 x, -x + 1): of x with mean 10 and deviation 3, means 20 and -9,
  // deviations 6 and 3.
  const ValueId w =
      g.AddConstant("w", Tensor::Of<float>({2, 1, 1, 1}, {2, -1}));
  const ValueId b = g.AddConstant("b", Tensor::Of<float>({2}, {0, 1}));
  g.AddOutput(g.Emit("Conv", {x, w, b}, "y"));
  InferShapes(g);
  const std::map<std::string, ChannelNormals> normals = {
      {"y", {.mean = {20, -9}, .deviation = {6, 3}}}};
  TuningData data;
  data.dataset = OpenDataset(
      "random", {{"x", DType::kFloat32, Dims{1, 1, 40, 40}, {0, 2}}});
  for (int64_t i = 0; i < 8; ++i) data.samples.push_back(i);
  const auto scaling = MatchInputs(g, normals, data, {});
  ASSERT_TRUE(scaling.has_value());
  EXPECT_NEAR(scaling->factor, 3, 0.1);
  EXPECT_NEAR(scaling->offset, 10, 0.2);
}

TEST(MatchInputs, NeedsAnAffineWayFromTheInput) {
  Graph g;
  const ValueId x = g.AddInput("x", DType::kFloat32, Shape::Of({1, 1, 4, 4}));
  g.AddOutput(g.Emit("Relu", {x}, "y"));
  InferShapes(g);
  TuningData data;
  data.dataset =
      OpenDataset("random", {{"x", DType::kFloat32, Dims{1, 1, 4, 4}, {0, 2}}});
  data.samples = {0};
  EXPECT_FALSE(
      MatchInputs(g, {{"y", {.mean = {0}, .deviation = {1}}}}, data, {}));
}

}  // namespace
}  // namespace squint
