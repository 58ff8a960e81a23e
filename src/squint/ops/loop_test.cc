#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "squint/graph/nested_values.h"
#include "squint/ops/control_flow_examples.h"
#include "squint/ops/infer.h"
#include "squint/ops/interpreter.h"
#include "squint/ops/op_examples.h"

namespace squint {

namespace {

// Carries v; v' = op(v, ...) and each trip shows v'. `going` gives the
// condition, from the body's trip number and condition.
struct Trip {
  Graph body = EmptyGraph("trip");
  ValueId number = body.AddInput("number", DType::kInt64, Shape());
  ValueId going = body.AddInput("going", DType::kBool, Shape());
  ValueId v = body.AddInput("v", DType::kUndefined, Shape());

  Graph Give(ValueId condition, ValueId next) {
    body.AddOutput(condition);
    body.AddOutput(next);
    body.AddOutput(body.Emit("Identity", {next}, "shown"));
    return body;
  }
};

// Doubles v.
Graph Doubling() {
  Trip trip;
  return trip.Give(trip.going,
                   trip.body.Emit("Add", {trip.v, trip.v}, "twice"));
}

// Adds a row to v.
Graph Growing() {
  Trip trip;
  const ValueId row = trip.body.AddConstant("row", Floats({1, 2}, {7, 8}));
  Graph& body = trip.body;
  body.AddOutput(trip.going);
  body.AddOutput(
      body.Emit("Concat", {trip.v, row}, "grown", {{"axis", int64_t{0}}}));
  body.AddOutput(body.Emit("Identity", {row}, "shown"));
  return body;
}

// Goes on while v is below the bound.
Graph DoublingBelow(float bound) {
  Trip trip;
  Graph& body = trip.body;
  const ValueId twice = body.Emit("Add", {trip.v, trip.v}, "twice");
  const ValueId limit = body.AddConstant("bound", Tensor::Scalar<float>(bound));
  return trip.Give(body.Emit("Less", {twice, limit}, "below"), twice);
}

}  // namespace

std::vector<OpExample> Examples_loop() {
  return {
      OpExample("Loop", "a fixed number of trips")
          .Const(Tensor::Scalar<int64_t>(3))
          .Absent()
          .In(Floats({2, 2}, {1, 2, 3, 4}))
          .Set("body", GraphBox(Doubling()))
          .Outputs(2),
      OpExample("Loop", "no trip")
          .Const(Tensor::Scalar<int64_t>(0))
          .Const(Tensor::Scalar<bool>(true))
          .In(Floats({2, 2}, {1, 2, 3, 4}))
          .Set("body", GraphBox(Doubling()))
          .Outputs(2),
      OpExample("Loop", "a condition ends it")
          .Absent()
          .In(Tensor::Scalar<bool>(true))
          .In(Tensor::Scalar<float>(3.0f))
          .Set("body", GraphBox(DoublingBelow(20.0f)))
          .Outputs(2)
          .DataDependent(),
      OpExample("Loop", "the carried value grows")
          .In(Tensor::Scalar<int64_t>(2))
          .Absent()
          .In(Floats({1, 2}, {1, 2}))
          .Set("body", GraphBox(Growing()))
          .Outputs(2)
          .DataDependent(),
  };
}

namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Graph LoopGraph(Graph body, DType dtype = DType::kFloat32,
                Shape shape = Shape::Of({})) {
  Graph graph = EmptyGraph("looping");
  const ValueId trips = graph.AddInput("trips", DType::kInt64, Shape::Of({}));
  const ValueId condition =
      graph.AddInput("condition", DType::kBool, Shape::Of({}));
  const ValueId v = graph.AddInput("start", dtype, std::move(shape));
  const NodeId node =
      AddBodyNode(graph, "Loop", {trips, condition, v}, {"last", "all"},
                  {{"body", GraphBox(std::move(body))}}, {});
  graph.SetOutputs(graph.node(node).outputs);
  return graph;
}

std::vector<Tensor> RunLoop(const Graph& graph, int64_t trips, bool condition,
                            float start,
                            const InterpreterOptions& options = {}) {
  return Interpret(
      graph,
      {Tensor::Scalar<int64_t>(trips), Tensor::Scalar<bool>(condition),
       Tensor::Scalar<float>(start)},
      options);
}

template <typename F>
Error ErrorOf(F&& f) {
  try {
    f();
  } catch (const Error& error) {
    return error;
  }
  return Error(ErrorCode::kInternal, "no error");
}

TEST(Loop, CarriesValuesAndStacksWhatEachTripShows) {
  const auto out = RunLoop(LoopGraph(Doubling()), 4, true, 1.5f);
  EXPECT_THAT(out[0].ToFloats(), ElementsAre(24));
  EXPECT_EQ(out[1].dims(), (Dims{4}));
  EXPECT_THAT(out[1].ToFloats(), ElementsAre(3, 6, 12, 24));
}

TEST(Loop, EndsWhenTheBodySaysSoAfterThatTrip) {
  const auto out = RunLoop(LoopGraph(DoublingBelow(10)), 100, true, 1);
  EXPECT_THAT(out[0].ToFloats(), ElementsAre(16));
  EXPECT_THAT(out[1].ToFloats(), ElementsAre(2, 4, 8, 16));
}

TEST(Loop, WithoutATripHandsOnAndStacksNothing) {
  Graph graph = LoopGraph(Doubling());
  InferShapes(graph);
  for (const auto& [trips, condition] : {std::pair{int64_t{0}, true},
                                         {int64_t{5}, false},
                                         {int64_t{-1}, true}}) {
    const auto out = RunLoop(graph, trips, condition, 1.5f);
    EXPECT_THAT(out[0].ToFloats(), ElementsAre(1.5f));
    EXPECT_EQ(out[1].dims(), (Dims{0}));
    EXPECT_EQ(out[1].dtype(), DType::kFloat32);
  }
}

TEST(Loop, ThatNeverEndsIsAnErrorAtTheLimitNamingTheNode) {
  Context context;
  context.loop_limit = 50;
  const Graph graph = LoopGraph(Doubling());
  const Error error = ErrorOf(
      [&] { RunLoop(graph, INT64_MAX, true, 0, {.context = context}); });
  EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
  EXPECT_THAT(error.message(),
              testing::AllOf(HasSubstr("last_node"), HasSubstr("50 times")));
  EXPECT_THAT(RunLoop(graph, 50, true, 0, {.context = context})[1].dims(),
              ElementsAre(50));
}

TEST(Loop, ThatNeverEndsCanBeCancelled) {
  std::atomic<bool> cancel = false;
  int seen = 0;
  InterpreterOptions options;
  options.context.cancel = &cancel;
  options.tap = [&](ValueId, const Tensor&) { cancel = ++seen == 9; };
  const Error error = ErrorOf(
      [&] { RunLoop(LoopGraph(Doubling()), INT64_MAX, true, 0, options); });
  EXPECT_EQ(error.code(), ErrorCode::kCancelled);
}

TEST(Loop, WhoseStackOutgrowsMemoryIsAnError) {
  Context context;
  context.memory_limit = 4096;
  const Error error = ErrorOf([&] {
    RunLoop(LoopGraph(Doubling()), 17, true, 0, {.context = context});
  });
  EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory);
  EXPECT_THAT(error.message(), HasSubstr("'shown'"));
}

