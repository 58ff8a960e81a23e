// Writes the seeds of every target, the same ones every time.
// usage: fuzz_make_corpus CORPUS
// Files that are there and have another name (regressions) are left alone.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <random>

#include "graph_maker.h"
#include "model_bytes.h"
#include "squint/data/test_formats.h"
#include "squint/onnx/proto_fields.h"
#include "squint/onnx/rope.h"

namespace squint {
namespace {

namespace fs = std::filesystem;

class Corpus {
 public:
  explicit Corpus(fs::path root) : root_(std::move(root)) {}

  void Write(const std::string& target, const std::string& name,
             std::string_view bytes) const {
    fs::create_directories(root_ / target);
    std::ofstream(root_ / target / ("seed_" + name), std::ios::binary) << bytes;
  }

 private:
  fs::path root_;
};

std::string Noise(uint32_t seed, size_t size) {
  std::mt19937 random(seed);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

// The structured targets read any bytes as choices.
void WriteChoices(const Corpus& corpus) {
  constexpr uint32_t kSeeds = 24;
  for (uint32_t i = 0; i < kSeeds; ++i) {
    const std::string name = fmt::format("{:02}", i);
    for (const char* target : {"load", "absorb", "optimizer", "interpreter"}) {
      corpus.Write(target, name, "\1" + Noise(i, 20 + 16 * i));
    }
  }
}

std::string MadeModel(uint32_t seed, bool quantized, int64_t opset) {
  const std::string bytes = Noise(seed, 60);
  Choices choices({reinterpret_cast<const uint8_t*>(bytes.data()), 60});
  GraphMaker maker(choices);
  maker.Grow(3, quantized);
  return ModelBytes(maker.graph, opset);
}

// A capture, two nested graphs, and every kind of attribute.
std::string NestedModel() {
  Graph nested;
  nested.name = "then";
  nested.AddOutput(nested.Emit("Relu", {nested.AddCapture("x")}, "made"));
  Graph graph;
  const ValueId x =
      graph.AddInput("x", DType::kFloat32, DimList{Dim::Symbol("n"), 2});
  const ValueId condition = graph.AddConstant("c", Tensor::Scalar<bool>(true));
  const ValueId y = graph.Emit(
      "If", {condition}, "y",
      {{"then_branch", GraphBox(nested)}, {"else_branch", GraphBox(nested)}});
  graph.node(graph.value(y).producer).captures = {x, x};
  graph.AddOutput(y);
  graph.AddOutput(graph.Emit("Any", {x}, "z",
                             {{"i", int64_t{3}},
                              {"f", 0.5f},
                              {"s", std::string("text")},
                              {"t", Tensor::Of<int64_t>({2}, {1, 2})},
                              {"ints", std::vector<int64_t>{1, 2}},
                              {"floats", std::vector<float>{1, 2}},
                              {"strings", std::vector<std::string>{"a"}}},
                             "any.domain"));
  return ModelBytes(graph);
}

// y = f(x) where f is Relu, written in the model.
std::string FunctionModel() {
  Rope node;
  node.AddBytes(NodeField::kInput, "a");
  node.AddBytes(NodeField::kOutput, "b");
  node.AddBytes(NodeField::kOpType, "Relu");
  Rope opset;
  opset.AddInt(OpsetField::kVersion, 21);
  Rope function;
  function.AddBytes(FunctionField::kName, "f");
  function.AddBytes(FunctionField::kInput, "a");
  function.AddBytes(FunctionField::kOutput, "b");
  function.AddMessage(FunctionField::kNode, std::move(node));
  function.AddMessage(FunctionField::kOpsetImport, std::move(opset));
  function.AddBytes(FunctionField::kDomain, "own");
  Graph graph;
  const ValueId x = graph.AddInput("x", DType::kFloat32, Shape::Of({2}));
  graph.AddOutput(graph.Emit("f", {x}, "y", {}, "own"));
  Rope model;
  model.Append(std::string_view(ModelBytes(graph)));
  model.AddMessage(ModelField::kFunctions, std::move(function));
  return model.ToString();
}

void WriteModels(const Corpus& corpus) {
  constexpr uint32_t kModels = 16;
  for (const char* target : {"reader", "load"}) {
    for (uint32_t i = 0; i < kModels; ++i) {
      corpus.Write(target, fmt::format("model_{:02}", i),
                   MadeModel(i, i % 2 == 1, i < 8 ? 25 : 9 + i % 5));
    }
    corpus.Write(target, "nested", NestedModel());
    corpus.Write(target, "function", FunctionModel());
  }
}

void WriteJson(const Corpus& corpus) {
  const std::pair<const char*, const char*> files[] = {
      {"dataset_file", R"(0{"inputs": {"x": {"file": "x.npy", "scale": 0.5},
 "ids": {"value": 3, "dims": [2], "dtype": "int64"}}, "labels": [0, 1],
 "classes": 2, "split": "0:2", "metric": "top1", "reduction": "max"})"},
      {"dataset_input", R"(0{"format": "squint-dataset", "version": 1,
 "input": {"file": "x.npy", "preprocess": "unit", "reshape": [3]},
 "labels": "labels.txt", "target": {"file": "y.npy"}, "label_offset": 1})"},
      {"dataset_tokens", R"(0{"inputs": {"ids": {"file": "y.npy",
 "padding": 0, "fill": 1, "second": "y.npy"}, "x": {"mask_of": "ids"}},
 "target": {"input": "ids", "shift": 1}, "split": [1, 0]})"},
      {"dataset_folder",
       R"(0{"samples": "*.npz", "inputs": {"x": {"folder": "empty"}}})"},
      {"recipe", R"(1{"format": "squint-recipe", "version": 1,
 "mode": "weight-only", "target": "x86", "weights": "int4", "group": 16,
 "exclude_nodes": ["a"], "methods": {"smooth_quant": true}, "io": "float32",
 "tensors": {"t": {"float": true, "dtype": "int8", "range": [-1, 2.5]}}})"},
      {"table", R"(2{"format": "squint-calibration", "version": 1,
 "tool_version": "0.1.0", "model_hash": "00", "samples": {"0": "ab"},
 "values": {"x": {"count": 4, "minimum": "-1", "maximum": "2", "blocks":
 {"0": "-1 2"}, "histogram": "100:1,2 16256:1", "channel_axis": 1,
 "channel_count": 2, "channel_minimum": "-1 0", "channel_maximum": "1 2",
 "channel_sum_2^-44": "17592186044416 0"}}})"}};
  for (const auto& [name, text] : files) corpus.Write("json", name, text);
}

