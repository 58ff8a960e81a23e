// Products with weights that stay in their bits, against the reference on the
// numbers they stand for.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "squint/ops/infer.h"
#include "squint/ops/interpreter.h"
#include "squint/runtime/executor.h"

namespace squint {
namespace {

Tensor Random(Dims dims, uint32_t seed, float low = -1.0f) {
  std::mt19937 engine(seed);
  std::uniform_real_distribution<float> uniform(low, 1.0f);
  Tensor tensor(DType::kFloat32, std::move(dims));
  for (int64_t i = 0; i < tensor.size(); ++i) {
    tensor.mutable_data<float>()[i] = uniform(engine);
  }
  return tensor;
}

Tensor Integers(DType dtype, Dims dims, uint32_t seed) {
  std::mt19937 engine(seed);
  const QuantRange range = RangeOf(dtype, false);
  std::uniform_int_distribution<int32_t> uniform(range.qmin, range.qmax);
  Tensor tensor(DType::kInt32, std::move(dims));
  for (int64_t i = 0; i < tensor.size(); ++i) {
    tensor.mutable_data<int32_t>()[i] = uniform(engine);
  }
  return tensor.CastTo(dtype);
}

struct Case {
  std::string what;
  Dims x;
  Dims weight;
  DType dtype = DType::kInt4;
  int axis = 0;
  int64_t block = 32;
  bool zeros = false;
  DType scale = DType::kFloat32;
  std::string op_type = "MatMul";
  Attributes attributes = {};
  bool bias = false;
  bool relu = false;
};

QuantParams ParamsOf(const Case& c) {
  QuantParams params;
  params.dtype = c.dtype;
  params.axis = c.axis;
  params.block = c.block;
  Dims dims;
  if (c.axis >= 0 && c.block > 0) {
    dims = c.weight;
    int64_t& along = dims[static_cast<size_t>(c.axis)];
    along = (along + c.block - 1) / c.block;
  } else if (c.axis >= 0) {
    dims = {c.weight[static_cast<size_t>(c.axis)]};
  }
  params.scale = Random(dims, 3, 0.01f).CastTo(c.scale);
  if (c.zeros) params.zero_point = Integers(c.dtype, dims, 4);
  return params;
}

Graph GraphOf(const Case& c) {
  Graph graph;
  graph.opset[""] = 25;
  Node node;
  node.op_type = c.op_type;
  node.attributes = c.attributes;
  node.inputs = {graph.AddInput("x", DType::kFloat32, Shape::Of(c.x)),
                 graph.AddConstant("w", Integers(c.dtype, c.weight, 2))};
  Value& weight = graph.value(node.inputs[1]);
  weight.dtype = DType::kFloat32;
  weight.quant = ParamsOf(c);
  const bool turned = node.Int("transB", 0) != 0;
  const int64_t columns = c.weight[turned ? 0 : c.weight.size() - 1];
  if (c.bias)
    node.inputs.push_back(graph.AddConstant("b", Random({columns}, 5)));
  node.outputs = {graph.AddValue("y")};
  const ValueId y = node.outputs[0];
  graph.AddNode(std::move(node));
  graph.AddOutput(c.relu ? graph.Emit("Relu", {y}, "r") : y);
  InferShapes(graph);
  return graph;
}

std::vector<Case> Cases() {
  const Attributes turned = {{"transB", int64_t{1}}};
  const Attributes scaled = {
      {"transB", int64_t{1}}, {"alpha", 0.5f}, {"beta", 2.0f}};
  return {
      {"one row", {1, 100}, {100, 40}},
      {"a vector", {64}, {64, 33}},
      {"a batch of rows", {3, 7, 96}, {96, 40}, DType::kUint4, 0, 16, true},
      {"many rows", {70, 64}, {64, 70}, DType::kInt4, 0, 64},
      {"2 bits", {2, 64}, {64, 20}, DType::kUint2, 0, 16, true},
      {"8 bits", {2, 64}, {64, 20}, DType::kInt8, 0, 32, true},
      {"a scale for each column", {2, 64}, {64, 20}, DType::kInt8, 1, 0, true},
      {"one scale", {1, 64}, {64, 20}, DType::kUint8, -1, 0, true},
      {"half precision",
       {1, 64},
       {64, 20},
       DType::kInt4,
       0,
       32,
       false,
       DType::kFloat16},
      {"one group", {1, 20}, {20, 9}, DType::kInt4, 0, 20},
      {"Gemm",
       {2, 64},
       {64, 20},
       DType::kInt4,
       0,
       32,
       false,
       DType::kFloat32,
       "Gemm",
       {},
       true,
       true},
      {"Gemm turned",
       {2, 64},
       {20, 64},
       DType::kInt4,
       1,
       32,
       true,
       DType::kFloat32,
       "Gemm",
       turned,
       true},
      {"Gemm scaled",
       {2, 64},
       {20, 64},
       DType::kInt8,
       0,
       0,
       true,
       DType::kFloat32,
       "Gemm",
       scaled,
       true,
       true},
      // Not for the kernel: dequantized.
      {"small groups", {2, 64}, {64, 20}, DType::kInt4, 0, 8},
      {"groups across columns", {2, 64}, {64, 32}, DType::kInt4, 1, 16},
      {"a scale for each row", {2, 64}, {64, 20}, DType::kInt8, 0, 0},
      {"Gemm of columns",
       {64, 2},
       {64, 20},
       DType::kInt4,
       0,
       32,
       false,
       DType::kFloat32,
       "Gemm",
       {{"transA", int64_t{1}}}},
      {"16 bits", {2, 64}, {64, 20}, DType::kInt16, 1, 0},
  };
}

TEST(StoredWeights, GiveWhatTheirDequantizedNumbersGive) {
  for (const Case& c : Cases()) {
    SCOPED_TRACE(c.what);
    const Graph graph = GraphOf(c);
    const std::vector<Tensor> inputs = {Random(c.x, 1)};
    const Tensor expected = Interpret(graph, inputs)[0];
    Executor executor(std::make_shared<const Graph>(graph));
    for (int run = 0; run < 2; ++run) {
      const Tensor y = executor.Run(inputs)[0];
      ASSERT_EQ(y.dims(), expected.dims());
      for (int64_t i = 0; i < y.size(); ++i) {
        ASSERT_NEAR(y.data<float>()[i], expected.data<float>()[i],
                    1e-4f * (1.0f + std::fabs(expected.data<float>()[i])))
            << i;
      }
    }
  }
}

TEST(StoredWeights, TakeRowsThatAreAStoredConstantToo) {
  const Case c = {"rows", {3, 64}, {64, 20}};
  Graph graph = GraphOf(c);
  const NodeId product = graph.order()[0];
  const ValueId rows =
      graph.AddConstant("rows", Integers(DType::kInt8, c.x, 1));
  graph.value(rows).dtype = DType::kFloat32;
  graph.value(rows).quant = PerTensor(DType::kInt8, 0.02f, 0);
  graph.ReplaceInput(product, 0, rows);
  const std::vector<Tensor> inputs = {Random(c.x, 1)};
  const Tensor expected = Interpret(graph, inputs)[0];
  const Tensor y =
      Executor(std::make_shared<const Graph>(graph)).Run(inputs)[0];
  for (int64_t i = 0; i < y.size(); ++i) {
    ASSERT_NEAR(y.data<float>()[i], expected.data<float>()[i], 1e-3f) << i;
  }
}

TEST(StoredWeights, TakeProductsOfNoTermsAndOfNoColumns) {
  const auto product = [](Dims x, Dims weight) {
    const Case c = {"", x, std::move(weight), DType::kInt8, -1, 0};
    return Executor(std::make_shared<const Graph>(GraphOf(c)))
        .Run({Random(x, 1)})[0];
  };
  EXPECT_EQ(product({3, 0}, {0, 20}).ToFloats(), std::vector<float>(60, 0.0f));
  EXPECT_EQ(product({3, 4}, {4, 0}).dims(), (Dims{3, 0}));
}

// A table's rows are those of the dequantized one, bit for bit.
TEST(StoredWeights, GiveTheRowsOfATable) {
  const std::vector<Case> tables = {
      {"groups in a row", {}, {9, 40}, DType::kInt4, 1, 16},
      {"groups with zero points", {}, {9, 40}, DType::kUint4, 1, 40, true},
      {"groups of rows", {}, {9, 5}, DType::kInt8, 0, 4},
      {"a scale for each row", {}, {9, 7}, DType::kInt8, 0, 0, true},
      {"a scale for each column", {}, {9, 7}, DType::kUint2, 1, 0},
      {"one scale", {}, {9, 3, 5}, DType::kUint8, -1, 0, true},
  };
  for (const Case& c : tables) {
    for (const DType indices : {DType::kInt64, DType::kInt32}) {
      SCOPED_TRACE(c.what);
      Graph graph;
      graph.opset[""] = 25;
      const ValueId table =
          graph.AddConstant("w", Integers(c.dtype, c.weight, 2));
      graph.value(table).dtype = DType::kFloat32;
      graph.value(table).quant = ParamsOf(c);
      const ValueId wanted = graph.AddInput("i", indices, Shape::Of({2, 2}));
      graph.AddOutput(graph.Emit("Gather", {table, wanted}, "y"));
      InferShapes(graph);
      const std::vector<Tensor> inputs = {
          Tensor::Of<int64_t>({2, 2}, {8, 0, -1, 3}).CastTo(indices)};
      const Tensor expected = Interpret(graph, inputs)[0];
      Executor executor(std::make_shared<const Graph>(graph));
      const Tensor y = executor.Run(inputs)[0];
      ASSERT_EQ(y.dims(), expected.dims());
      EXPECT_TRUE(
          std::ranges::equal(y.values<float>(), expected.values<float>()));
      const Tensor outside =
          Tensor::Of<int64_t>({2, 2}, {8, 0, 9, 3}).CastTo(indices);
      EXPECT_THROW(executor.Run({outside}), Error);
    }
  }
}

TEST(StoredWeights, RefuseScalesWhoseNumberDoesNotFit) {
  Graph graph = GraphOf({"one row", {1, 100}, {100, 40}});
  QuantParams& params = *graph.value(graph.FindValue("w")).quant;
  params.scale = Random({3, 40}, 3, 0.01f);
  Executor executor(std::make_shared<const Graph>(graph));
  EXPECT_THROW(executor.Run({Random({1, 100}, 1)}), Error);
}

// The numbers of a row, whatever stands beside it.
TEST(StoredWeights, GiveASampleTheSameBitsInEveryBatch) {
  Case c = {"rows", {9, 100}, {100, 40}};
  const Tensor x = Random(c.x, 1);
  const Tensor all =
      Executor(std::make_shared<const Graph>(GraphOf(c))).Run({x})[0];
  c.x = {1, 100};
  const Tensor row = Tensor::Of<float>({1, 100}, {x.data<float>() + 300, 100});
  const Tensor one =
      Executor(std::make_shared<const Graph>(GraphOf(c))).Run({row})[0];
  EXPECT_TRUE(std::ranges::equal(one.values<float>(),
                                 all.values<float>().subspan(3 * 40, 40)));
}

}  // namespace
}  // namespace squint
