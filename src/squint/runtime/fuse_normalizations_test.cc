// Normalizations on their way to bytes in one node against the same operators
// one after the other, both by the engine's kernels: equal bits.
#include "squint/runtime/fuse_normalizations.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "squint/ops/infer.h"
#include "squint/runtime/executor.h"

namespace squint {
namespace {

Tensor Wave(Dims dims, float step, float base = 0) {
  Tensor tensor(DType::kFloat32, std::move(dims));
  for (int64_t i = 0; i < tensor.size(); ++i) {
    tensor.mutable_data<float>()[i] =
        base + std::sin(step * static_cast<float>(i + 1));
  }
  return tensor;
}

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
                 {x, constant("scale", Wave({form.columns}, 0.3f, 1.5f)),
                  constant("bias", Wave({form.columns}, 0.8f))},
                 "real", {{"epsilon", 1e-6f}, {"axis", int64_t{2}}});
  if (form.real_is_read) outputs.push_back(graph.Emit("Neg", {real}, "kept"));
  x = real;
  if (form.scales) {
    x = graph.Emit("Mul",
                   {constant("factor", Wave({form.columns}, 0.1f, 1.2f)), x},
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

int64_t CountOf(const Graph& graph, std::string_view type) {
  int64_t count = 0;
  for (const NodeId id : graph.order()) {
    count += graph.node(id).op_type == type ? 1 : 0;
  }
  return count;
}

std::vector<Tensor> ResultsOf(const Graph& graph, int64_t columns,
                              int threads) {
  Context context;
  context.threads = threads;
  Executor executor(std::make_shared<const Graph>(graph), context);
  return executor.Run(
      {Wave({2, 9, columns}, 0.77f, 0.2f), Wave({2, 9, columns}, 1.31f)});
}

void CheckBits(const Graph& fused, const Graph& apart, int64_t columns) {
  for (const int threads : {1, 2}) {
    const auto results = ResultsOf(fused, columns, threads);
    const auto truth = ResultsOf(apart, columns, threads);
    ASSERT_EQ(results.size(), truth.size());
    for (size_t i = 0; i < truth.size(); ++i) {
      ASSERT_EQ(results[i].dims(), truth[i].dims());
      EXPECT_EQ(std::memcmp(results[i].raw(), truth[i].raw(), truth[i].bytes()),
                0)
          << "output " << i;
    }
  }
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
      CheckBits(fused, apart, columns);
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
