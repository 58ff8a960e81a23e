#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "squint/onnx/test_models.h"

namespace squint {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

const Tensor& ConstantNamed(const Graph& graph, std::string_view name) {
  return *graph.ConstantOf(graph.FindValue(name));
}

// y = x + w, with w of `count` floats 0, 1, 2 ...
Graph AddGraph(int64_t count) {
  Graph graph = NewGraph();
  Tensor w(DType::kFloat32, {count});
  for (int64_t i = 0; i < count; ++i) {
    w.mutable_data<float>()[i] = static_cast<float>(i);
  }
  const ValueId x =
      graph.AddInput("x", DType::kFloat32, DimList{Dim::Symbol("n"), count});
  const ValueId y = graph.Emit("Add", {x, graph.AddConstant("w", w)}, "y");
  graph.value(y).dtype = DType::kFloat32;
  graph.AddOutput(y);
  return graph;
}

TEST(WriteOnnx, KeepsModelFields) {
  Graph graph = AddGraph(2);
  graph.opset["com.microsoft"] = 1;
  graph.producer_name = "squint";
  graph.producer_version = "0.1";
  graph.doc = "what it is";
  graph.metadata = {{"b", "2"}, {"a", "1"}};
  const Graph read = WriteAndRead(graph);
  EXPECT_EQ(read.ir_version, 10);
  EXPECT_EQ(read.opset, graph.opset);
  EXPECT_EQ(read.producer_name, "squint");
  EXPECT_EQ(read.producer_version, "0.1");
  EXPECT_EQ(read.name, "main");
  EXPECT_EQ(read.doc, "what it is");
  EXPECT_EQ(read.metadata, graph.metadata);
  EXPECT_EQ(PrintGraph(read), PrintGraph(graph));
}

TEST(WriteOnnx, KeepsAttributesOfEveryKind) {
  Graph graph = NewGraph();
  const Attributes attributes = {
      {"i", int64_t{-3}},
      {"f", -0.0f},
      {"s", std::string("a\0b", 3)},
      {"t", Tensor::Of<int64_t>({2}, {1, -2})},
      {"ints", std::vector<int64_t>{INT64_MIN, 0, INT64_MAX}},
      {"floats", std::vector<float>{0.1f, 2.0f}},
      {"strings", std::vector<std::string>{"", "b"}},
      {"no_ints", std::vector<int64_t>{}},
      {"no_floats", std::vector<float>{}},
      {"no_strings", std::vector<std::string>{}}};
  const ValueId y = graph.Emit("Odd", {}, "y", attributes, "my.domain");
  graph.node(0).doc = "odd";
  graph.AddOutput(y);
  const Graph read = WriteAndRead(graph);
  const Node& node = read.node(0);
  EXPECT_EQ(node.domain, "my.domain");
  EXPECT_EQ(node.doc, "odd");
  ASSERT_EQ(node.attributes.size(), attributes.size());
  EXPECT_THAT(std::get<Tensor>(node.attributes.at("t")).ToInts(),
              ElementsAre(1, -2));
  EXPECT_TRUE(std::signbit(node.Float("f", 1.0f)));
  for (const auto& [key, attribute] : attributes) {
    if (key == "t") continue;
    EXPECT_EQ(attribute.index(), node.attributes.at(key).index()) << key;
  }
  EXPECT_EQ(node.String("s", ""), std::string("a\0b", 3));
  EXPECT_THAT(node.Ints("ints"), ElementsAre(INT64_MIN, 0, INT64_MAX));
}

TEST(WriteOnnx, KeepsTensorsOfEveryType) {
  for (int number = 1; number <= 26; ++number) {
    const auto dtype = static_cast<DType>(number);
    if (dtype == DType::kString) continue;
    Tensor tensor(dtype, {3});
    for (size_t i = 0; i < tensor.bytes(); ++i) {
      tensor.mutable_raw()[i] = std::byte{1};
    }
    Graph graph = NewGraph();
    graph.AddOutput(graph.AddConstant("w", tensor));
    const Graph read = WriteAndRead(graph);
    const Tensor& back = ConstantNamed(read, "w");
    EXPECT_EQ(back.dtype(), dtype);
    ASSERT_EQ(back.bytes(), tensor.bytes()) << DTypeName(dtype);
    EXPECT_EQ(std::memcmp(back.raw(), tensor.raw(), tensor.bytes()), 0);
  }
}

TEST(WriteOnnx, KeepsScalarsAndEmptyTensors) {
  Graph graph = NewGraph();
  graph.AddOutput(graph.AddConstant("scalar", Tensor::Scalar<float>(7)));
  graph.AddOutput(graph.AddConstant("empty", Tensor(DType::kInt64, {2, 0})));
  const Graph read = WriteAndRead(graph);
  EXPECT_EQ(ConstantNamed(read, "scalar").rank(), 0);
  EXPECT_THAT(ConstantNamed(read, "empty").dims(), ElementsAre(2, 0));
}

TEST(WriteOnnx, KeepsWhatSquintDoesNotModel) {
  Rope strings;
  strings.AddInt(TensorField::kDims, 2);
  strings.AddInt(TensorField::kDataType, static_cast<int>(DType::kString));
  strings.AddBytes(TensorField::kName, "words");
  strings.AddBytes(TensorField::kStringData, "alpha");
  strings.AddBytes(TensorField::kStringData, "");
  strings.AddBytes(TensorField::kDoc, "tensor doc");
  Rope reference;
  reference.AddBytes(AttributeField::kName, "alpha");
  reference.AddBytes(AttributeField::kRefName, "outer_alpha");
  reference.AddInt(AttributeField::kType, AttributeType::kFloat);
  Rope node = NodeProto("F", {"x", "words"}, {"y"});
  node.AddMessage(NodeField::kAttribute, reference);
  node.AddBytes(NodeField::kOverload, "wide");
  Rope sequence;
  sequence.AddBytes(4, "");  // TypeProto.sequence_type
  Rope info = InfoProto("x");
  info.AddMessage(ValueInfoField::kType, sequence);
  info.AddBytes(ValueInfoField::kDoc, "input doc");
  GraphProto graph;
  graph.Add(GraphField::kInput, info).Initializer(strings).Node(node);
  graph.Output("y").Add(14, InfoProto("annotation"));
  Rope model = ModelProto(graph);
  model.AddBytes(4, "model.domain");
  model.AddMessage(ModelField::kFunctions, InfoProto("function"));

  const TestFolder folder;
  WriteOnnx(ReadBytes(model.ToString()).graph, folder / "m.onnx");
  const std::string bytes = ReadTextFile(folder / "m.onnx");
  for (const char* text : {"model.domain", "function", "annotation", "alpha",
                           "tensor doc", "outer_alpha", "wide", "input doc"}) {
    EXPECT_THAT(bytes, HasSubstr(text));
  }
  const Graph again = ReadOnnx(folder / "m.onnx").graph;
  EXPECT_EQ(ConstantNamed(again, "words").size(), 2);
  EXPECT_FALSE(again.value(again.FindValue("x")).type_bytes.empty());
  const TestFolder second;
  WriteOnnx(again, second / "m.onnx");
  EXPECT_EQ(ReadTextFile(second / "m.onnx"), bytes);
}

TEST(WriteOnnx, TheSameGraphGivesTheSameBytes) {
  const TestFolder folder;
  WriteOnnx(AddGraph(5), folder / "a.onnx");
  WriteOnnx(AddGraph(5), folder / "b.onnx");
  EXPECT_EQ(ReadTextFile(folder / "a.onnx"), ReadTextFile(folder / "b.onnx"));
}

TEST(WriteOnnx, ReturnsTheBytesWritten) {
  const TestFolder folder;
  const size_t plain = WriteOnnx(AddGraph(5), folder / "a.onnx");
  EXPECT_EQ(plain, fs::file_size(folder / "a.onnx"));
  const size_t split = WriteOnnx(AddGraph(500), folder / "b.onnx", {4});
  EXPECT_EQ(split, fs::file_size(folder / "b.onnx") +
                       fs::file_size(DataOf(folder, "b.onnx")));
}

TEST(WriteOnnx, LeavesOutConstantsThatNobodyReads) {
  Graph graph = AddGraph(2);
  graph.AddConstant("unread", Tensor::Scalar<float>(1));
  const Graph read = WriteAndRead(graph);
  EXPECT_EQ(read.FindValue("unread"), kNoValue);
  EXPECT_NE(read.FindValue("w"), kNoValue);
}

TEST(WriteOnnx, BeforeIrVersion4InitializersAreInputsToo) {
  Graph graph = AddGraph(2);
  graph.ir_version = 3;
  const TestFolder folder;
  WriteOnnx(graph, folder / "m.onnx");
  const std::string bytes = ReadTextFile(folder / "m.onnx");
  Rope info;
  info.AddBytes(ValueInfoField::kName, "w");
  EXPECT_THAT(bytes, HasSubstr(info.ToString() + "\x12"));
  EXPECT_EQ(ReadOnnx(folder / "m.onnx").graph.inputs().size(), 1u);
}

TEST(WriteOnnx, StreamsComputedTensors) {
  constexpr size_t kSize = (size_t{1} << 20) * 2 + 3;
  size_t largest = 0;
  const auto fill = [&](size_t offset, std::span<std::byte> out) {
    largest = std::max(largest, out.size());
    for (size_t i = 0; i < out.size(); ++i) {
      out[i] = static_cast<std::byte>((offset + i) % 251);
    }
  };
  Graph graph = NewGraph();
  graph.AddOutput(graph.AddConstant(
      "w", Tensor(DType::kUint8, {static_cast<int64_t>(kSize)},
                  Buffer::Computed(kSize, fill))));
  for (const size_t threshold : {size_t{0}, size_t{1}}) {
    const TestFolder folder;
    WriteOnnx(graph, folder / "m.onnx", {threshold});
    const Graph read = ReadOnnx(folder / "m.onnx").graph;
    const auto values = ConstantNamed(read, "w").values<uint8_t>();
    ASSERT_EQ(values.size(), kSize);
    for (size_t i = 0; i < kSize; ++i) ASSERT_EQ(values[i], i % 251);
  }
  EXPECT_LE(largest, size_t{1} << 20);
}

TEST(WriteOnnx, PutsLargeTensorsOutside) {
  Graph graph = AddGraph(1000);
  const ValueId small = graph.AddConstant("small", Tensor::Scalar<float>(1));
  graph.AddOutput(graph.Emit("Add", {graph.outputs()[0], small}, "z"));
  const TestFolder folder;
  WriteOnnx(graph, folder / "m.onnx", {4000});
  EXPECT_EQ(fs::file_size(DataOf(folder, "m.onnx")), 4000u);
  EXPECT_LT(fs::file_size(folder / "m.onnx"), 1000u);
  const ReadOnnxResult result = ReadOnnx(folder / "m.onnx");
  EXPECT_EQ(result.external_bytes, 4000u);
  EXPECT_EQ(ConstantNamed(result.graph, "w").data<float>()[999], 999.0f);
  const TestFolder inside;
  WriteOnnx(graph, inside / "m.onnx", {4001});
  EXPECT_EQ(inside.NumFiles(), 1);
}

TEST(WriteOnnx, ExternalTensorsBeginOnPages) {
  Graph graph = AddGraph(1000);
  const ValueId more =
      graph.AddConstant("more", Tensor(DType::kFloat32, {1000}));
  graph.AddOutput(graph.Emit("Add", {graph.outputs()[0], more}, "z"));
  const TestFolder folder;
  WriteOnnx(graph, folder / "m.onnx", {1});
  EXPECT_EQ(fs::file_size(DataOf(folder, "m.onnx")), 4096u + 4000u);
}

TEST(WriteOnnx, AModelTooLargeForOneFileIsSplit) {
  WriteOnnxOptions options;
  options.max_model_bytes = 2000;
  const TestFolder folder;
  WriteOnnx(AddGraph(400), folder / "small.onnx", options);
  EXPECT_EQ(folder.NumFiles(), 1);
  WriteOnnx(AddGraph(600), folder / "large.onnx", options);
  EXPECT_TRUE(fs::exists(DataOf(folder, "large.onnx")));
  EXPECT_EQ(ConstantNamed(ReadOnnx(folder / "large.onnx").graph, "w").dim(0),
            600);
  options.max_model_bytes = 20;
  EXPECT_EQ(ErrorOf([&] {
              WriteOnnx(AddGraph(1), folder / "none.onnx", options);
            }).code(),
            ErrorCode::kUnsupported);
}

TEST(WriteOnnx, MayOverwriteTheModelItReadsFrom) {
  const TestFolder folder;
  WriteOnnx(AddGraph(3000), folder / "m.onnx", {1});
  const Graph graph = ReadOnnx(folder / "m.onnx").graph;
  WriteOnnx(graph, folder / "m.onnx", {1});
  EXPECT_EQ(
      ConstantNamed(ReadOnnx(folder / "m.onnx").graph, "w").data<float>()[2999],
      2999.0f);
}

TEST(WriteOnnx, NamesDataByItsContentAndRemovesWhatTheOldModelNeeded) {
  const TestFolder folder;
  WriteOnnx(AddGraph(2000), folder / "m.onnx", {1});
  const fs::path old = DataOf(folder, "m.onnx");
  for (const char* name : {"m.onnx.data", "m.onnx.0123456789abcdeg.data",
                           "n.onnx.0123456789abcdef.data"}) {
    WriteTextFile(folder / name, "another's");
  }
  WriteTextFile(folder / "m.onnx.0123456789abcdef.data", "of a stopped run");
  WriteOnnx(AddGraph(2000), folder / "m.onnx", {1});
  EXPECT_TRUE(fs::exists(old)) << "the same content has the same name";
  EXPECT_EQ(folder.NumFiles(), 2 + 3);
  WriteOnnx(AddGraph(2001), folder / "m.onnx", {1});
  EXPECT_FALSE(fs::exists(old));
  EXPECT_EQ(folder.NumFiles(), 2 + 3);
  WriteOnnx(AddGraph(3), folder / "m.onnx");
  EXPECT_EQ(folder.NumFiles(), 1 + 3) << "a model without data needs none";
}

TEST(WriteOnnx, ADeviceTakesNoExternalData) {
  const TestFolder folder;
  fs::create_symlink("/dev/null", folder / "m.onnx");
  WriteOnnx(AddGraph(5), folder / "m.onnx");
  EXPECT_EQ(
      ErrorOf([&] { WriteOnnx(AddGraph(5), folder / "m.onnx", {1}); }).code(),
      ErrorCode::kUnsupported);
}

TEST(WriteOnnx, DataThatIsCutShortWhileMappedLeavesTheOldFile) {
  for (const size_t threshold : {size_t{0}, size_t{1}}) {
    const TestFolder folder;
    WriteOnnx(AddGraph(300000), folder / "m.onnx", {1});
    WriteTextFile(folder / "out.onnx", "old");
    const ReadOnnxResult read = ReadOnnx(folder / "m.onnx");
    fs::resize_file(DataOf(folder, "m.onnx"), 5000);
    const Error error = ErrorOf(
        [&] { WriteOnnx(read.graph, folder / "out.onnx", {threshold}); });
    EXPECT_EQ(error.code(), ErrorCode::kIo);
    EXPECT_THAT(error.message(), HasSubstr("cut short"));
    EXPECT_EQ(ReadTextFile(folder / "out.onnx"), "old");
    EXPECT_EQ(folder.NumFiles(), 3);
  }
}

TEST(WriteOnnx, AnErrorLeavesTheOldFileAndNothingElse) {
  const TestFolder folder;
  WriteTextFile(folder / "m.onnx", "old");
  const auto fail = [](size_t offset, std::span<std::byte>) {
    if (offset > 0) Fail(ErrorCode::kInvalidModel, "cannot compute");
  };
  constexpr int64_t kSize = 3 << 20;
  Graph graph = NewGraph();
  graph.AddOutput(graph.AddConstant(
      "w", Tensor(DType::kUint8, {kSize}, Buffer::Computed(kSize, fail))));
  for (const size_t threshold : {size_t{0}, size_t{1}}) {
    EXPECT_THROW(WriteOnnx(graph, folder / "m.onnx", {threshold}), Error);
    EXPECT_EQ(ReadTextFile(folder / "m.onnx"), "old");
    EXPECT_EQ(folder.NumFiles(), 1);
  }
  EXPECT_EQ(ErrorOf([&] {
              WriteOnnx(AddGraph(1), folder / "no/such/folder.onnx");
            }).code(),
            ErrorCode::kIo);
}

TEST(WriteOnnx, QuantizationThatWasNotLaidOutIsADefect) {
  Graph graph = AddGraph(2);
  graph.value(graph.FindValue("y")).quant = PerTensor(DType::kUint8, 1.0f, 0);
  EXPECT_EQ(ErrorOf([&] { WriteAndRead(graph); }).code(), ErrorCode::kInternal);
}

TEST(WriteOnnx, KeepsTheOrderOfANestedGraphsInputs) {
  Graph body = NewGraph("body");
  body.AddInput("i", DType::kInt64, DimList{});
  const ValueId condition = body.AddInput("cond", DType::kBool, DimList{});
  const ValueId state = body.AddInput("state", DType::kFloat32, Shape());
  const ValueId step = body.AddCapture("x");
  body.AddOutput(body.Emit("Identity", {condition}, "cond_out"));
  body.AddOutput(body.Emit("Add", {state, step}, "state_out"));
  Graph graph = NewGraph();
  const ValueId x = graph.AddInput("x", DType::kFloat32, DimList{2});
  const ValueId y = graph.Emit("Loop", {kNoValue, kNoValue, x}, "y",
                               {{"body", GraphBox(body)}});
  graph.node(0).captures = {x};
  graph.AddOutput(y);
  const Graph read = WriteAndRead(graph);
  const Graph& loop = *std::get<GraphBox>(read.node(0).attributes.at("body"));
  EXPECT_THAT(loop.inputs(),
              ElementsAre(loop.FindValue("i"), loop.FindValue("cond"),
                          loop.FindValue("state")));
  EXPECT_EQ(loop.value(loop.FindValue("i")).dtype, DType::kInt64);
  EXPECT_THAT(read.node(0).captures, ElementsAre(read.FindValue("x")));
}

TEST(WriteOnnx, InnerNamesNeverHideOuterOnes) {
  // Inside, 'x' is a result and the capture of outer 'y' is called 'c'.
  Graph inner = NewGraph("then");
  const ValueId capture = inner.AddCapture("c");
  const ValueId clash = inner.Emit("Relu", {capture}, "x");
  inner.AddOutput(inner.Emit("Neg", {clash}, "x_1"));
  Graph graph = NewGraph();
  const ValueId x = graph.AddInput("x", DType::kFloat32, DimList{2});
  const ValueId y = graph.Emit("Exp", {x}, "y");
  const ValueId z =
      graph.Emit("If", {x}, "z", {{"then_branch", GraphBox(inner)}});
  graph.node(graph.value(z).producer).captures = {y};
  graph.AddOutput(z);

  const Graph read = WriteAndRead(graph);
  const Node& node = read.node(read.value(read.FindValue("z")).producer);
  EXPECT_THAT(node.captures, ElementsAre(read.FindValue("y")));
  const Graph& back = *std::get<GraphBox>(node.attributes.begin()->second);
  ASSERT_EQ(back.order().size(), 2u);
  const Node& relu = back.node(back.order()[0]);
  const Node& neg = back.node(back.order()[1]);
  EXPECT_THAT(relu.inputs, ElementsAre(back.captures()[0]));
  EXPECT_EQ(back.value(relu.output()).name, "x_2");
  EXPECT_THAT(neg.inputs, ElementsAre(relu.output()));
  EXPECT_EQ(back.value(neg.output()).name, "x_1");
}

}  // namespace
}  // namespace squint
