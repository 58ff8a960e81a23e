// From a float file with a Scan, a Loop and an If to a quantized one, by the
// public interface alone: what `squint run`, `quantize`, `compare` and
// `inspect` do with nested graphs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>

#include "squint/base/json.h"
#include "squint/data/npy_write.h"
#include "squint/data/npz.h"
#include "squint/interchange/interchange.h"
#include "squint/ops/control_flow_examples.h"
#include "squint/ops/infer.h"
#include "squint/squint.h"

namespace squint {
namespace {

using ::testing::HasSubstr;

class ControlFlowFiles : public ::testing::Test {
 protected:
  ControlFlowFiles() {
    std::string name = ::testing::TempDir() + "squint_control_XXXXXX";
    folder_ = ::mkdtemp(name.data());
    Graph graph = ControlFlowNetwork();
    InferShapes(graph);
    SaveModel(graph, Path("float.onnx"));
    std::filesystem::create_directory(Path("data"));
    for (int64_t i = 0; i < 24; ++i) {
      WriteNpz(Path(fmt::format("data/{:02}.npz", i)), {{"x", Sample(i)}});
    }
  }
  ~ControlFlowFiles() override { std::filesystem::remove_all(folder_); }

  std::string Path(const std::string& name) const {
    return (folder_ / name).string();
  }
  static Tensor Sample(int64_t index) {
    return Noise({3 + index % 4, kRows, kWidth}, 1.0f,
                 static_cast<uint32_t>(100 + index));
  }
  QuantizeSummary QuantizeTo(const std::string& name) const {
    QuantizeRequest request;
    request.model = Path("float.onnx");
    request.output = Path(name);
    request.data.source = Path("data");
    return QuantizeFile(request);
  }
  std::map<std::string, Tensor> Run(const std::string& model, int64_t sample,
                                    Execution execution) const {
    WriteNpz(Path("in.npz"), {{"x", Sample(sample)}});
    RunRequest request;
    request.model = Path(model);
    request.inputs = {Path("in.npz")};
    request.output = Path("out.npz");
    request.execution = execution;
    RunFile(request);
    std::map<std::string, Tensor> outputs;
    for (const auto& [name, array] : ReadNpz(Path("out.npz"))) {
      outputs[name] = array.Whole();
    }
    return outputs;
  }

 private:
  std::filesystem::path folder_;
};

// Signal to noise in dB.
double SqnrOf(const Numbers& real, const Tensor& other) {
  double signal = 0;
  double noise = 1e-30;
  const std::vector<float> values = other.ToFloats();
  EXPECT_EQ(values.size(), real.size());
  for (size_t i = 0; i < real.size(); ++i) {
    const double difference = real[i] - static_cast<double>(values[i]);
    signal += real[i] * real[i];
    noise += difference * difference;
  }
  return 10 * std::log10(signal / noise);
}

TEST_F(ControlFlowFiles, RunAsWritten) {
  for (const Execution execution :
       {Execution::kSimulated, Execution::kReference}) {
    const ControlFlowResult expected = ControlFlowExpected(Sample(2));
    const auto out = Run("float.onnx", 2, execution);
    EXPECT_GT(SqnrOf(expected.y, out.at("y")), 100);
    EXPECT_GT(SqnrOf(expected.ys, out.at("ys")), 100);
    EXPECT_GT(SqnrOf(expected.vs, out.at("vs")), 100);
  }
}

TEST_F(ControlFlowFiles, QuantizeInTheirBodiesAndStayNearFloat) {
  const QuantizeSummary summary = QuantizeTo("int8.onnx");
  EXPECT_GE(summary.integer_nodes, 4);
  EXPECT_GT(summary.sqnr, 25);
  const Json json = Json::parse(summary.json);
  for (const auto& group : json["left_float"]) {
    const auto op_type = group["op_type"].get<std::string>();
    EXPECT_NE(op_type, "Scan");
    EXPECT_NE(op_type, "Loop");
  }
  const ControlFlowResult expected = ControlFlowExpected(Sample(3));
  for (const Execution execution :
       {Execution::kSimulated, Execution::kReference}) {
    const auto out = Run("int8.onnx", 3, execution);
    EXPECT_GT(SqnrOf(expected.y, out.at("y")), 25);
    EXPECT_GT(SqnrOf(expected.ys, out.at("ys")), 25);
    EXPECT_GT(SqnrOf(expected.vs, out.at("vs")), 25);
  }
}

TEST_F(ControlFlowFiles, AreComparedInsideTheirBodiesToo) {
  QuantizeTo("int8.onnx");
  CompareRequest request;
  request.float_model = Path("float.onnx");
  request.quantized_model = Path("int8.onnx");
  request.data.source = Path("data");
  const CompareSummary summary = CompareFiles(request);
  std::set<std::string> worst;
  for (const TensorDifference& value : summary.worst) {
    EXPECT_GT(value.sqnr, 15) << value.name;
    worst.insert(value.name);
  }
  EXPECT_TRUE(worst.contains("h_next") || worst.contains("v_part"))
      << summary.json;
}

TEST_F(ControlFlowFiles, ListTheNodesOfTheirBodies) {
  InspectRequest request;
  request.model = Path("float.onnx");
  request.nodes = true;
  const InspectSummary summary = InspectFile(request);
  EXPECT_THAT(summary.text, HasSubstr("\n      Tanh"));
  EXPECT_THAT(summary.text, HasSubstr("else_branch:"));
  const Json json = Json::parse(summary.json);
  EXPECT_EQ(json["operators"]["MatMul"].get<int>(), 5);
  for (const auto& node : json["nodes"]) {
    if (node["op_type"].get<std::string>() != "If") continue;
    const auto& first = node["graphs"]["then_branch"][0];
    EXPECT_EQ(first["op_type"].get<std::string>(), "MatMul");
  }
}

}  // namespace
}  // namespace squint
