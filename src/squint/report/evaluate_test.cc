#include "squint/report/evaluate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "squint/ops/infer.h"

namespace squint {
namespace {

using ::testing::ElementsAre;

Runner Doubling() {
  Graph g;
  g.opset[""] = 21;
  const ValueId x = g.AddInput("x", DType::kFloat32, Shape::Of({2}));
  g.AddOutput(g.Emit("Add", {x, x}, "y"));
  InferShapes(g);
  return Runner(std::make_shared<const Graph>(std::move(g)), RunMode::kExecutor,
                {});
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

}  // namespace
}  // namespace squint
