// Files that nobody meant to be read: every one is an Error, none a crash.
// Most useful under the address and undefined-behaviour sanitizers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "squint/onnx/model_reader.h"
#include "squint/onnx/test_models.h"

namespace squint {
namespace {

using ::testing::HasSubstr;

// One of everything: typed and raw tensors, a nested graph with a capture,
// every kind of attribute, opaque parts.
std::string SmallModel() {
  Graph nested = NewGraph("then");
  const ValueId outer = nested.AddCapture("x");
  nested.AddOutput(nested.Emit("Relu", {outer}, "then_out"));

  Graph graph = NewGraph();
  const ValueId x =
      graph.AddInput("x", DType::kFloat32, DimList{Dim::Symbol("n"), 2});
  const ValueId condition = graph.AddConstant("c", Tensor::Scalar<bool>(true));
  const ValueId w =
      graph.AddConstant("w", Tensor::Of<float>({2}, {1.0f, 2.0f}));
  const ValueId sum =
      graph.Emit("Add", {x, w}, "sum",
                 {{"i", int64_t{3}},
                  {"f", 0.5f},
                  {"s", std::string("text")},
                  {"t", Tensor::Of<int64_t>({2}, {1, 2})},
                  {"ints", std::vector<int64_t>{1, 2}},
                  {"floats", std::vector<float>{1, 2}},
                  {"strings", std::vector<std::string>{"a", "b"}}});
  const ValueId y = graph.Emit(
      "If", {condition}, "y",
      {{"then_branch", GraphBox(nested)}, {"else_branch", GraphBox(nested)}});
  graph.node(graph.value(y).producer).captures = {sum, x};
  graph.AddOutput(y);
  graph.metadata["key"] = "value";
  const TestFolder folder;
  WriteOnnx(graph, folder / "m.onnx");
  return ReadTextFile(folder / "m.onnx");
}

// Reads; true when the model was taken. Anything but an Error escapes. The
// bytes lie in a block of exactly their size, so that the sanitizer sees
// every read beyond the end.
bool Survives(std::string_view bytes) {
  const auto block =
      std::make_shared<const std::vector<char>>(bytes.begin(), bytes.end());
  ExternalFiles external("/nowhere/m.onnx");
  TensorSource source{block, external, size_t{1} << 20};
  try {
    PrintGraph(ReadModel({block->data(), block->size()}, source));
    return true;
  } catch (const Error& error) {
    EXPECT_NE(error.code(), ErrorCode::kInternal) << error.what();
    return false;
  }
}

TEST(HostileFile, TruncatedAtAnyByteIsAnError) {
  const std::string model = SmallModel();
  ASSERT_TRUE(Survives(model));
  int taken = 0;
  for (size_t size = 0; size < model.size(); ++size) {
    taken += Survives(std::string_view(model).substr(0, size));
  }
  // Cut exactly behind the graph, or behind the operator sets, what is left
  // is a whole message again.
  EXPECT_LE(taken, 2);
}

TEST(HostileFile, FlippedBytesNeverCrash) {
  const std::string model = SmallModel();
  int refused = 0;
  for (size_t at = 0; at < model.size(); ++at) {
    for (const int flip : {1, 2, 4, 8, 16, 32, 64, 128, 255}) {
      std::string damaged = model;
      damaged[at] = static_cast<char>(damaged[at] ^ flip);
      refused += !Survives(damaged);
    }
  }
  EXPECT_GT(refused, static_cast<int>(4 * model.size()));
}

TEST(HostileFile, RandomBytesAreAnError) {
  constexpr unsigned kSeed = 1;
  std::mt19937 random(kSeed);
  for (int round = 0; round < 5000; ++round) {
    std::string bytes(random() % 300 + 1, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    EXPECT_FALSE(Survives(bytes)) << "round " << round;
  }
}

TEST(HostileFile, SplicedPiecesNeverCrash) {
  const std::string model = SmallModel();
  std::mt19937 random(2);
  for (int round = 0; round < 5000; ++round) {
    std::string spliced = model;
    const size_t from = random() % model.size();
    const size_t size = random() % (model.size() - from) + 1;
    spliced.insert(random() % model.size(), model, from, size);
    Survives(spliced);
  }
}

TEST(HostileFile, AFolderAnEmptyFileAndNoFileAreErrors) {
  const TestFolder folder;
  EXPECT_EQ(ErrorOf([&] { ReadOnnx(folder.path()); }).code(), ErrorCode::kIo);
  EXPECT_EQ(ErrorOf([&] { ReadOnnx(folder / "none.onnx"); }).code(),
            ErrorCode::kIo);
  const Error empty = ErrorOf([] { ReadBytes(""); });
  EXPECT_EQ(empty.code(), ErrorCode::kInvalidModel);
  EXPECT_THAT(empty.what(), HasSubstr("is empty"));
}

TEST(HostileFile, OtherFormatsAreErrors) {
  for (const std::string_view bytes :
       {"{\"model\": 1}\n", "PK\3\4some zip", "\x89PNG\r\n", "\x08\x07"}) {
    const Error error = ErrorOf([&] { ReadBytes(bytes); });
    EXPECT_EQ(error.code(), ErrorCode::kInvalidModel);
    EXPECT_THAT(error.what(), HasSubstr("ONNX model"));
  }
}

// `depth` graphs inside each other, each the body of an If.
Rope NestedGraphs(int depth) {
  GraphProto graph;
  for (int i = 0; i < depth; ++i) {
    Rope attribute;
    attribute.AddBytes(AttributeField::kName, "then_branch");
    attribute.AddInt(AttributeField::kType, AttributeType::kGraph);
    attribute.AddMessage(AttributeField::kGraph, graph.bytes);
    Rope node = NodeProto("If", {}, {});
    node.AddMessage(NodeField::kAttribute, attribute);
    graph = {};
    graph.Node(node);
  }
  return ModelProto(graph);
}

TEST(HostileFile, NestingIsBounded) {
  EXPECT_NO_THROW(ReadBytes(NestedGraphs(64).ToString()));
  for (const int depth : {65, 500}) {
    const Error error =
        ErrorOf([&] { ReadBytes(NestedGraphs(depth).ToString()); });
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
    EXPECT_THAT(error.what(), HasSubstr("64 deep"));
  }
}

}  // namespace
}  // namespace squint