TEST(Loop, KnowsNoDimensionThatChangesFromTripToTrip) {
  Graph graph = LoopGraph(Growing(), DType::kFloat32, Shape::Of({1, 2}));
  InferShapes(graph);
  const Value& last = graph.value(graph.outputs()[0]);
  EXPECT_EQ(last.shape.ToString(), "[?,2]");
  EXPECT_EQ(graph.value(graph.outputs()[1]).shape.ToString(), "[?,1,2]");
  const auto out =
      Interpret(graph, {Tensor::Scalar<int64_t>(2), Tensor::Scalar<bool>(true),
                        Floats({1, 2}, {1, 2})});
  EXPECT_THAT(out[0].ToFloats(), ElementsAre(1, 2, 7, 8, 7, 8));
}

TEST(Loop, KnowsTheStackOfAConstantNumberOfTrips) {
  Graph graph = LoopGraph(Doubling());
  Node& node = graph.node(graph.order()[0]);
  node.inputs[0] = graph.AddConstant("six", Tensor::Scalar<int64_t>(6));
  node.inputs[1] = kNoValue;
  InferShapes(graph);
  EXPECT_EQ(graph.value(graph.outputs()[1]).shape.ToString(), "[6]");
}

TEST(Loop, RefusesAValueThatComesBackAsAnotherType) {
  Trip trip;
  Graph body =
      trip.Give(trip.going,
                trip.body.Emit("Cast", {trip.v}, "cast",
                               {{"to", static_cast<int64_t>(DType::kInt64)}}));
  Graph graph = LoopGraph(std::move(body));
  const Error error = ErrorOf([&] { InferShapes(graph); });
  EXPECT_EQ(error.code(), ErrorCode::kInvalidModel);
  EXPECT_THAT(error.message(),
              testing::AllOf(HasSubstr("last_node"), HasSubstr("'v'"),
                             HasSubstr("int64")));
}

