#include "squint/ops/macs.h"

#include <gtest/gtest.h>

namespace squint {
namespace {

int64_t Macs(std::string type, std::vector<Dims> inputs,
             std::vector<Dims> outputs, Attributes attributes = {},
             std::string domain = "") {
  Node node;
  node.op_type = std::move(type);
  node.domain = std::move(domain);
  node.attributes = std::move(attributes);
  for (size_t i = 0; i < inputs.size(); ++i) {
    node.inputs.push_back(static_cast<ValueId>(i));
  }
  node.outputs.push_back(static_cast<ValueId>(inputs.size()));
  return MacsOf(node, inputs, outputs);
}

TEST(Macs, OfConvolutionsAreResultsTimesWindow) {
  // 3x3 over 16 channels; depthwise; one image dimension.
  EXPECT_EQ(Macs("Conv", {{1, 16, 8, 8}, {32, 16, 3, 3}}, {{1, 32, 8, 8}}),
            32 * 64 * 16 * 9);
  EXPECT_EQ(Macs("Conv", {{2, 16, 8, 8}, {16, 1, 3, 3}}, {{2, 16, 4, 4}},
                 {{"group", int64_t{16}}}),
            2 * 16 * 16 * 9);
  EXPECT_EQ(Macs("Conv", {{1, 4, 10}, {6, 4, 5}}, {{1, 6, 6}}), 6 * 6 * 20);
  EXPECT_EQ(
      Macs("ConvTranspose", {{1, 8, 5, 5}, {8, 3, 2, 2}}, {{1, 3, 10, 10}}),
      8 * 25 * 3 * 4);
  EXPECT_EQ(Macs("ConvInteger", {{1, 2, 4, 4}, {3, 2, 1, 1}}, {{1, 3, 4, 4}}),
            3 * 16 * 2);
}

TEST(Macs, OfProductsAreResultsTimesDepth) {
  EXPECT_EQ(Macs("MatMul", {{2, 5, 7}, {7, 3}}, {{2, 5, 3}}), 2 * 5 * 3 * 7);
  EXPECT_EQ(Macs("MatMul", {{7}, {7}}, {{}}), 7);
  EXPECT_EQ(Macs("Gemm", {{5, 7}, {7, 3}}, {{5, 3}}), 105);
  EXPECT_EQ(Macs("Gemm", {{7, 5}, {7, 3}}, {{5, 3}}, {{"transA", int64_t{1}}}),
            105);
  EXPECT_EQ(Macs("MatMulNBits", {{1, 64}, {10, 2, 16}}, {{1, 10}}, {},
                 "com.microsoft"),
            640);
  EXPECT_EQ(Macs("Einsum", {{2, 5, 7}, {2, 7, 3}}, {{2, 5, 3}},
                 {{"equation", std::string("bij,bjk->bik")}}),
            2 * 5 * 7 * 3);
}

TEST(Macs, OfOperatorsOnIntegersAreThoseOfTheStandardOperator) {
  // x, scale, zero, w, scale, zero, y scale, y zero.
  EXPECT_EQ(Macs("QLinearConv",
                 {{1, 16, 8, 8}, {}, {}, {32, 16, 3, 3}, {32}, {32}, {}, {}},
                 {{1, 32, 8, 8}}),
            32 * 64 * 16 * 9);
  std::vector<Dims> sum = {
      {1, 8, 8, 16}, {}, {}, {32, 16, 3, 3}, {32}, {32}, {}, {}, {32}};
  sum.insert(sum.end(), {{1, 8, 8, 32}, {}, {}, {}, {}});
  EXPECT_EQ(Macs("QLinearConvAdd", sum, {{1, 8, 8, 32}},
                 {{"channels_last", int64_t{1}}}, "squint"),
            32 * 64 * 16 * 9);
  // 6 x 6 pixels, of which the mean is taken.
  EXPECT_EQ(Macs("QLinearConvGlobalAveragePool", sum, {{1, 1, 1, 32}},
                 {{"channels_last", int64_t{1}}}, "squint"),
            32 * 36 * 16 * 9);
  sum[0] = {1, 8, 8, 40};
  sum.push_back({1, 8, 8, 48});
  EXPECT_EQ(Macs("QLinearConvChannels", sum, {{1, 8, 8, 48}},
                 {{"channels_last", int64_t{1}},
                  {"channels_read", std::vector<int64_t>{8, 16}},
                  {"channels_written", std::vector<int64_t>{0, 48}}},
                 "squint"),
            32 * 64 * 16 * 9);
  EXPECT_EQ(
      Macs("QLinearMatMul", {{4, 8}, {}, {}, {8, 2}, {}, {}, {}, {}}, {{4, 2}}),
      64);
  EXPECT_EQ(Macs("QLinearAdd", {{4, 8}, {}, {}, {4, 8}, {}, {}, {}, {}},
                 {{4, 8}}, {}, "com.microsoft"),
            0);
}

TEST(Macs, OfRecurrentOperatorsCountEveryStepAndDirection) {
  const std::vector<Dims> lstm = {{12, 2, 16}, {2, 160, 16}, {2, 160, 40}};
  EXPECT_EQ(Macs("LSTM", lstm, {{12, 2, 2, 40}}), 12 * 2 * 2 * 160 * (16 + 40));
  EXPECT_EQ(Macs("GRUSteps", {{12, 2, 120}, {80, 40}, {40, 40}}, {{12, 2, 40}},
                 {}, "squint"),
            12 * 2 * (80 + 40) * 40);
}

TEST(Macs, OfAttentionCountTheScoresAndTheValues) {
  // 2 samples, 4 heads of 8, 5 queries, 7 keys and 3 of the past.
  EXPECT_EQ(Macs("Attention",
                 {{2, 4, 5, 8}, {2, 4, 7, 8}, {2, 4, 7, 8}, {}, {2, 4, 3, 8}},
                 {{2, 4, 5, 8}}),
            2 * 4 * 5 * 10 * (8 + 8));
  EXPECT_EQ(
      Macs("Attention", {{2, 5, 32}, {2, 7, 32}, {2, 7, 32}}, {{2, 5, 32}}),
      2 * 4 * 5 * 7 * (8 + 8));
}

TEST(Macs, OfOtherOperatorsAreNone) {
  EXPECT_EQ(Macs("Relu", {{4, 4}}, {{4, 4}}), 0);
  EXPECT_EQ(Macs("Unheard", {{4, 4}}, {{4, 4}}), 0);
}

}  // namespace
}  // namespace squint
