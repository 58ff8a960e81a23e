#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "squint/base/error.h"
#include "squint/ops/byte_examples.h"
#include "squint/ops/op_upgrade_testing.h"
#include "squint/ops/prepared_example.h"

namespace squint {

namespace {

OpExample Scaled(Tensor x, std::vector<float> scales) {
  const auto count = static_cast<int64_t>(scales.size());
  return OpExample("Resize", "scales")
      .In(std::move(x))
      .Absent()
      .Const(Floats({count}, std::move(scales)));
}

OpExample Sized(Tensor x, std::vector<int64_t> sizes) {
  const auto count = static_cast<int64_t>(sizes.size());
  return OpExample("Resize", "sizes")
      .In(std::move(x))
      .Absent()
      .Absent()
      .Const(Ints({count}, std::move(sizes)));
}

// Five samples between the relative positions 0.25 and 1.25 of a row.
OpExample CroppedRow(const char* mode) {
  return OpExample("Resize", "cropped")
      .In(Floats({1, 1, 1, 5}, {1, 2, 4, 8, 16}))
      .Const(Floats({2}, {0.25f, 1.25f}))
      .Absent()
      .Const(Ints({1}, {5}))
      .Set("axes", std::vector<int64_t>{3})
      .Set("mode", std::string(mode))
      .Set("extrapolation_value", 7.0f)
      .Set("coordinate_transformation_mode", std::string("tf_crop_and_resize"));
}

OpExample Old(OpExample example) {
  return std::move(example)
      .Set("coordinate_transformation_mode", std::string("asymmetric"))
      .Set("nearest_mode", std::string("floor"));
}

}  // namespace

std::vector<OpExample> Examples_resize() {
  return {
      Old(Scaled(Ramp({2, 2, 3, 4}), {1, 1, 2, 2})),
      Scaled(Ramp({2, 1, 5, 6}), {1, 1, 0.5f, 1.4f})
          .Set("mode", std::string("linear")),
      Sized(Ramp({2, 1, 5, 6}), {2, 1, 7, 4})
          .Set("mode", std::string("cubic"))
          .Steps(1.0),
      Sized(Ramp({2, 3, 4}), {8})
          .Set("axes", std::vector<int64_t>{-1})
          .Set("coordinate_transformation_mode", std::string("align_corners"))
          .Set("mode", std::string("linear")),
      Sized(Ramp({2, 1, 4, 8}), {6, 6})
          .Set("axes", std::vector<int64_t>{2, 3})
          .Set("keep_aspect_ratio_policy", std::string("not_larger")),
      Sized(Ramp({2, 1, 7, 9}), {3, 4})
          .Set("axes", std::vector<int64_t>{2, 3})
          .Set("mode", std::string("cubic"))
          .Set("antialias", int64_t{1}),
      CroppedRow("nearest"),
      CroppedRow("linear"),
      OpExample("Upsample", "as opset 9 wrote it")
          .In(Ramp({2, 1, 2, 3}))
          .Const(Floats({4}, {1, 1, 2, 3})),
  };
}

namespace {

using testing::ElementsAre;
using testing::FloatNear;
using testing::Pointwise;

const Tensor kRow = Floats({1, 1, 1, 4}, {1, 2, 4, 8});

std::vector<float> Stretch(const char* mode, const char* coordinates) {
  return FloatsOf(
      Scaled(kRow, {1, 1, 1, 1.75f})
          .Set("mode", std::string(mode))
          .Set("coordinate_transformation_mode", std::string(coordinates)));
}

// Expected numbers of this and the next test: ONNX Runtime 1.32.
TEST(Resize, LinearWeighsTwoNeighbours) {
  EXPECT_THAT(Stretch("linear", "half_pixel"),
              Pointwise(FloatNear(1e-5f), {1.0f, 1.3571429f, 1.9285715f, 3.0f,
                                           4.2857141f, 6.5714283f, 8.0f}));
  EXPECT_THAT(
      Stretch("linear", "asymmetric"),
      Pointwise(FloatNear(1e-5f), {1.0f, 1.5714285f, 2.2857144f, 3.4285715f,
                                   5.1428576f, 7.4285717f, 8.0f}));
  EXPECT_THAT(Stretch("linear", "align_corners"),
              ElementsAre(1, 1.5f, 2, 3, 4, 6, 8));
  EXPECT_THAT(Stretch("linear", "pytorch_half_pixel"),
              Pointwise(FloatNear(1e-5f), Stretch("linear", "half_pixel")));
  EXPECT_THAT(Stretch("linear", "half_pixel_symmetric"),
              Pointwise(FloatNear(1e-5f), Stretch("linear", "half_pixel")));
}

TEST(Resize, CubicWeighsFourNeighbours) {
  EXPECT_THAT(
      Stretch("cubic", "half_pixel"),
      Pointwise(FloatNear(1e-5f), {0.9007838f, 1.2177477f, 1.8504f, 2.71875f,
                                   4.3212471f, 6.7600231f, 8.3968620f}));
  EXPECT_THAT(
      FloatsOf(Scaled(kRow, {1, 1, 1, 1.75f})
                   .Set("mode", std::string("cubic"))
                   .Set("exclude_outside", int64_t{1})
                   .Set("cubic_coeff_a", -0.5f)),
      Pointwise(FloatNear(1e-5f), {0.9206729f, 1.2256918f, 1.8932924f, 2.8125f,
                                   4.2425008f, 6.8681483f, 8.3173065f}));
}

TEST(Resize, NearestModesDifferHalfWay) {
  const auto shrink = [](const char* mode) {
    return FloatsOf(
        Scaled(kRow, {1, 1, 1, 0.5f}).Set("nearest_mode", std::string(mode)));
  };
  EXPECT_THAT(shrink("round_prefer_floor"), ElementsAre(1, 4));
  EXPECT_THAT(shrink("round_prefer_ceil"), ElementsAre(2, 8));
  EXPECT_THAT(shrink("floor"), ElementsAre(1, 4));
  EXPECT_THAT(shrink("ceil"), ElementsAre(2, 8));
}

TEST(Resize, CropsAndFillsWhatIsOutside) {
  EXPECT_THAT(FloatsOf(CroppedRow("nearest")), ElementsAre(2, 4, 8, 16, 7));
  EXPECT_THAT(FloatsOf(CroppedRow("linear")), ElementsAre(2, 4, 8, 16, 7));
}

// Half as many: the triangle has a radius of 2, weights 1/8, 3/8, 3/8, 1/8.
TEST(Resize, AntialiasWeighsAllThatAResultCovers) {
  EXPECT_THAT(FloatsOf(Scaled(Floats({6}, {8, 16, 0, 8, 24, 8}), {0.5f})
                           .Set("mode", std::string("linear"))
                           .Set("antialias", int64_t{1})),
              Pointwise(FloatNear(1e-5f), {10.0f, 8.0f, 14.0f}));
}

TEST(Resize, AlignCornersGoesByTheUncutLength) {
  // 5 * 0.5 = 2.5: the second result lies at 1 * 4 / 1.5.
  EXPECT_THAT(FloatsOf(Scaled(Floats({5}, {0, 3, 6, 9, 12}), {0.5f})
                           .Set("mode", std::string("linear"))
                           .Set("coordinate_transformation_mode",
                                std::string("align_corners"))),
              Pointwise(FloatNear(1e-5f), {0.0f, 8.0f}));
}

TEST(Resize, HalfPixelSymmetricCentresWhatIsCutOff) {
  // 4 * 0.9 = 3.6 is cut to 3: positions move by 2 (1 - 3/3.6) = 1/3.
  EXPECT_THAT(FloatsOf(Scaled(Floats({4}, {0, 1, 2, 3}), {0.9f})
                           .Set("mode", std::string("linear"))
                           .Set("coordinate_transformation_mode",
                                std::string("half_pixel_symmetric"))),
              Pointwise(FloatNear(1e-5f), {0.3888889f, 1.5f, 2.6111112f}));
}

TEST(Resize, KeepsTheAspectRatioOnRequest) {
  const auto dims = [](const char* policy) {
    return RunExample(
               Sized(Ramp({4, 8}), {6, 6})
                   .Set("keep_aspect_ratio_policy", std::string(policy)))[0]
        .dims();
  };
  EXPECT_EQ(dims("not_larger"), (Dims{3, 6}));
  EXPECT_EQ(dims("not_smaller"), (Dims{6, 12}));
  EXPECT_EQ(dims("stretch"), (Dims{6, 6}));
}

TEST(Resize, WholeFactorsAreSymbolic) {
  Graph graph = GraphOf(Scaled(Ramp({1, 1, 2, 4}), {1, 1, 2, 0.5f}));
  graph.value(graph.inputs()[0]).shape =
      Shape({Dim::Symbol("N"), 3, Dim::Symbol("H"), Dim::Symbol("W") * Dim(4)});
  InferShapes(graph);
  EXPECT_EQ(graph.value(graph.outputs()[0]).shape.ToString(), "[N,3,2*H,2*W]");
}

TEST(Resize, WhatItCannotDoIsSaid) {
  EXPECT_THROW(RunExample(Scaled(kRow, {1, 1, 1, 2})
                              .Set("coordinate_transformation_mode",
                                   std::string("tf_half_pixel_for_nn"))),
               Error);
  EXPECT_THROW(RunExample(Scaled(kRow, {1, 1, 1, 0})), Error);
  EXPECT_THROW(RunExample(Scaled(kRow, {1, 2})), Error);
}

TEST(Resize, Opset10MeantAsymmetricAndFloor) {
  const OpExample old = OpExample("Resize", "")
                            .In(Floats({3}, {1, 2, 3}))
                            .Const(Floats({1}, {2}));
  EXPECT_THAT(RunUpgraded(old, 10).ToFloats(), ElementsAre(1, 1, 2, 2, 3, 3));
}

TEST(Resize, EmptyInputsOfOpset11AreAbsent) {
  const OpExample old = OpExample("Resize", "")
                            .In(Floats({2}, {1, 2}))
                            .Const(Floats({0}, {}))
                            .Const(Floats({0}, {}))
                            .Const(Ints({1}, {4}));
  const Graph graph = UpgradedGraph(old, 11);
  const Node& node = graph.node(graph.order().front());
  EXPECT_FALSE(node.has_input(1));
  EXPECT_FALSE(node.has_input(2));
  EXPECT_THAT(RunUpgraded(old, 11).ToFloats(), ElementsAre(1, 1, 2, 2));
}

TEST(Upsample, BecomesAResize) {
  const OpExample opset7 = OpExample("Upsample", "")
                               .In(Floats({1, 2}, {1, 2}))
                               .Set("scales", std::vector<float>{1, 2});
  const Graph graph = UpgradedGraph(opset7, 7);
  EXPECT_TRUE(graph.node(graph.order().front()).Is("Resize"));
  EXPECT_THAT(RunUpgraded(opset7, 7).ToFloats(), ElementsAre(1, 1, 2, 2));
  const OpExample opset9 = OpExample("Upsample", "")
                               .In(Floats({1, 2}, {1, 2}))
                               .Const(Floats({2}, {1, 2}))
                               .Set("mode", std::string("linear"));
  EXPECT_THAT(RunUpgraded(opset9, 9).ToFloats(), ElementsAre(1, 1.5f, 2, 2));
}

TEST(Resize, StepsChooseTheElementsThatTheReferenceChooses) {
  const auto images = std::vector<int64_t>{1, 2};
  CheckPrepared(Old(Scaled(Ramp({2, 2, 3, 4}), {1, 1, 2, 2})));
  CheckPrepared(Scaled(Ramp({3, 5, 7}), {1, 1, 1.7f}));
  CheckPrepared(Scaled(Ramp({40}), {0.3f}));
  CheckPrepared(
      Scaled(Bytes<uint8_t>({2, 9, 8, 5}), {2, 2}).Set("axes", images));
  CheckPrepared(
      Sized(Bytes<int8_t>({1, 64, 60, 8}), {31, 75}).Set("axes", images));
  CheckPrepared(Sized(Bytes<int16_t>({2, 3, 4, 5}), {3, 4, 2, 9}));
  for (const char* mode :
       {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"}) {
    for (const char* place :
         {"half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"}) {
      CheckPrepared(
          Sized(Bytes<uint8_t>({1, 3, 6, 7}), {1, 3, 11, 4})
              .Set("nearest_mode", std::string(mode))
              .Set("coordinate_transformation_mode", std::string(place)));
    }
  }
  EXPECT_FALSE(CheckExample(CroppedRow("nearest")));
}

TEST(Resize, StepsSumWhatTheReferenceSums) {
  for (const char* mode : {"linear", "cubic"}) {
    for (const int64_t antialias : {0, 1}) {
      for (const char* place : {"half_pixel", "asymmetric", "align_corners"}) {
        const auto with = [&](OpExample example) {
          CheckPrepared(
              std::move(example)
                  .Set("mode", std::string(mode))
                  .Set("antialias", antialias)
                  .Set("coordinate_transformation_mode", std::string(place)));
        };
        with(Scaled(Ramp({2, 3, 5, 6}), {1, 1, 2, 2}));
        with(Sized(Ramp({1, 4, 9, 33}), {1, 4, 5, 40}));
        with(Sized(Ramp({2, 6, 5, 8}), {3, 7, 2, 8}));
        with(Scaled(Ramp({50}), {0.4f}));
      }
    }
  }
  EXPECT_FALSE(CheckExample(CroppedRow("linear")));
}

}  // namespace
}  // namespace squint
