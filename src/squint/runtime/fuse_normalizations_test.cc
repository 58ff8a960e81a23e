// Normalizations on their way to bytes in one node against the same operators
// one after the other, both by the engine's kernels: equal bits.
#include "squint/runtime/fuse_normalizations.h"

#include <gtest/gtest.h>

#include "squint/ops/infer.h"
#include "squint/runtime/fused_graph.h"

namespace squint {
namespace {

struct Form {
  int64_t columns = 37;
  bool adds = true;
  bool sum_is_read = false;   // by something else
  bool scales = false;        // the bytes
  bool real_is_read = false;  // by something else
};

Graph Written(const Form& form) {
  Graph graph;
  graph.opset[""] = 25;
  const Dims dims = {2, 9, form.columns};
  const auto constant = [&](const char* name, Tensor value) {
    return graph.AddConstant(name, std::move(value));
  };
  const auto input = [&](const char* name) {
    return graph.AddInput(name, DType::kFloat32, Shape::Of(dims));
  };
  std::vector<ValueId> outputs;
  const ValueId a = input("a");
  const ValueId b = input("b");
  ValueId x = form.adds ? graph.Emit("Add", {a, b}, "sum") : a;
  if (form.sum_is_read || !form.adds) {
    outputs.push_back(graph.Emit("Neg", {form.adds ? x : b}, "other"));
  }
  const ValueId real =
      graph.Emit("LayerNormalization",
                 {x, constant("scale", SineWave({form.columns}, 0.3f, 1.5f)),
                  constant("bias", SineWave({form.columns}, 0.8f))},
                 "real", {{"epsilon", 1e-6f}, {"axis", int64_t{2}}});
  if (form.real_is_read) outputs.push_back(graph.Emit("Neg", {real}, "kept"));
  x = real;
  if (form.scales) {
    x = graph.Emit(
        "Mul", {constant("factor", SineWave({form.columns}, 0.1f, 1.2f)), x},
        "scaled");
  }
  outputs.push_back(
      graph.Emit("QuantizeLinear",
                 {x, constant("step", Tensor::Scalar<float>(0.0123f)),
                  constant("zero", Tensor::Scalar<uint8_t>(101))},
                 "bytes"));
  for (const ValueId id : outputs) graph.AddOutput(id);
  InferShapes(graph);
  return graph;
}

TEST(FuseNormalizations, ChangesNoBit) {
  for (const int64_t columns : {1, 7, 16, 37, 64, 384}) {
    for (int bits = 0; bits < 16; ++bits) {
      const Form form{columns, (bits & 1) != 0, (bits & 2) != 0,
                      (bits & 4) != 0, (bits & 8) != 0};
      SCOPED_TRACE(columns * 100 + bits);
      const Graph apart = Written(form);
      Graph fused = apart;
      FuseNormalizations(fused);
      VerifyGraph(fused);
      EXPECT_EQ(CountOf(fused, "LayerNormalizationToBytes"), 1);
      EXPECT_EQ(CountOf(fused, "LayerNormalization"), 0);
      EXPECT_EQ(CountOf(fused, "QuantizeLinear"), 0);
      EXPECT_EQ(CountOf(fused, "Mul"), 0);
      EXPECT_EQ(CountOf(fused, "Add"), form.adds && form.sum_is_read ? 1 : 0);
      const Dims dims = {2, 9, columns};
      CheckSameBits(fused, apart,
                    {SineWave(dims, 0.77f, 0.2f), SineWave(dims, 1.31f)});
    }
  }
}

TEST(FuseNormalizations, LeavesRealResultsAlone) {
  Graph graph = Written({.real_is_read = true});
  const auto outputs = graph.outputs();
  graph.SetOutputs({outputs.front()});  // nothing is quantized then
  graph.RemoveNode(graph.value(outputs.back()).producer);
  graph.Compact();
  FuseNormalizations(graph);
  EXPECT_EQ(CountOf(graph, "LayerNormalization"), 1);
}

}  // namespace
}  // namespace squint
