// Products on their way to bytes in one node against the same operators one
// after the other, both by the engine's kernels: equal bits.
#include "squint/runtime/fuse_to_bytes.h"

#include <gtest/gtest.h>

#include "squint/ops/infer.h"
#include "squint/runtime/fused_graph.h"

namespace squint {
namespace {

constexpr int64_t kColumns = 70;

struct Form {
  bool bias = true;
  bool scales = true;         // the columns of what Gelu makes
  bool factor_first = false;  // of the two operands
  Dims factor = {kColumns};
  bool is_read = false;  // what Gelu makes, by something else
};

template <typename T>
Tensor Steps(Dims dims, int step, int base) {
  Tensor tensor =
      Tensor(std::is_same_v<T, int8_t> ? DType::kInt8 : DType::kUint8,
             std::move(dims));
  for (int64_t i = 0; i < tensor.size(); ++i) {
    tensor.mutable_data<T>()[i] = static_cast<T>((i * step + base) % 127);
  }
  return tensor;
}

Graph Written(const Form& form) {
  Graph graph;
  graph.opset[""] = 25;
  graph.opset["com.microsoft"] = 1;
  const auto constant = [&](const char* name, Tensor value) {
    return graph.AddConstant(name, std::move(value));
  };
  ValueId y =
      graph.Emit("MatMulIntegerToFloat",
                 {graph.AddInput("x", DType::kUint8, Shape::Of({1, 9, 24})),
                  constant("weight", Steps<int8_t>({24, kColumns}, 29, 3)),
                  constant("x_scale", Tensor::Scalar<float>(0.01f)),
                  constant("scale", Tensor::Scalar<float>(0.002f)),
                  constant("x_zero", Tensor::Scalar<uint8_t>(57))},
                 "product", {}, "com.microsoft");
  if (form.bias) {
    y = graph.Emit(
        "Add", {y, constant("bias", SineWave({kColumns}, 0.7f, 0.1f, 0.3f))},
        "sum");
  }
  y = graph.Emit("Gelu", {y}, "gelu");
  if (form.is_read) graph.AddOutput(graph.Emit("Neg", {y}, "other"));
  if (form.scales) {
    const ValueId factor =
        constant("factor", SineWave(form.factor, 0.4f, 1.1f, 0.3f));
    y = graph.Emit(
        "Mul", {form.factor_first ? factor : y, form.factor_first ? y : factor},
        "scaled");
  }
  graph.AddOutput(
      graph.Emit("QuantizeLinear",
                 {y, constant("step", Tensor::Scalar<float>(0.011f)),
                  constant("zero", Tensor::Scalar<uint8_t>(30))},
                 "bytes"));
  InferShapes(graph);
  return graph;
}

// The fused graph, checked.
Graph Fused(const Form& form) {
  const Graph apart = Written(form);
  Graph fused = apart;
  FuseToBytes(fused);
  VerifyGraph(fused);
  CheckSameBits(fused, apart, {Steps<uint8_t>({1, 9, 24}, 37, 11)});
  return fused;
}

TEST(FuseToBytes, TakesAFactorOfColumnsBehindGelu) {
  for (int bits = 0; bits < 8; ++bits) {
    SCOPED_TRACE(bits);
    const Graph fused = Fused({.bias = (bits & 1) != 0,
                               .scales = (bits & 2) != 0,
                               .factor_first = (bits & 4) != 0});
    EXPECT_EQ(fused.order().size(), 1u);
    EXPECT_EQ(CountOf(fused, "MatMulIntegerToBytes"), 1);
  }
}

TEST(FuseToBytes, LeavesWhatOthersReadAndOtherFactors) {
  const Graph read = Fused({.is_read = true});
  EXPECT_EQ(CountOf(read, "Gelu"), 1);
  EXPECT_EQ(CountOf(read, "Mul"), 1);
  const Graph rows = Fused({.factor = {9, 1}});
  EXPECT_EQ(CountOf(rows, "Mul"), 1);
  EXPECT_EQ(CountOf(rows, "MatMulIntegerToBytes"), 0);
}

}  // namespace
}  // namespace squint
