#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "squint/ops/control_flow_examples.h"
#include "squint/ops/infer.h"
#include "squint/ops/interpreter.h"
#include "squint/ops/op_examples.h"
#include "squint/ops/op_upgrade_testing.h"

namespace squint {

namespace {

// sum' = sum + x, shown.
Graph RunningSum() {
  Graph body = EmptyGraph("sum");
  const ValueId sum = body.AddInput("sum", DType::kFloat32, Shape());
  const ValueId x = body.AddInput("x", DType::kFloat32, Shape());
  const ValueId next = body.Emit("Add", {sum, x}, "next");
  body.AddOutput(next);
  body.AddOutput(body.Emit("Identity", {next}, "shown"));
  return body;
}

OpExample SumExample(std::string what, Dims dims, std::vector<float> values) {
  return OpExample("Scan", std::move(what))
      .In(Floats({2}, {0, 100}))
      .In(Floats(std::move(dims), std::move(values)))
      .Set("body", GraphBox(RunningSum()))
      .Set("num_scan_inputs", int64_t{1})
      .Outputs(2)
      .FixedSizes();
}

}  // namespace

std::vector<OpExample> Examples_scan() {
  return {
      SumExample("rows", {3, 2}, {1, 2, 3, 4, 5, 6}),
      SumExample("columns into columns", {2, 3}, {1, 3, 5, 2, 4, 6})
          .Set("scan_input_axes", std::vector<int64_t>{-1})
          .Set("scan_output_axes", std::vector<int64_t>{1}),
      SumExample("backwards", {3, 2}, {1, 2, 3, 4, 5, 6})
          .Set("scan_input_directions", std::vector<int64_t>{1})
          .Set("scan_output_directions", std::vector<int64_t>{1}),
      SumExample("nothing", {0, 2}, {}),
  };
}

namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Scan, SumsRowsFromFirstToLast) {
  const auto out = RunExample(Examples_scan()[0]);
  EXPECT_THAT(out[0].ToFloats(), ElementsAre(9, 112));
  EXPECT_EQ(out[1].dims(), (Dims{3, 2}));
  EXPECT_THAT(out[1].ToFloats(), ElementsAre(1, 102, 4, 106, 9, 112));
}

TEST(Scan, TakesAndStacksAlongAnyAxis) {
  const auto out = RunExample(Examples_scan()[1]);
  EXPECT_THAT(out[0].ToFloats(), ElementsAre(9, 112));
  EXPECT_EQ(out[1].dims(), (Dims{2, 3}));
  EXPECT_THAT(out[1].ToFloats(), ElementsAre(1, 4, 9, 102, 106, 112));
}

TEST(Scan, GoesAndStacksBackwards) {
  const auto out = RunExample(Examples_scan()[2]);
  EXPECT_THAT(out[0].ToFloats(), ElementsAre(9, 112));
  // The last row was added first and stands last.
  EXPECT_THAT(out[1].ToFloats(), ElementsAre(9, 112, 8, 110, 5, 106));
}

TEST(Scan, OfNothingHandsItsStateOn) {
  Graph graph = GraphOf(Examples_scan()[3]);
  InferShapes(graph);
  const auto out = Interpret(graph, InputsOf(Examples_scan()[3]));
  EXPECT_THAT(out[0].ToFloats(), ElementsAre(0, 100));
  EXPECT_EQ(out[1].dims(), (Dims{0, 2}));
}

TEST(Scan, CarriesASymbolicLengthToItsStack) {
  Graph graph = ControlFlowNetwork();
  InferShapes(graph);
  EXPECT_EQ(graph.value(graph.FindValue("ys")).shape.ToString(), "[steps,2,8]");
  EXPECT_EQ(graph.value(graph.FindValue("vs")).shape.ToString(), "[3,2,8]");
  EXPECT_EQ(graph.value(graph.FindValue("y")).shape.ToString(), "[2,4]");
}

TEST(Scan, RefusesInputsOfDifferentLengths) {
  Graph body = EmptyGraph("both");
  const ValueId a = body.AddInput("a", DType::kFloat32, Shape());
  const ValueId b = body.AddInput("b", DType::kFloat32, Shape());
  body.AddOutput(body.Emit("Add", {a, b}, "sum"));
  const OpExample example = OpExample("Scan", "two lengths")
                                .In(Floats({2}, {1, 2}))
                                .In(Floats({3}, {1, 2, 3}))
                                .Set("body", GraphBox(body))
                                .Set("num_scan_inputs", int64_t{2});
  Graph graph = GraphOf(example);
  for (const bool inferred : {true, false}) {
    try {
      if (inferred) {
        InferShapes(graph);
      } else {
        Interpret(graph, InputsOf(example));
      }
      ADD_FAILURE() << "taken";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidModel);
      EXPECT_THAT(error.message(), HasSubstr("2 and of 3"));
    }
  }
}

TEST(Scan, RefusesACountThatDoesNotFitItsInputs) {
  for (const int64_t count : {0, 3, -1}) {
    Graph graph = GraphOf(SumExample("wrong count", {1, 2}, {1, 2})
                              .Set("num_scan_inputs", count));
    EXPECT_THROW(InferShapes(graph), Error) << count;
  }
}

// Opset 8: a batch around everything, and a first input for lengths.
TEST(Scan, OfOpset8RunsEachSampleOfItsBatch) {
  const OpExample old = OpExample("Scan", "of opset 8")
                            .Absent()
                            .In(Floats({2, 2}, {0, 0, 100, 100}))
                            .In(Floats({2, 3, 2}, {1, 2, 3, 4, 5, 6,  //
                                                   10, 20, 30, 40, 50, 60}))
                            .Set("body", GraphBox(RunningSum()))
                            .Set("num_scan_inputs", int64_t{1})
                            .Set("directions", std::vector<int64_t>{1})
                            .Outputs(2);
  Graph graph = UpgradedGraph(old, 8);
  EXPECT_EQ(graph.value(graph.outputs()[1]).shape.ToString(), "[2,3,2]");
  const auto out = Interpret(graph, InputsOf(old));
  EXPECT_THAT(out[0].ToFloats(), ElementsAre(9, 12, 190, 220));
  EXPECT_THAT(out[1].ToFloats(),
              ElementsAre(5, 6, 8, 10, 9, 12, 150, 160, 180, 200, 190, 220));
  // What is upgraded is not upgraded again.
  const std::string before = PrintGraph(graph);
  ForEachGraph(graph, [](Graph& each) {
    for (const NodeId id : each.order()) {
      UpgradeContext context{each, id, 8};
      const OpDef* op = FindOp(each.node(id).op_type);
      if (op->upgrade != nullptr) op->upgrade(context);
    }
  });
  EXPECT_EQ(PrintGraph(graph), before);
}

TEST(ControlFlow, OfAllThreeOperatorsComputesWhatPlainLoopsDo) {
  Graph graph = ControlFlowNetwork();
  VerifyGraph(graph);
  InferShapes(graph);
  for (const int64_t steps : {1, 5}) {
    const Tensor x = Noise({steps, kRows, kWidth}, 1.0f, 11);
    const ControlFlowResult expected = ControlFlowExpected(x);
    const auto out = Interpret(graph, {x});
    const auto is_near = [](const Numbers& numbers) {
      return testing::Pointwise(testing::DoubleNear(1e-5), numbers);
    };
    EXPECT_THAT(out[0].ToFloats(), is_near(expected.y));
    EXPECT_THAT(out[1].ToFloats(), is_near(expected.ys));
    EXPECT_THAT(out[2].ToFloats(), is_near(expected.vs));
  }
}

}  // namespace
}  // namespace squint