TEST(Loop, RefusesABodyWithTheWrongNumberOfInputsOrOutputs) {
  Graph short_of_outputs = Doubling();
  short_of_outputs.SetOutputs({short_of_outputs.outputs()[0]});
  Graph graph = LoopGraph(short_of_outputs);
  EXPECT_THAT(ErrorOf([&] { InferShapes(graph); }).message(),
              HasSubstr("1 outputs where 3 are expected"));
  Graph more_inputs = Doubling();
  more_inputs.AddInput("more", DType::kFloat32, Shape());
  graph = LoopGraph(more_inputs);
  EXPECT_THAT(ErrorOf([&] { InferShapes(graph); }).message(),
              HasSubstr("4 inputs where 3 are passed"));
  // Also where nothing was inferred before.
  EXPECT_EQ(ErrorOf([&] { RunLoop(graph, 1, true, 0); }).code(),
            ErrorCode::kInvalidModel);
}

TEST(Loop, RefusesACarriedValueThatIsLeftOut) {
  Graph graph = LoopGraph(Doubling());
  graph.node(graph.order()[0]).inputs[2] = kNoValue;
  EXPECT_EQ(ErrorOf([&] { InferShapes(graph); }).code(),
            ErrorCode::kInvalidModel);
}

// Each level would be inferred several times for each time that the one
// around it is, were that not bounded.
TEST(Loop, InferenceOfDeepNestsTakesBoundedTime) {
  Graph body = Growing();
  for (int depth = 0; depth < 40; ++depth) {
    Trip trip;
    const ValueId two =
        trip.body.AddConstant("two", Tensor::Scalar<int64_t>(2));
    const NodeId inner =
        AddBodyNode(trip.body, "Loop", {two, kNoValue, trip.v}, {"last", "all"},
                    {{"body", GraphBox(body)}}, {});
    body = trip.Give(trip.going, trip.body.node(inner).output());
  }
  Graph graph = LoopGraph(std::move(body), DType::kFloat32, Shape::Of({1, 2}));
  InferShapes(graph);
  EXPECT_EQ(graph.value(graph.outputs()[0]).dtype, DType::kFloat32);
}

TEST(Loop, TapsShowEachTripUnderTheNumbersOfNestedValues) {
  const Graph graph = LoopGraph(Doubling());
  const NestedValues nested(graph);
  const std::vector<std::string> names = nested.Names();
  std::vector<float> twice;
  InterpreterOptions options;
  options.tap = [&](ValueId number, const Tensor& tensor) {
    if (names[static_cast<size_t>(number)] == "twice") {
      twice.push_back(tensor.ToFloats()[0]);
    }
  };
  RunLoop(graph, 3, true, 1, options);
  EXPECT_THAT(twice, ElementsAre(2, 4, 8));
}

}  // namespace
}  // namespace squint
