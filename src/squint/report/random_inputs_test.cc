#include "squint/report/random_inputs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "squint/base/error.h"
#include "squint/ops/infer.h"

namespace squint {
namespace {

using testing::Each;
using testing::HasSubstr;

// image[batch,3,h,224], ids[batch,seq] -> a table of 50 and one of 7 rows,
// attention_mask[batch,seq] of reals, flags[1].
Graph Network() {
  Graph graph;
  const Dim batch = Dim::Symbol("batch");
  graph.AddInput("image", DType::kFloat32,
                 Shape({batch, Dim(3), Dim::Symbol("h"), Dim(224)}));
  const ValueId ids =
      graph.AddInput("ids", DType::kInt64, Shape({batch, Dim::Symbol("seq")}));
  graph.AddInput("attention_mask", DType::kFloat32,
                 Shape({batch, Dim::Symbol("seq")}));
  graph.AddInput("flags", DType::kInt32, Shape::Of({1}));
  graph.AddInput("bytes", DType::kInt8, Shape({Dim(4), Dim::Unknown()}));
  const ValueId words =
      graph.AddConstant("words", Tensor(DType::kFloat32, {50, 4}));
  const ValueId places =
      graph.AddConstant("places", Tensor(DType::kFloat32, {4, 7}));
  graph.AddOutput(graph.Emit("Gather", {words, ids}, "a"));
  const ValueId cast = graph.Emit("Cast", {ids}, "cast", {{"to", int64_t{6}}});
  graph.AddOutput(
      graph.Emit("Gather", {places, cast}, "b", {{"axis", int64_t{-1}}}));
  InferShapes(graph);
  return graph;
}

std::string MessageOf(const InputSizes& sizes) {
  try {
    SizedInputs(Network(), sizes);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    return error.message();
  }
  return "";
}

TEST(RandomInputs, HaveTheSizesAskedForAndUsualOnesElsewhere) {
  const Graph graph = Network();
  const auto chosen = RandomInputs(graph, {}, {});
  EXPECT_EQ(chosen[0].dims(), (Dims{1, 3, 224, 224}));
  EXPECT_EQ(chosen[1].dims(), (Dims{1, 16}));
  const auto asked =
      RandomInputs(graph, {8, {{"seq", 5}, {"h", 32}, {"bytes[1]", 3}}}, {});
  EXPECT_EQ(asked[0].dims(), (Dims{8, 3, 32, 224}));
  EXPECT_EQ(asked[1].dims(), (Dims{8, 5}));
  EXPECT_EQ(asked[2].dims(), (Dims{8, 5}));
  EXPECT_EQ(asked[3].dims(), Dims{1});
  EXPECT_EQ(asked[4].dims(), (Dims{4, 3}));
  EXPECT_EQ(RandomInputs(graph, {0, {{"batch", 3}}}, {})[1].dim(0), 3);
}

TEST(RandomInputs, StayWithinTheSmallestTableThatTheyIndex) {
  const auto inputs = RandomInputs(Network(), {64, {{"h", 1}}}, {});
  const std::vector<int64_t> ids = inputs[1].ToInts();
  EXPECT_EQ(std::ranges::min(ids), 0);
  EXPECT_EQ(std::ranges::max(ids), 6);
}

TEST(RandomInputs, AreOnesForMasksAndSpreadOverBytes) {
  const auto inputs = RandomInputs(Network(), {}, {});
  EXPECT_THAT(inputs[2].ToFloats(), Each(1.0f));
  const std::vector<int64_t> bytes = inputs[4].ToInts();
  EXPECT_LT(std::ranges::min(bytes), -20);
  EXPECT_GT(std::ranges::max(bytes), 20);
}

TEST(RandomInputs, FollowTheSeed) {
  const Graph graph = Network();
  Context other;
  other.seed = 2;
  const auto floats = [&](const Context& context) {
    return RandomInputs(graph, {}, context)[0].ToFloats();
  };
  EXPECT_EQ(floats({}), floats({}));
  EXPECT_NE(floats({}), floats(other));
}

TEST(RandomInputs, RefuseSizesThatNoInputHas) {
  EXPECT_THAT(
      MessageOf({0, {{"sequence", 5}}}),
      HasSubstr("no input has a dimension 'sequence'; there are batch"));
  EXPECT_THAT(MessageOf({0, {{"seq", 0}}}), HasSubstr("not positive"));
  EXPECT_THAT(MessageOf({0, {{"image[3]", 96}}}), HasSubstr("fixed size"));
  EXPECT_EQ(MessageOf({0, {{"image[3]", 224}}}), "");
}

TEST(RandomInputs, RefuseABatchWhereAllFirstDimensionsAreFixed) {
  Graph graph;
  graph.AddInput("x", DType::kFloat32, Shape::Of({2, 3}));
  EXPECT_NO_THROW(SizedInputs(graph, {2, {}}));
  EXPECT_THROW(SizedInputs(graph, {4, {}}), Error);
}

TEST(RandomInputs, RefuseSizesThatDoNotFitInMemory) {
  try {
    RandomInputs(Network(), {int64_t{1} << 40, {}}, {});
    FAIL() << "it was made";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory);
  }
}

}  // namespace
}  // namespace squint
