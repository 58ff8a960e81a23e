#include "squint/interchange/fused.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "squint/interchange/qdq_builder.h"
#include "squint/ops/interpreter.h"

namespace squint {
namespace {

using List = std::vector<int64_t>;

const Tensor kX = Tensor::Of<float>({2, 3}, {-2, -1, 0, 0.5f, 1, 2});

// x [2, 3] and constants through the fused operator, written out.
Graph Written(const char* type, std::vector<Tensor> others,
              Attributes attributes = {}) {
  QdqBuilder b;
  std::vector<ValueId> inputs = {b.Input({2, 3})};
  for (Tensor& other : others) {
    inputs.push_back(other.empty() ? kNoValue
                                   : b.graph.AddConstant("c", other));
  }
  const ValueId y = b.Op(type, inputs, attributes, "com.microsoft");
  b.graph.Rename(y, "y");
  Graph graph = b.Finish({y});
  EXPECT_TRUE(WriteOutFused(graph));
  VerifyGraph(graph);
  EXPECT_EQ(graph.value(graph.outputs()[0]).name, "y");
  return graph;
}

void ExpectMap(const Graph& graph, const std::function<double(double)>& f) {
  const Tensor y = Interpret(graph, {kX})[0];
  for (int64_t i = 0; i < kX.size(); ++i) {
    EXPECT_NEAR(y.data<float>()[i], f(kX.data<float>()[i]), 1e-5);
  }
}

double Gelu(double x) { return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0))); }

TEST(WriteOutFused, KnowsTheGelus) {
  const Tensor bias = Tensor::Of<float>({3}, {0.5f, 0.5f, 0.5f});
  ExpectMap(Written("Gelu", {}), Gelu);
  ExpectMap(Written("BiasGelu", {bias}),
            [](double x) { return Gelu(x + 0.5); });
  ExpectMap(Written("FastGelu", {bias}), [](double x) {
    x += 0.5;
    const double inner = std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x);
    return 0.5 * x * (1 + std::tanh(inner));
  });
  ExpectMap(Written("QuickGelu", {}, {{"alpha", 1.5f}}),
            [](double x) { return x / (1 + std::exp(-1.5 * x)); });
}

TEST(WriteOutFused, TransposesAndScalesProducts) {
  const Graph graph =
      Written("FusedMatMul", {Tensor::Of<float>({1, 3}, {1, 10, 100})},
              {{"transB", int64_t{1}}, {"alpha", 0.5f}});
  EXPECT_EQ(OpsOf(graph), "Transpose MatMul Mul");
  EXPECT_THAT(Interpret(graph, {kX})[0].ToFloats(),
              testing::ElementsAre(-6, 105.25f));
}

TEST(WriteOutFused, PutsTheActivationBehindTheProduct) {
  const Tensor b = Tensor::Of<float>({3, 1}, {1, 0, 0});
  const Graph graph = Written(
      "FusedGemm", {b},
      {{"activation", std::string("LeakyRelu")}, {"activation_alpha", 0.5f}});
  EXPECT_EQ(OpsOf(graph), "Gemm LeakyRelu");
  EXPECT_THAT(Interpret(graph, {kX})[0].ToFloats(),
              testing::ElementsAre(-1, 0.5f));
}

TEST(WriteOutFused, AddsTheSkipAndNormalizes) {
  const Tensor ones = Tensor::Of<float>({3}, {1, 1, 1});
  const Graph graph = Written("SkipLayerNormalization", {kX, ones, ones, ones});
  EXPECT_EQ(OpsOf(graph), "Add Add LayerNormalization");
  // Twice x plus one: the row -3 -1 1 has mean -1 and variance 8/3.
  const Tensor y = Interpret(graph, {kX})[0];
  EXPECT_NEAR(y.data<float>()[0], 1 - 2 / std::sqrt(8.0 / 3), 1e-5);
  EXPECT_NEAR(y.data<float>()[1], 1, 1e-5);
}

TEST(WriteOutFused, ClipsAConvolutionWithItsSum) {
  QdqBuilder b;
  const ValueId x = b.Input({1, 1, 1, 3});
  const ValueId w =
      b.graph.AddConstant("w", Tensor::Of<float>({1, 1, 1, 1}, {2}));
  const ValueId y = b.Op("FusedConv", {x, w, kNoValue, x},
                         {{"activation", std::string("Clip")},
                          {"activation_params", std::vector<float>{-1, 4}}},
                         "com.microsoft");
  Graph graph = b.Finish({y});
  EXPECT_TRUE(WriteOutFused(graph));
  EXPECT_EQ(OpsOf(graph), "Conv Add Clip");
  const Tensor in = Tensor::Of<float>({1, 1, 1, 3}, {-1, 1, 2});
  EXPECT_THAT(Interpret(graph, {in})[0].ToFloats(),
              testing::ElementsAre(-1, 3, 4));
}

TEST(WriteOutFused, LeavesWhatItCannotSay) {
  QdqBuilder b;
  const ValueId y =
      b.Op("FusedGemm", {b.Input({2, 2}), b.Input({2, 2})},
           {{"activation", std::string("Mystery")}}, "com.microsoft");
  Graph graph = b.Finish({y});
  EXPECT_FALSE(WriteOutFused(graph));
  EXPECT_EQ(OpsOf(graph), "FusedGemm");
}

}  // namespace
}  // namespace squint