void WriteArrays(const Corpus& corpus) {
  const std::string floats =
      Npy("<f4", "(2, 3)", BytesOfValues<float>({1, 2, 3, 4, 5, 6}));
  corpus.Write("npy", "floats", floats);
  corpus.Write("npy", "big_endian", Npy(">i2", "(4,)", std::string(8, '\1')));
  corpus.Write("npy", "scalar", Npy("<f8", "()", std::string(8, '\0')));
  const std::string idx = Idx(8, {2, 2, 2}, "abcdefgh");
  corpus.Write("idx", "bytes", idx);
  corpus.Write("idx", "floats", Idx(13, {2}, std::string(8, '\1')));
  const fs::path path = fs::temp_directory_path() / "squint_make_corpus.npz";
#if SQUINT_HAS_ARCHIVES
  corpus.Write("idx", "gzipped", Gzipped(idx));
  for (const bool deflate : {false, true}) {
    WriteNpz(path.string(), {{"x", floats}, {"y", floats}}, deflate);
    std::ifstream file(path, std::ios::binary);
    corpus.Write("npz", deflate ? "deflated" : "stored",
                 std::string(std::istreambuf_iterator<char>(file), {}));
    fs::remove(path);
  }
#endif
}

void WriteImages(const Corpus& corpus) {
#if SQUINT_HAS_IMAGES
  for (const int channels : {1, 2, 3, 4}) {
    Image image(9, 7, channels);
    for (size_t i = 0; i < image.pixels.size(); ++i) {
      image.pixels[i] = static_cast<uint8_t>(i * 37);
    }
    const std::string name = fmt::format("{}_channels", channels);
    corpus.Write("png", name, Png(image));
    if (channels != 2) corpus.Write("jpeg", name, Jpeg(image));
  }
#endif
}

}  // namespace
}  // namespace squint

int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print(stderr, "usage: fuzz_make_corpus CORPUS\n");
    return 2;
  }
  const squint::Corpus corpus(argv[1]);
  squint::WriteChoices(corpus);
  squint::WriteModels(corpus);
  squint::WriteJson(corpus);
  squint::WriteArrays(corpus);
  squint::WriteImages(corpus);
  return 0;
}
