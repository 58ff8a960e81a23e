#include <gtest/gtest.h>

#include <cmath>

#include "squint/ops/op_examples.h"
#include "squint/ops/prepared_example.h"

namespace squint {
namespace {

Tensor Scores(Dims dims, float step) {
  Tensor x(DType::kFloat32, std::move(dims));
  for (int64_t i = 0; i < x.size(); ++i) {
    x.mutable_data<float>()[i] =
        2.0f * std::sin(step * static_cast<float>(i)) - 0.4f;
  }
  return x;
}

// Of 2 samples, 3 heads, 4 rows of 11 scores.
OpExample Masked(const char* what, Dims mask) {
  OpExample example = OpExample("SoftmaxToBytes", what, "squint")
                          .In(Scores({2, 3, 4, 11}, 0.37f));
  example = mask.empty() ? std::move(example).Absent()
                         : std::move(example).In(Scores(mask, 1.3f));
  return std::move(example)
      .Const(Tensor::Scalar<float>(1.0f / 255))
      .Const(Tensor::Scalar<uint8_t>(0));
}

}  // namespace

std::vector<OpExample> Examples_softmax_to_bytes() {
  return {Masked("scores alone", {}),
          Masked("a mask each sample", {2, 1, 1, 11}),
          Masked("a mask each row", {4, 11}),
          OpExample("SoftmaxToBytes", "int8", "squint")
              .In(Scores({3, 8}, 0.9f))
              .Absent()
              .Const(Tensor::Scalar<float>(1.0f / 255))
              .Const(Tensor::Scalar<int8_t>(-128))};
}

namespace {

Graph Apart(const OpExample& example) {
  Graph graph = GraphOf(example);
  const Node all = TakeNode(graph);
  ValueId x = all.input(0);
  if (all.has_input(1)) x = graph.Emit("Add", {x, all.input(1)}, "sum");
  x = graph.Emit("Softmax", {x}, "shares");
  const ValueId y =
      graph.Emit("QuantizeLinear", {x, all.input(2), all.input(3)}, "bytes");
  graph.SetOutputs({y});
  return graph;
}

TEST(SoftmaxToBytes, IsItsOperatorsOneAfterTheOther) {
  for (const OpExample& example : Examples_softmax_to_bytes()) {
    CheckParts(example, Apart(example));
  }
}

}  // namespace
}  // namespace squint
