// The executor against the reference interpreter, on real operators.
#include "squint/runtime/executor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "squint/ops/infer.h"
#include "squint/ops/interpreter.h"

namespace squint {
namespace {

Graph SigmoidRelu() {
  Graph graph;
  const ValueId x =
      graph.AddInput("x", DType::kFloat32, Shape({Dim::Symbol("n"), Dim(3)}));
  const ValueId a = graph.Emit("Relu", {x}, "a");
  const ValueId b = graph.Emit("Sigmoid", {a}, "b");
  graph.AddOutput(b);
  graph.AddOutput(a);
  InferShapes(graph);
  return graph;
}

std::vector<Tensor> Inputs() {
  return {Tensor::Of<float>({2, 3}, {-1.0f, 0.3f, 2.0f, 0.0f, -0.1f, 9.0f})};
}

// Float kernels may sum and approximate otherwise than the plain loops.
void ExpectSame(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].dims(), b[i].dims());
    EXPECT_THAT(a[i].ToFloats(),
                testing::Pointwise(testing::FloatNear(1e-6f), b[i].ToFloats()));
  }
}

TEST(Executor, EqualsTheInterpreterInFloat) {
  const Graph graph = SigmoidRelu();
  Executor executor(std::make_shared<const Graph>(graph));
  ExpectSame(executor.Run(Inputs()), Interpret(graph, Inputs()));
  ExpectSame(executor.Run(Inputs()), Interpret(graph, Inputs()));
}

TEST(Executor, TellsOfEachStepInOrderAndComputesTheSame) {
  const Graph graph = SigmoidRelu();
  Executor executor(std::make_shared<const Graph>(graph));
  std::vector<std::string> types;
  RunOptions options;
  options.on_step = [&](const StepEvent& event) {
    types.push_back(event.graph.node(event.node).op_type);
    EXPECT_EQ(event.depth, 0);
    ASSERT_EQ(event.inputs.size(), 1u);
    EXPECT_EQ(event.inputs[0].dims, (Dims{2, 3}));
    EXPECT_EQ(event.outputs[0].dtype, DType::kFloat32);
  };
  const auto told = executor.Run(Inputs(), options);
  EXPECT_THAT(types, testing::ElementsAre("Relu", "Sigmoid"));
  ExpectSame(told, executor.Run(Inputs()));
  EXPECT_EQ(types.size(), 2u);
}

TEST(Executor, SimulationEqualsTheAsWrittenReading) {
  Graph graph = SigmoidRelu();
  for (const auto* name : {"x", "a", "b"}) {
    graph.value(graph.FindValue(name)).quant =
        PerTensor(DType::kUint8, 1.0f / 64, 64);
  }
  Executor executor(std::make_shared<const Graph>(graph));
  ExpectSame(executor.Run(Inputs()), Interpret(graph, Inputs()));
}

TEST(Executor, SimulatesOnlyTheChosenValues) {
  Graph graph = SigmoidRelu();
  const ValueId b = graph.FindValue("b");
  const ValueId a = graph.FindValue("a");
  graph.value(a).quant = PerTensor(DType::kUint8, 1.0f / 4, 0);
  Graph only_b = SigmoidRelu();
  graph.value(b).quant = PerTensor(DType::kUint8, 1.0f / 64, 0);
  only_b.value(b).quant = graph.value(b).quant;
  RunOptions options;
  options.simulate.resize(static_cast<size_t>(graph.num_values()), false);
  options.simulate[static_cast<size_t>(b)] = true;
  Executor executor(std::make_shared<const Graph>(graph));
  ExpectSame(executor.Run(Inputs(), options), Interpret(only_b, Inputs()));
  ExpectSame(executor.Run(Inputs()), Interpret(graph, Inputs()));
}

TEST(Executor, TapsInputsAndResultsInOrder) {
  const Graph graph = SigmoidRelu();
  Executor executor(std::make_shared<const Graph>(graph));
  RunOptions options;
  for (const auto* name : {"b", "x", "a"}) {
    options.taps.push_back(graph.FindValue(name));
  }
  std::vector<std::string> seen;
  options.tap = [&](ValueId id, const Tensor& tensor) {
    EXPECT_EQ(tensor.dims(), Dims({2, 3}));
    seen.push_back(graph.value(id).name);
  };
  executor.Run(Inputs(), options);
  EXPECT_THAT(seen, testing::ElementsAre("x", "a", "b"));
}

TEST(Executor, RefusesInputsThatDoNotFit) {
  Executor executor(std::make_shared<const Graph>(SigmoidRelu()));
  EXPECT_THROW(executor.Run({}), Error);
  EXPECT_THROW(executor.Run({Tensor(DType::kFloat32, {2, 4})}), Error);
  EXPECT_NO_THROW(executor.Run({Tensor(DType::kFloat32, {7, 3})}));
  EXPECT_NO_THROW(executor.Run({Tensor(DType::kFloat32, {0, 3})}));
}

}  // namespace
}  // namespace squint
