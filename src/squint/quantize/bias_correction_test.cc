// Whether biases are corrected, as the outputs on samples say.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "squint/ops/infer.h"
#include "squint/quantize/output_quality.h"
#include "squint/quantize/quantize.h"

namespace squint {
namespace {

// Samples of one number behind a zero.
class Loudness final : public Dataset {
 public:
  explicit Loudness(std::vector<float> values) : values_(std::move(values)) {}
  int64_t size() const override { return static_cast<int64_t>(values_.size()); }
  Sample Get(int64_t index) const override {
    Sample sample;
    sample.index = index;
    sample.inputs = {
        Tensor::Of<float>({1, 2}, {0, values_[static_cast<size_t>(index)]})};
    sample.hash = std::to_string(index);
    return sample;
  }
  bool has_labels() const override { return false; }
  std::string description() const override { return "loudness"; }

 private:
  std::vector<float> values_;
};

// Whether a layer of weights 1 and 0.3, in 4 bits 2/7, gets a bias.
bool IsCorrected(const std::vector<float>& values) {
  Graph g;
  g.opset[""] = 21;
  const ValueId x = g.AddInput("x", DType::kFloat32, Shape::Of({1, 2}));
  const ValueId w = g.AddConstant("w", Tensor::Of<float>({2, 1}, {1.0f, 0.3f}));
  g.AddOutput(g.Emit("Gemm", {x, w}, "y"));
  InferShapes(g);
  Recipe recipe;
  recipe.weights = DType::kInt4;
  recipe.edges_8_bits = false;
  recipe.methods["weight-rounding"] = false;
  recipe.observer = "min_max";
  TuningData data;
  data.dataset = std::make_shared<Loudness>(values);
  for (int64_t i = 0; i < data.dataset->size(); ++i) data.samples.push_back(i);
  CalibrateOptions options;
  options.samples = data.samples;
  options.values = ValuesToCalibrate(g, recipe);
  const Calibration calibration = Calibrate(g, *data.dataset, options);
  const Graph quantized = Quantize(g, &calibration, recipe, {}, &data).graph;
  for (const NodeId id : quantized.order()) {
    if (quantized.node(id).Is("Gemm")) return quantized.node(id).has_input(2);
  }
  return false;
}

TEST(BiasCorrection, IsDoneWhereTheMeanIsTypical) {
  EXPECT_TRUE(IsCorrected({1.0f, 1.1f, 0.9f, 1.05f, 0.95f, 1.0f, 1.1f, 0.9f}));
}

// Seven outputs of eight would be further off than they were.
TEST(BiasCorrection, IsLeftOutWhereMostInputsAreQuiet) {
  EXPECT_FALSE(IsCorrected({0.5f, 0.5f, 0.5f, 8.0f, 0.5f, 0.5f, 0.5f, 0.5f}));
}

// The outputs of y = x * w, and what the samples that were asked cost.
class Asked {
 public:
  explicit Asked(std::vector<float> values) {
    data_.dataset = std::make_shared<Loudness>(values);
    for (int64_t i = 0; i < data_.dataset->size(); ++i) {
      data_.samples.push_back(i);
    }
  }
  bool Worse(float before, float after, double tolerated) const {
    return BecameWorse(Times(1), Times(before), Times(after), tolerated, data_,
                       {});
  }

 private:
  static Graph Times(float factor) {
    Graph g;
    g.opset[""] = 21;
    const ValueId x = g.AddInput("x", DType::kFloat32, Shape::Of({1, 2}));
    const ValueId w = g.AddConstant("w", Tensor::Of<float>({1}, {factor}));
    g.AddOutput(g.Emit("Mul", {x, w}, "y"));
    InferShapes(g);
    return g;
  }
  TuningData data_;
};

TEST(OutputQuality, CountsLossesInDecibels) {
  // 40 dB became 20, whatever the samples' size.
  const Asked asked({1, 1000, 0.1f});
  EXPECT_TRUE(asked.Worse(1.01f, 1.1f, 19.9));
  EXPECT_FALSE(asked.Worse(1.01f, 1.1f, 20.1));
  EXPECT_FALSE(asked.Worse(1.1f, 1.01f, 0));
}

TEST(OutputQuality, IsTheMeanOfOutputsInDecibels) {
  const auto one = [](float a, float b) {
    return Tensor::Of<float>({2}, {a, b});
  };
  EXPECT_NEAR(
      OutputSqnr({one(1, 0), one(1000, 0)}, {one(1.1f, 0), one(1010, 0)}), 30,
      1e-3);
  EXPECT_EQ(OutputSqnr({one(1, 2)}, {one(1, 2)}), 100);
}

}  // namespace
}  // namespace squint
