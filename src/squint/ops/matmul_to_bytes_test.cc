#include "squint/ops/matmul_to_bytes.h"

#include <gtest/gtest.h>

#include <string>

#include "squint/ops/byte_examples.h"
#include "squint/ops/op_examples.h"
#include "squint/ops/prepared_example.h"

namespace squint {
namespace {

// Five rows of 8 or 6 numbers times 19 columns, a tile's columns and a rest; or
// whole tiles.
template <typename X, typename Y>
OpExample ToBytes(const char* what, int64_t depth, bool bias,
                  const std::string& function, int64_t columns = 19,
                  bool scaled = false) {
  std::vector<float> scales;
  std::vector<float> added;
  for (int64_t i = 0; i < columns; ++i) {
    scales.push_back(0.004f + 0.0003f * static_cast<float>(i % 19));
    added.push_back(0.13f * static_cast<float>(i % 19) - 1.1f);
  }
  OpExample example =
      OpExample("MatMulIntegerToBytes", what, "squint")
          .In(Bytes<X>({1, 5, depth}))
          .Const(Bytes<int8_t>({depth, columns}, 5))
          .Const(Tensor::Scalar<float>(0.02f))
          .Const(Tensor::Of<float>({columns}, std::span<const float>(scales)))
          .Const(Tensor::Scalar<X>(X{7}))
          .Absent();
  example = bias ? std::move(example).Const(Tensor::Of<float>(
                       {columns}, std::span<const float>(added)))
                 : std::move(example).Absent();
  example = std::move(example)
                .Const(Tensor::Scalar<float>(0.031f))
                .Const(Tensor::Scalar<Y>(Y{40}));
  example = scaled ? std::move(example).Const(Ramp({columns}, 0.5f, 1.5f))
                   : std::move(example).Absent();
  if (!function.empty()) {
    example = std::move(example).Set("function", function);
  }
  return example;
}

}  // namespace

std::vector<OpExample> Examples_matmul_to_bytes() {
  return {
      ToBytes<uint8_t, uint8_t>("uint8, bias", 8, true, ""),
      ToBytes<int8_t, uint8_t>("int8 rows", 8, false, ""),
      ToBytes<uint8_t, int8_t>("Gelu, depth of no quads", 6, true, "Gelu"),
      ToBytes<int8_t, int8_t>("Gelu by tanh", 8, true, "GeluByTanh"),
      ToBytes<uint8_t, int8_t>("whole tiles", 8, true, "", 192),
      ToBytes<uint8_t, uint8_t>("Gelu of whole tiles", 8, true, "Gelu", 192),
      ToBytes<int8_t, int8_t>("Gelu by tanh of whole tiles", 8, false,
                              "GeluByTanh", 192),
      ToBytes<uint8_t, int8_t>("scaled Gelu", 8, true, "Gelu", 19, true),
      ToBytes<uint8_t, uint8_t>("scaled Gelu of whole tiles", 8, true, "Gelu",
                                192, true),
      ToBytes<int8_t, uint8_t>("scaled Gelu of int8, depth of no quads", 6,
                               false, "GeluByTanh", 192, true),
  };
}

namespace {

// The node as the operators it stands for.
Graph Apart(const OpExample& example) {
  Graph graph = GraphOf(example);
  const Node all = TakeNode(graph);
  Node product = ProductOfToBytes(all);
  ValueId y = graph.AddValue("product");
  product.outputs = {y};
  graph.AddNode(std::move(product));
  const std::string function = all.String("function", "");
  if (!function.empty()) {
    Node gelu;
    gelu.op_type = "Gelu";
    if (function == "GeluByTanh") gelu.Set("approximate", "tanh");
    gelu.inputs = {y};
    gelu.outputs = {y = graph.AddValue("gelu")};
    graph.AddNode(std::move(gelu));
  }
  if (all.has_input(ToBytesInputs::kFactor)) {
    y = graph.Emit("Mul", {y, all.input(ToBytesInputs::kFactor)}, "scaled");
  }
  Node quantize;
  quantize.op_type = "QuantizeLinear";
  quantize.inputs = {y, all.input(ToBytesInputs::kScale),
                     all.input(ToBytesInputs::kZero)};
  quantize.outputs = {graph.AddValue("bytes")};
  graph.SetOutputs(quantize.outputs);
  graph.AddNode(std::move(quantize));
  return graph;
}

TEST(MatMulIntegerToBytes, IsItsOperatorsOneAfterTheOther) {
  for (const OpExample& example : Examples_matmul_to_bytes()) {
    CheckParts(example, Apart(example));
  }
}

}  // namespace
}  // namespace squint
