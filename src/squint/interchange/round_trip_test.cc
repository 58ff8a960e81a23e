// Load, absorb, save gives the same numbers, bit for bit, under the reading
// "as written", on every pattern that quantizers write.
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>

#include "squint/interchange/interchange.h"
#include "squint/interchange/qdq_builder.h"
#include "squint/interchange/qdq_graphs.h"
#include "squint/ops/interpreter.h"

namespace squint {
namespace {

// Reals over several steps of every grid used, with ties and overflow.
Tensor RealsFor(const Value& input) {
  Tensor tensor(DType::kFloat32, *input.shape.values());
  for (int64_t i = 0; i < tensor.size(); ++i) {
    tensor.mutable_data<float>()[i] =
        static_cast<float>((i * 37) % 401 - 200) * 0.0151f;
  }
  return tensor;
}

std::vector<Tensor> InputsFor(const Graph& graph) {
  std::vector<Tensor> inputs;
  for (const ValueId id : graph.inputs()) {
    const Value& value = graph.value(id);
    inputs.push_back(
        value.dtype == DType::kFloat32
            ? RealsFor(value)
            : QdqBuilder::Integers(value.dtype, *value.shape.values()));
  }
  return inputs;
}

void ExpectSame(const std::vector<Tensor>& expected, const Graph& graph,
                const std::vector<Tensor>& inputs, const char* when) {
  SCOPED_TRACE(when);
  const std::vector<Tensor> got = Interpret(graph, inputs);
  ASSERT_EQ(got.size(), expected.size());
  for (size_t i = 0; i < got.size(); ++i) {
    ASSERT_EQ(got[i].dtype(), expected[i].dtype()) << PrintGraph(graph);
    ASSERT_EQ(got[i].dims(), expected[i].dims());
    EXPECT_EQ(std::memcmp(got[i].raw(), expected[i].raw(), expected[i].bytes()),
              0)
        << PrintGraph(graph);
  }
}

int CountIntegerNodes(const Graph& graph) {
  int count = 0;
  for (const NodeId id : graph.order()) {
    const std::string& type = graph.node(id).op_type;
    count += type.find("Linear") != std::string::npos ||
             type.find("Integer") != std::string::npos ||
             type.find("QGemm") != std::string::npos ||
             type.find("NBits") != std::string::npos;
  }
  return count;
}

void ExpectRoundTrip(const std::vector<QuantizedExample>& examples) {
  const auto path =
      std::filesystem::path(testing::TempDir()) / "squint_round_trip.onnx";
  for (const QuantizedExample& example : examples) {
    SCOPED_TRACE(example.what);
    const std::vector<Tensor> inputs = InputsFor(example.graph);
    const std::vector<Tensor> expected = Interpret(example.graph, inputs);
    Graph graph = example.graph;
    Absorb(graph);
    VerifyGraph(graph);
    EXPECT_EQ(CountIntegerNodes(graph) == 0, example.absorbed)
        << PrintGraph(graph);
    ExpectSame(expected, graph, inputs, "absorbed");
    ExpectSame(expected, LayOutQuantization(graph), inputs, "laid out");
    SaveModel(graph, path);
    LoadedModel loaded = LoadModel(path);
    ExpectSame(expected, loaded.graph, inputs, "loaded");
    Absorb(loaded.graph);
    ExpectSame(expected, loaded.graph, inputs, "absorbed again");
  }
  std::filesystem::remove(path);
}

TEST(RoundTrip, KeepsTheNumbersOfQdqGraphs) { ExpectRoundTrip(QdqExamples()); }

TEST(RoundTrip, KeepsTheNumbersOfQOperatorGraphs) {
  ExpectRoundTrip(QOperatorExamples());
}

TEST(RoundTrip, KeepsTheNumbersOfGraphsWithScalesMadeAtRunTime) {
  ExpectRoundTrip(RunTimeScaleExamples());
}

}  // namespace
}  // namespace squint
