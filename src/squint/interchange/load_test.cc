#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "squint/interchange/example_graphs.h"
#include "squint/interchange/interchange.h"
#include "squint/interchange/versions.h"
#include "squint/onnx/onnx.h"

namespace squint {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class LoadSave : public testing::Test {
 protected:
  LoadSave() {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = std::filesystem::path(testing::TempDir()) /
              (std::string("squint_") + test->name());
    std::filesystem::create_directories(folder_);
  }
  ~LoadSave() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path Path(std::string_view name) const {
    return folder_ / name;
  }

  // Written as it stands, then loaded.
  LoadedModel Reload(Graph graph, int64_t opset, int64_t ir_version = 8) {
    graph.opset[""] = opset;
    graph.ir_version = ir_version;
    WriteOnnx(graph, Path("in.onnx"));
    return LoadModel(Path("in.onnx"));
  }

  std::string ErrorOf(const Graph& graph, int64_t opset,
                      ErrorCode expected = ErrorCode::kUnsupported) {
    try {
      Reload(graph, opset);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), expected);
      return error.what();
    }
    return "no error";
  }

  std::filesystem::path folder_;
};

Graph OneRelu() {
  Graph graph = GraphWithInput("x", {4});
  graph.AddOutput(EmitFloat(graph, "Relu", {graph.inputs()[0]}, "y", {4}));
  return graph;
}

TEST_F(LoadSave, GivesTheMeaningOfOpset25) {
  const LoadedModel model = Reload(OneRelu(), 13);
  EXPECT_EQ(model.graph.opset.at(""), 25);
  EXPECT_EQ(model.graph.opset.size(), 1u);
  EXPECT_EQ(OpsOf(model.graph), "Relu");
  EXPECT_GT(model.file_bytes, 0u);
  EXPECT_FALSE(model.hash.empty());
  EXPECT_THAT(model.findings, ElementsAre());
}

TEST_F(LoadSave, OpsetsOutsideItsRangeAreErrorsThatSayWhatToDo) {
  EXPECT_THAT(ErrorOf(OneRelu(), 5),
              testing::AllOf(HasSubstr("in.onnx"), HasSubstr("opset 5"),
                             HasSubstr("version_converter")));
  EXPECT_THAT(ErrorOf(OneRelu(), 29), HasSubstr("opset 29"));
}

TEST_F(LoadSave, OlderOnesAreReadWhereNothingChangedSince) {
  const LoadedModel model = Reload(OneRelu(), 6);
  EXPECT_EQ(model.graph.opset.at(""), 25);
}

TEST_F(LoadSave, TheStandardDomainHasOneName) {
  Graph graph = OneRelu();
  graph.opset["ai.onnx"] = 17;
  graph.node(graph.order()[0]).domain = "ai.onnx";
  const LoadedModel model = Reload(graph, 17);
  EXPECT_TRUE(model.graph.node(model.graph.order()[0]).domain.empty());
  EXPECT_FALSE(model.graph.opset.contains("ai.onnx"));
}

TEST_F(LoadSave, AbsentInputsAtTheEndSayNothing) {
  Graph graph = OneRelu();
  graph.node(graph.order()[0]).inputs.resize(3, kNoValue);
  const LoadedModel model = Reload(graph, 17);
  EXPECT_EQ(model.graph.node(model.graph.order()[0]).inputs.size(), 1u);
}

TEST_F(LoadSave, OperatorsThatPassesWriteForEachOtherAreRefused) {
  Graph graph = OneRelu();
  graph.node(graph.order()[0]).domain = "squint";
  graph.opset["squint"] = 1;
  EXPECT_THAT(ErrorOf(graph, 17, ErrorCode::kInvalidModel),
              HasSubstr("domain 'squint'"));
}

TEST_F(LoadSave, AnOldSoftmaxMustHaveItsInput) {
  Graph graph = OneRelu();
  Node& node = graph.node(graph.order()[0]);
  node.op_type = "Softmax";
  node.inputs = {kNoValue};
  EXPECT_THAT(ErrorOf(graph, 11, ErrorCode::kInvalidModel),
              HasSubstr("input 0"));
}

