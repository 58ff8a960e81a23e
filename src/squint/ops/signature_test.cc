#include "squint/ops/signature.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "squint/ops/infer.h"
#include "squint/ops/interpreter.h"
#include "squint/ops/op_examples.h"

namespace squint {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// What inference says of a graph of this one node; "" when nothing.
std::string ComplaintOf(const OpExample& example, size_t outputs = 1) {
  Graph graph = GraphOf(example);
  if (outputs == 0) graph.node(graph.order()[0]).outputs = {kNoValue};
  try {
    InferShapes(graph);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidModel);
    return error.message();
  }
  return "";
}

TEST(Signature, RequiredInputsMustBeThere) {
  EXPECT_THAT(ComplaintOf(OpExample("MatMul", "").In(Ramp({2, 2}))),
              HasSubstr("input 1 of 2 is missing"));
  EXPECT_THAT(ComplaintOf(OpExample("Relu", "").Absent()),
              HasSubstr("input 0 of 1 is missing"));
  EXPECT_EQ(ComplaintOf(OpExample("Clip", "").In(Ramp({2})).Absent()), "");
}

TEST(Signature, NoneOfSeveralMayBeLeftOut) {
  EXPECT_THAT(
      ComplaintOf(OpExample("Max", "").In(Ramp({2})).Absent().In(Ramp({2}))),
      HasSubstr("input 1 of 2 is missing"));
}

TEST(Signature, EveryOperatorHasOne) {
  for (const OpDef* op : AllOps()) {
    EXPECT_TRUE(HasSignature(op->type)) << op->type;
  }
}

TEST(Signature, InputsThatTheOperatorDoesNotKnowAreRefused) {
  EXPECT_THAT(ComplaintOf(OpExample("Add", "").In(Ramp({2})).In(Ramp({2})).In(
                  Ramp({2}))),
              HasSubstr("3 inputs, the operator takes up to 2"));
  EXPECT_EQ(ComplaintOf(
                OpExample("Sum", "").In(Ramp({2})).In(Ramp({2})).In(Ramp({2}))),
            "");
}

TEST(Signature, ResultsThatTheOperatorDoesNotMakeAreRefused) {
  const OpExample two = OpExample("Relu", "").In(Ramp({2})).Outputs(2);
  EXPECT_THAT(ComplaintOf(two), HasSubstr("'y_1'"));
  const OpExample indices = OpExample("MaxPool", "")
                                .In(Ramp({1, 1, 4}))
                                .Set("kernel_shape", std::vector<int64_t>{2})
                                .Outputs(2);
  EXPECT_EQ(ComplaintOf(indices), "");
}

TEST(Signature, OneOfSeveralResultsMustHaveAName) {
  const OpExample top =
      OpExample("TopK", "").In(Ramp({4})).Const(Ints({1}, {2}));
  EXPECT_THAT(ComplaintOf(top, 0), HasSubstr("no name"));
}

TEST(Signature, KindsOfNumbersAreHeldTo) {
  EXPECT_THAT(ComplaintOf(OpExample("Not", "").In(Ramp({2}))),
              HasSubstr("'x' is float32, expected bool"));
  EXPECT_THAT(ComplaintOf(OpExample("Sigmoid", "").In(Ints({2}, {1, 2}))),
              HasSubstr("'x' is int64, expected a floating type"));
  EXPECT_THAT(ComplaintOf(OpExample("Gather", "").In(Ramp({2})).In(Ramp({2}))),
              HasSubstr("'x_1' is float32, expected integers"));
}

TEST(Signature, RecurrentNetworksMixNoFloatingTypes) {
  EXPECT_THAT(ComplaintOf(OpExample("GRU", "")
                              .In(Ramp({2, 1, 3}).CastTo(DType::kFloat64))
                              .Const(Ramp({1, 6, 3}))
                              .Const(Ramp({1, 6, 2}))),
              HasSubstr("expected one type"));
}

TEST(Signature, TheResultMustHaveAName) {
  EXPECT_THAT(ComplaintOf(OpExample("Relu", "").In(Ramp({2})), 0),
              HasSubstr("no name"));
}

TEST(Signature, InputsOfOneTypeAreHeldToIt) {
  const std::string complaint =
      ComplaintOf(OpExample("Add", "").In(Ramp({2})).Const(Ints({2}, {1, 2})));
  EXPECT_THAT(complaint, HasSubstr("'x' is float32"));
  EXPECT_THAT(complaint, HasSubstr("'c' is int64"));
  EXPECT_EQ(ComplaintOf(OpExample("Where", "")
                            .In(Ramp({2}).CastTo(DType::kBool))
                            .In(Ramp({2}))
                            .In(Ramp({2}))),
            "");
}

TEST(InferFromTensors, KnowsWhatOnlyRunningTells) {
  // y = Reshape(x, s) with a computed shape.
  Graph graph;
  graph.opset[""] = 25;
  const ValueId x = graph.AddInput("x", DType::kFloat32, Shape::Of({6}));
  const ValueId s = graph.AddInput("s", DType::kInt64, Shape::Of({2}));
  const ValueId y = graph.Emit("Reshape", {x, s}, "y");
  graph.AddOutput(y);
  const Tensor data = Ramp({6});
  const Tensor shape = Ints({2}, {2, -1});
  const Node& node = graph.node(graph.value(y).producer);
  const auto results = InferFromTensors(graph, node, {&data, &shape});
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].shape.ToString(), "[2,3]");
  const Tensor wrong = Ints({2}, {4, 4});
  EXPECT_THROW(InferFromTensors(graph, node, {&data, &wrong}), Error);
}

TEST(Interpret, RefusesAResultBeyondTheMemoryLimit) {
  const OpExample huge = OpExample("Expand", "")
                             .In(Ramp({1}))
                             .Const(Ints({2}, {1 << 20, 1 << 20}));
  try {
    Interpret(GraphOf(huge), InputsOf(huge));
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory);
  }
}

TEST(Interpret, GivesQuantizedHalvesBackAsHalves) {
  Graph graph;
  graph.opset[""] = 25;
  const ValueId x = graph.AddInput("x", DType::kFloat16, Shape::Of({2}));
  graph.AddOutput(graph.Emit("Relu", {x}, "y"));
  InferShapes(graph);
  QuantParams params = PerTensor(DType::kUint8, 0.5f, 0);
  params.real_dtype = DType::kFloat16;
  graph.value(graph.outputs()[0]).quant = params;
  const Tensor y =
      Interpret(graph, {Floats({2}, {1.5f, -1}).CastTo(DType::kFloat16)})[0];
  EXPECT_EQ(y.dtype(), DType::kFloat16);
  EXPECT_THAT(y.ToFloats(), ElementsAre(1.5f, 0));
}

}  // namespace
}  // namespace squint
