#include "squint/interchange/lower.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <functional>

#include "squint/interchange/interchange.h"
#include "squint/interchange/qdq_builder.h"
#include "squint/interchange/versions.h"
#include "squint/ops/interpreter.h"

namespace squint {
namespace {

using testing::HasSubstr;

// One operator on one input of 2 x 3 x 4 x 4.
struct Example {
  std::string what;
  int64_t lowest;  // opset that it can be said in, not before 11
  std::function<ValueId(QdqBuilder&, ValueId)> make;
};

std::vector<Example> Examples() {
  using Words = std::string;
  const auto op = [](std::string_view type, Attributes attributes = {}) {
    return [type, attributes](QdqBuilder& b, ValueId x) {
      return b.Op(type, {x}, attributes);
    };
  };
  const auto with = [](std::string_view type, std::vector<int64_t> ints,
                       Attributes attributes = {}) {
    return [=](QdqBuilder& b, ValueId x) {
      return b.Op(type, {x, b.Ints(ints)}, attributes);
    };
  };
  const auto recurrent = [](std::string_view type, int64_t gates) {
    return [=](QdqBuilder& b, ValueId x) {
      const ValueId steps = b.Op("Reshape", {x, b.Ints({6, 1, 16})});
      const auto weight = [&](int64_t inputs) {
        return b.graph.AddConstant("w", QdqBuilder::Scales(gates * 2 * inputs)
                                            .Reshaped({1, gates * 2, inputs}));
      };
      return b.Op(type, {steps, weight(16), weight(2)},
                  {{"hidden_size", int64_t{2}}, {"layout", int64_t{0}}});
    };
  };
  const auto resize = [](Attributes attributes) {
    return [attributes](QdqBuilder& b, ValueId x) {
      return b.Op("Resize", {x, kNoValue, kNoValue, b.Ints({2, 3, 8, 8})},
                  attributes);
    };
  };
  return {
      {"ArgMax", 11, op("ArgMax", {{"select_last_index", int64_t{0}}})},
      {"the last maximum", 12,
       op("ArgMax", {{"select_last_index", int64_t{1}}})},
      {"AveragePool", 11,
       op("AveragePool", {{"kernel_shape", std::vector<int64_t>{2, 2}}})},
      {"AveragePool with dilations", 19,
       op("AveragePool", {{"kernel_shape", std::vector<int64_t>{2, 2}},
                          {"dilations", std::vector<int64_t>{2, 2}}})},
      {"BatchNormalization", 11,
       [](QdqBuilder& b, ValueId x) {
         const ValueId c = b.graph.AddConstant("c", QdqBuilder::Scales(3));
         return b.Op("BatchNormalization", {x, c, c, c, c},
                     {{"training_mode", int64_t{0}}});
       }},
      {"GRU", 11, recurrent("GRU", 3)},
      {"LSTM", 11, recurrent("LSTM", 4)},
      {"RNN", 11, recurrent("RNN", 1)},
      {"LogSoftmax", 11, op("LogSoftmax", {{"axis", int64_t{3}}})},
      {"Softmax without an axis", 11, op("Softmax")},
      {"Softmax over channels", 13, op("Softmax", {{"axis", int64_t{1}}})},
      {"MaxPool", 11,
       op("MaxPool", {{"kernel_shape", std::vector<int64_t>{2, 2}}})},
      {"Pad", 11, with("Pad", {0, 0, 1, 1, 0, 0, 2, 0})},
      {"Pad that wraps", 19,
       with("Pad", {0, 0, 1, 1, 0, 0, 2, 0}, {{"mode", Words("wrap")}})},
      {"Pow", 11,
       [](QdqBuilder& b, ValueId x) {
         return b.Op("Pow", {x, b.Scalar(2.0f)});
       }},
      {"ReduceSum", 11, with("ReduceSum", {1, -1})},
      {"ReduceMean", 11, with("ReduceMean", {2, 3})},
      {"ReduceMean of no axes", 18,
       with("ReduceMean", {}, {{"noop_with_empty_axes", int64_t{1}}})},
      {"Reshape", 11, with("Reshape", {6, -1}, {{"allowzero", int64_t{0}}})},
      {"Reshape with allowzero", 14,
       with("Reshape", {6, 16}, {{"allowzero", int64_t{1}}})},
      {"Resize", 11, resize({{"mode", Words("linear")}})},
      {"Resize with antialias", 18,
       resize({{"mode", Words("linear")}, {"antialias", int64_t{1}}})},
      {"Shape", 11, op("Shape", {{"start", int64_t{0}}})},
      {"Shape from an axis", 15, op("Shape", {{"start", int64_t{1}}})},
      {"Split", 11,
       [](QdqBuilder& b, ValueId x) {
         return b.Op("Split", {x, b.Ints({2})}, {{"axis", int64_t{0}}});
       }},
      {"Squeeze", 11,
       [](QdqBuilder& b, ValueId x) {
         const ValueId more = b.Op("Unsqueeze", {x, b.Ints({0, 3})});
         return b.Op("Squeeze", {more, b.Ints({0})});
       }},
  };
}

// Operators that came later, in the small ones that they stand for.
std::vector<Example> LaterOperators() {
  const auto op = [](std::string_view type, Attributes attributes = {}) {
    return [type, attributes](QdqBuilder& b, ValueId x) {
      return b.Op(type, {x}, attributes);
    };
  };
  const auto norm = [](int64_t axis, bool bias) {
    return [=](QdqBuilder& b, ValueId x) {
      const Dims dims = axis == 1 ? Dims{3, 4, 4} : Dims{4};
      const ValueId scale = b.graph.AddConstant(
          "scale", QdqBuilder::Scales(Tensor(DType::kInt8, dims).size(), 0.5f)
                       .Reshaped(dims));
      return b.Op("LayerNormalization",
                  bias ? std::vector{x, scale, scale} : std::vector{x, scale},
                  {{"axis", axis}});
    };
  };
  return {
      {"Gelu", 20, op("Gelu")},
      {"Gelu by tanh", 20, op("Gelu", {{"approximate", std::string("tanh")}})},
      {"HardSwish", 14, op("HardSwish")},
      {"LayerNormalization", 17, norm(-1, true)},
      {"LayerNormalization over all but the first axis", 17, norm(1, false)},
      {"Mish", 18, op("Mish")},
  };
}

Graph MakeGraph(const Example& example) {
  QdqBuilder b;
  return b.Finish({example.make(b, b.Input({2, 3, 4, 4}))});
}

Tensor SomeReals() {
  Tensor x(DType::kFloat32, {2, 3, 4, 4});
  for (int64_t i = 0; i < x.size(); ++i) {
    x.mutable_data<float>()[i] = static_cast<float>(i * 37 % 101) * 0.05f;
  }
  return x;
}

Graph Reloaded(const Graph& graph, int64_t opset) {
  const auto path =
      std::filesystem::path(testing::TempDir()) / "squint_lowered.onnx";
  SaveModel(graph, path, {.opset = opset});
  Graph back = LoadModel(path).graph;
  std::filesystem::remove(path);
  return back;
}

// What is written in an old opset and upgraded again computes the same.
TEST(LowerNodes, KeepsTheMeaningInEveryOpsetThatHasIt) {
  for (const Example& example : Examples()) {
    const Graph graph = MakeGraph(example);
    const Tensor expected = Interpret(graph, {SomeReals()})[0];
    for (int64_t opset = example.lowest; opset <= 21; ++opset) {
      SCOPED_TRACE(fmt::format("{} in opset {}", example.what, opset));
      const Tensor got = Interpret(Reloaded(graph, opset), {SomeReals()})[0];
      ASSERT_EQ(got.dims(), expected.dims());
      EXPECT_EQ(std::memcmp(got.raw(), expected.raw(), expected.bytes()), 0);
    }
  }
}

TEST(LowerNodes, WritesLaterOperatorsInEarlierOnes) {
  for (const Example& example : LaterOperators()) {
    SCOPED_TRACE(example.what);
    const Graph graph = MakeGraph(example);
    const std::vector<float> expected =
        Interpret(graph, {SomeReals()})[0].ToFloats();
    const Graph back = Reloaded(graph, 11);
    EXPECT_THAT(Interpret(back, {SomeReals()})[0].ToFloats(),
                testing::Pointwise(testing::FloatNear(1e-5f), expected));
  }
}

TEST(LowerNodes, LeavesToBeRefusedWhatAnOpsetCannotSay) {
  for (const Example& example : Examples()) {
    SCOPED_TRACE(example.what);
    if (example.lowest == 11) continue;
    Graph graph = MakeGraph(example);
    LowerNodes(graph, example.lowest - 1);
    EXPECT_THROW(SetVersions(graph, example.lowest - 1), Error);
  }
}

Graph Reduction() {
  QdqBuilder b;
  const ValueId x = b.Input({2, 3});
  return b.Finish({b.Op("ReduceMean", {x, b.Ints({1})})});
}

TEST(SetVersions, WritesAxesAsTheAttributeTheyWere) {
  Graph graph = Reduction();
  LowerNodes(graph, 13);
  SetVersions(graph, 13);
  EXPECT_EQ(graph.opset[""], 13);
  EXPECT_EQ(graph.ir_version, 7);
  const Node& node = NodeOf(graph, "ReduceMean");
  EXPECT_EQ(node.inputs.size(), 1u);
  EXPECT_EQ(node.Ints("axes"), (std::vector<int64_t>{1}));
}

TEST(SetVersions, LeavesThemAnInputWhereTheyAreOne) {
  Graph graph = Reduction();
  LowerNodes(graph, 18);
  SetVersions(graph, 18);
  EXPECT_EQ(NodeOf(graph, "ReduceMean").inputs.size(), 2u);
}

TEST(SetVersions, SplitSaysItsPartsInTheOldWay) {
  QdqBuilder b;
  Node node;
  node.op_type = "Split";
  node.inputs = {b.Input({2, 4})};
  node.attributes = {{"axis", int64_t{1}}, {"num_outputs", int64_t{2}}};
  node.outputs = {b.graph.AddValue("l"), b.graph.AddValue("r")};
  const std::vector<ValueId> outputs = node.outputs;
  b.graph.AddNode(node);
  Graph graph = b.Finish(outputs);
  Graph old = graph;
  LowerNodes(old, 13);
  SetVersions(old, 13);
  EXPECT_EQ(NodeOf(old, "Split").FindAttribute("num_outputs"), nullptr);
  EXPECT_THROW(SetVersions(graph, 13), Error);  // not lowered
}

TEST(SetVersions, NamesTheNodeThatIsNotLegalThere) {
  QdqBuilder b;
  const ValueId y = b.Op("Gelu", {b.Input({2, 3})});
  b.graph.node(b.graph.value(y).producer).name = "gate";
  Graph graph = b.Finish({y});
  try {
    SetVersions(graph, 17);
    FAIL() << "Gelu is of opset 20";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
    EXPECT_THAT(error.what(), HasSubstr("'gate'"));
    EXPECT_THAT(error.what(), HasSubstr("needs opset 20"));
  }
  SetVersions(graph, 20);
  EXPECT_EQ(graph.ir_version, 9);
}

TEST(SetVersions, RefusesOpsetsItDoesNotKnow) {
  Graph graph = Reduction();
  EXPECT_THROW(SetVersions(graph, 6), Error);
  EXPECT_THROW(SetVersions(graph, kNewestOpset + 1), Error);
}

TEST(SetVersions, FourBitsNeedOpset21) {
  QdqBuilder b;
  const ValueId x = b.Input({3, 4});
  Graph graph =
      b.Finish({b.Op("MatMul", {x, b.Weight(DType::kInt4, {4, 5}, -1)})});
  EXPECT_THROW(SetVersions(graph, 20), Error);
  EXPECT_NO_THROW(SetVersions(graph, 21));
}

}  // namespace
}  // namespace squint
