// How far ranges reach beyond what few samples showed.
#include <gtest/gtest.h>

#include <string>

#include "squint/ops/infer.h"
#include "squint/quantize/quantize.h"

namespace squint {
namespace {

// The width of what a Gemm reads, whose input was observed in [-1, 3].
double Width(int64_t samples, const Recipe& recipe = {}) {
  Graph g;
  g.opset[""] = 21;
  const ValueId x = g.AddInput("x", DType::kFloat32, Shape::Of({1, 2}));
  const ValueId w = g.AddConstant("w", Tensor::Of<float>({2, 1}, {1.0f, 2.0f}));
  g.AddOutput(g.Emit("Gemm", {x, w}, "y"));
  InferShapes(g);
  Calibration calibration;
  for (int64_t i = 0; i < samples; ++i) {
    calibration.samples[i] = std::to_string(i);
  }
  for (const char* name : {"x", "y"}) {
    calibration.values[name].count = 2;
    calibration.values[name].minimum = -1;
    calibration.values[name].maximum = 3;
  }
  const Graph quantized = Quantize(g, &calibration, recipe).graph;
  for (const NodeId id : quantized.order()) {
    const Node& node = quantized.node(id);
    if (!node.Is("Gemm")) continue;
    const auto& quant = quantized.value(node.input(0)).quant;
    return 255 * static_cast<double>(quant->scale.ToFloats()[0]);
  }
  return 0;
}

TEST(FewSamples, LetRangesReachFurther) {
  EXPECT_NEAR(Width(1), 4.8, 1e-5);
  EXPECT_NEAR(Width(8), 4.8, 1e-5);
  EXPECT_NEAR(Width(12), 4.4, 1e-5);
  EXPECT_NEAR(Width(16), 4, 1e-5);
  EXPECT_NEAR(Width(100), 4, 1e-5);
}

TEST(FewSamples, ChangeNothingThatTheRecipeStates) {
  Recipe observer;
  observer.observer = "min_max";
  EXPECT_NEAR(Width(1, observer), 4, 1e-5);
  Recipe range;
  range.tensors["x"].range = {-1.0, 1.0};
  EXPECT_NEAR(Width(1, range), 2, 1e-5);
  Recipe tensor;
  tensor.tensors["x"].observer = "min_max";
  EXPECT_NEAR(Width(1, tensor), 4, 1e-5);
}

TEST(FewSamples, AreNotMeantWhereNoneIsKnown) {
  EXPECT_NEAR(Width(0), 4, 1e-5);
}

}  // namespace
}  // namespace squint