TEST_F(LoadSave, ConstantNodesBecomeInitializers) {
  Graph graph = GraphWithInput("x", {2});
  const auto constant = [&](std::string_view name, std::string_view key,
                            Attribute value) {
    const ValueId id = graph.Emit("Constant", {}, name);
    graph.node(graph.value(id).producer).Set(key, std::move(value));
    graph.AddOutput(graph.Emit("Abs", {id}, std::string(name) + "_abs"));
  };
  constant("tensor", "value", Tensor::Of<float>({2}, {1, 2}));
  constant("number", "value_float", 3.0f);
  constant("numbers", "value_floats", std::vector<float>{4, 5});
  constant("integers", "value_ints", std::vector<int64_t>{6, 7});
  const LoadedModel model = Reload(graph, 13);
  EXPECT_EQ(OpsOf(model.graph), "Abs Abs Abs Abs");
  EXPECT_THAT(ValueOf(model.graph, "tensor").constant.ToFloats(),
              ElementsAre(1, 2));
  EXPECT_EQ(ValueOf(model.graph, "number").constant.rank(), 0);
  EXPECT_THAT(ValueOf(model.graph, "numbers").constant.ToFloats(),
              ElementsAre(4, 5));
  EXPECT_THAT(ValueOf(model.graph, "integers").constant.ToInts(),
              ElementsAre(6, 7));
}

TEST_F(LoadSave, OrtDuplicatesOfQuantizeBecomeTheStandardOnes) {
  Graph graph = LayOutQuantization(QuantizedConv());
  for (const NodeId id : graph.order()) {
    if (graph.node(id).op_type != "Conv") {
      graph.node(id).domain = "com.microsoft";
    }
  }
  graph.opset["com.microsoft"] = 1;
  LoadedModel model = Reload(graph, 17);
  Absorb(model.graph);
  EXPECT_EQ(OpsOf(model.graph), "Conv");
}

TEST_F(LoadSave, WritesLowestVersionsAndKeepsWhatItDoesNotKnow) {
  Graph graph = QuantizedConv();
  graph.metadata["recipe"] = "x86";
  graph.AddOutput(EmitFloat(graph, "Frobnicate", {graph.outputs()[0]}, "z",
                            {1, 3, 4, 4}, {{"strength", 2.5f}}, "acme"));
  graph.opset["acme"] = 3;
  const SaveResult saved = SaveModel(graph, Path("out.onnx"));
  EXPECT_EQ(saved.opset, 21);
  EXPECT_EQ(saved.ir_version, 10);
  EXPECT_EQ(saved.bytes, std::filesystem::file_size(Path("out.onnx")));
  LoadedModel model = LoadModel(Path("out.onnx"));
  EXPECT_EQ(model.graph.metadata["recipe"], "x86");
  EXPECT_EQ(model.graph.opset["acme"], 3);
  EXPECT_FLOAT_EQ(NodeOf(model.graph, "Frobnicate").Float("strength", 0), 2.5f);
  EXPECT_THAT(model.findings, testing::Contains(HasSubstr("Frobnicate")));
}

TEST_F(LoadSave, TellsTheOpsetThatTheFileHas) {
  const LoadedModel model = Reload(OneRelu(), 12);
  EXPECT_EQ(model.opset.at(""), 12);
  EXPECT_GT(model.graph.opset.at(""), 12);
}

TEST_F(LoadSave, ASavedModelIsTheSameAgain) {
  SaveModel(QuantizedConv(), Path("a.onnx"));
  LoadedModel model = LoadModel(Path("a.onnx"));
  Absorb(model.graph);
  SaveModel(model.graph, Path("b.onnx"));
  EXPECT_EQ(PrintGraph(LoadModel(Path("a.onnx")).graph),
            PrintGraph(LoadModel(Path("b.onnx")).graph));
}

TEST_F(LoadSave, ErrorsOfTheWriterNameTheFile) {
  Graph graph = QuantizedConv();
  graph.value(graph.outputs()[0]).quant->kind = QuantKind::kDynamicRow;
  try {
    SaveModel(graph, Path("out.onnx"));
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("out.onnx"));
  }
  EXPECT_FALSE(std::filesystem::exists(Path("out.onnx")));
}

}  // namespace
}  // namespace squint
