// Nested graphs in the executor: the same numbers as plain loops, taps and
// simulation inside, one preparation for all trips.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <map>

#include "squint/graph/nested_values.h"
#include "squint/ops/control_flow_examples.h"
#include "squint/ops/infer.h"
#include "squint/ops/interpreter.h"
#include "squint/runtime/execution.h"

namespace squint {
namespace {

using testing::HasSubstr;

std::shared_ptr<const Graph> LoopsAndBranches() {
  Graph graph = ControlFlowNetwork();
  InferShapes(graph);
  return std::make_shared<const Graph>(std::move(graph));
}

auto IsNear(const Numbers& expected) {
  return testing::Pointwise(testing::DoubleNear(1e-5), expected);
}

ValueId NumberOf(const Graph& graph, std::string_view name) {
  const std::vector<std::string> names = NestedValues(graph).Names();
  return static_cast<ValueId>(std::find(names.begin(), names.end(), name) -
                              names.begin());
}

TEST(NestedGraphs, RunAsPlainLoopsDoForAnyLengthAndAgain) {
  const auto graph = LoopsAndBranches();
  // Dead memory is poisoned.
  Network network(graph, {}, FindOp);
  Execution execution(network, true);
  for (const int64_t steps : {1, 5, 2, 5, 5, 1, 5}) {
    const Tensor x = Noise({steps, kRows, kWidth}, 1.0f, 11);
    const ControlFlowResult expected = ControlFlowExpected(x);
    const auto out = execution.Run({x}, {});
    EXPECT_THAT(out[0].ToFloats(), IsNear(expected.y));
    EXPECT_THAT(out[1].ToFloats(), IsNear(expected.ys));
    EXPECT_THAT(out[2].ToFloats(), IsNear(expected.vs));
  }
}

TEST(NestedGraphs, ShowTappedValuesOnceATrip) {
  const auto graph = LoopsAndBranches();
  Executor executor(graph);
  const Tensor x = Noise({5, kRows, kWidth}, 1.0f, 11);
  const ControlFlowResult expected = ControlFlowExpected(x);
  RunOptions options;
  options.taps = {NumberOf(*graph, "h_next"), NumberOf(*graph, "v_relu"),
                  NumberOf(*graph, "h_last_node/body/wx")};
  std::map<ValueId, std::vector<float>> seen;
  options.tap = [&](ValueId id, const Tensor& tensor) {
    const std::vector<float> values = tensor.ToFloats();
    seen[id].insert(seen[id].end(), values.begin(), values.end());
  };
  executor.Run({x}, options);
  EXPECT_THAT(seen[options.taps[0]], IsNear(expected.ys));
  EXPECT_THAT(seen[options.taps[1]], IsNear(expected.vs));
  EXPECT_EQ(seen[options.taps[2]].size(),
            5u * static_cast<size_t>(kWidth * kWidth));
}

// Coarse grids, so that missing one would show.
Graph QuantizedInside() {
  Graph graph = ControlFlowNetwork();
  ForEachGraph(graph, [](Graph& each) {
    for (const char* name : {"h_next", "v_relu", "branch_out"}) {
      const ValueId id = each.FindValue(name);
      if (id == kNoValue) continue;
      each.value(id).quant = PerTensor(DType::kInt8, 0.25f, 0);
    }
    const ValueId w = each.FindValue("w_trip");
    if (w == kNoValue) return;
    Value& value = each.value(w);
    value.quant = PerTensor(DType::kInt8, 1.0f / 64, 0);
    value.constant = QuantizeTensor(value.constant, *value.quant);
  });
  InferShapes(graph);
  return graph;
}

TEST(NestedGraphs, AreSimulatedAsTheInterpreterReadsThem) {
  const auto graph = std::make_shared<const Graph>(QuantizedInside());
  VerifyGraph(*graph);
  Executor executor(graph);
  const Tensor x = Noise({4, kRows, kWidth}, 1.0f, 12);
  const auto expected = Interpret(*graph, {x});
  const auto out = executor.Run({x});
  for (size_t i = 0; i < out.size(); ++i) {
    const std::vector<float> truth = expected[i].ToFloats();
    EXPECT_THAT(out[i].ToFloats(),
                testing::Pointwise(testing::FloatNear(1e-5f), truth));
  }
  for (const float shown : out[1].ToFloats()) {
    EXPECT_EQ(shown * 4, std::nearbyint(shown * 4));
  }
}

TEST(NestedGraphs, SimulateOnlyWhatIsAskedFor) {
  const auto graph = std::make_shared<const Graph>(QuantizedInside());
  Executor executor(graph);
  const Tensor x = Noise({4, kRows, kWidth}, 1.0f, 12);
  RunOptions options;
  options.simulate.assign(static_cast<size_t>(NestedValues(*graph).size()),
                          false);
  const auto out = executor.Run({x}, options);
  EXPECT_THAT(out[1].ToFloats(), IsNear(ControlFlowExpected(x).ys));
}

Graph Endless() {
  Graph body = EmptyGraph("forever");
  body.AddInput("number", DType::kInt64, Shape());
  const ValueId going = body.AddInput("going", DType::kBool, Shape());
  const ValueId v = body.AddInput("v", DType::kFloat32, Shape());
  body.AddOutput(body.Emit("Identity", {going}, "still"));
  body.AddOutput(body.Emit("Neg", {v}, "next"));
  Graph graph = EmptyGraph("endless");
  const ValueId v0 = graph.AddInput("v0", DType::kFloat32, Shape::Of({2}));
  const NodeId node =
      AddBodyNode(graph, "Loop", {kNoValue, kNoValue, v0}, {"last"},
                  {{"body", GraphBox(std::move(body))}}, {});
  graph.SetOutputs(graph.node(node).outputs);
  InferShapes(graph);
  return graph;
}

TEST(NestedGraphs, ThatNeverEndStopAtTheLimitOrWhenCancelled) {
  const auto graph = std::make_shared<const Graph>(Endless());
  const Tensor v = Noise({2}, 1, 1);
  Context context;
  context.loop_limit = 10;
  Executor limited(graph, context);
  try {
    limited.Run({v});
    ADD_FAILURE() << "ended";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
    EXPECT_THAT(error.message(), HasSubstr("last_node"));
  }
  std::atomic<bool> cancel = false;
  context.loop_limit = INT64_MAX;
  context.cancel = &cancel;
  Executor endless(graph, context);
  RunOptions options;
  options.taps = {NumberOf(*graph, "next")};
  int trips = 0;
  options.tap = [&](ValueId, const Tensor&) { cancel = ++trips == 100; };
  try {
    endless.Run({v}, options);
    ADD_FAILURE() << "ended";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kCancelled);
  }
  EXPECT_EQ(trips, 100);
}

TEST(NestedGraphs, NameTheirOwnNodeInErrors) {
  Graph graph = ControlFlowNetwork();
  Graph& body =
      *std::get<GraphBox>(graph.node(graph.order()[0]).attributes["body"]);
  for (const NodeId id : body.order()) {
    if (body.node(id).Is("Tanh")) body.node(id).op_type = "Frobnicate";
  }
  InferShapes(graph);
  Executor executor(std::make_shared<const Graph>(std::move(graph)));
  try {
    executor.Run({Noise({2, kRows, kWidth}, 1, 1)});
    ADD_FAILURE() << "ran";
  } catch (const Error& error) {
    EXPECT_THAT(error.message(),
                testing::AllOf(HasSubstr("h_last_node"), HasSubstr("h_next")));
  }
}

}  // namespace
}  // namespace squint
