// LSTM, GRU and their steps on weights that stay in their bits, against the
// reference on the numbers they stand for.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "squint/ops/infer.h"
#include "squint/ops/interpreter.h"
#include "squint/runtime/executor.h"

namespace squint {
namespace {

Tensor Random(Dims dims, uint32_t seed, float low = -1.0f, float high = 1.0f) {
  std::mt19937 engine(seed);
  std::uniform_real_distribution<float> uniform(low, high);
  Tensor tensor(DType::kFloat32, std::move(dims));
  for (int64_t i = 0; i < tensor.size(); ++i) {
    tensor.mutable_data<float>()[i] = uniform(engine);
  }
  return tensor;
}

Tensor Integers(DType dtype, Dims dims, uint32_t seed, int margin = 0) {
  std::mt19937 engine(seed);
  const QuantRange range = RangeOf(dtype, false);
  std::uniform_int_distribution<int32_t> uniform(range.qmin + margin,
                                                 range.qmax - margin);
  Tensor tensor(DType::kInt32, std::move(dims));
  for (int64_t i = 0; i < tensor.size(); ++i) {
    tensor.mutable_data<int32_t>()[i] = uniform(engine);
  }
  return tensor.CastTo(dtype);
}

// How weights are stored; along which axis scales lie is the operator's.
struct Stored {
  const char* what;
  DType dtype = DType::kInt8;
  int64_t block = 0;  // along the terms; 0: a scale for each column
  bool one = false;   // scale for all
  bool zeros = false;
};
constexpr Stored kStored[] = {
    {"a scale for each row"},
    {"one scale", DType::kInt8, 0, true},
    {"bytes in groups", DType::kInt8, 16},
    {"four bits in groups", DType::kInt4, 16, false, true},
    {"four bits in groups of any size", DType::kInt4, 5},
    // Less their zero points they are no bytes: dequantized.
    {"zero points", DType::kUint8, 0, false, true},
};

// `terms`: the axis that is summed over; the one before or behind it has the
// columns.
ValueId AddWeight(Graph& graph, const std::string& name, const Stored& s,
                  const Dims& dims, int terms, int columns, uint32_t seed) {
  const ValueId id = graph.AddConstant(name, Integers(s.dtype, dims, seed, 1));
  QuantParams params;
  params.dtype = s.dtype;
  Dims scales = {};
  const bool both_directions = dims.size() == 3 && dims[0] > 1;
  if (s.block > 0 || (both_directions && !s.one)) {
    scales = dims;
    params.axis = terms;
    int64_t& along = scales[static_cast<size_t>(terms)];
    params.block = s.block > 0 ? s.block : along;
    along = (along + params.block - 1) / params.block;
  } else if (!s.one) {
    params.axis = columns;
    scales = {dims[static_cast<size_t>(columns)]};
  }
  const float step = s.dtype == DType::kInt4 ? 0.05f : 0.003f;
  params.scale = Random(scales, seed + 1, step / 2, step);
  if (s.zeros) params.zero_point = Integers(s.dtype, scales, seed + 2, 4);
  Value& value = graph.value(id);
  value.dtype = DType::kFloat32;
  value.quant = params;
  return id;
}

struct Layer {
  const char* op_type;
  const char* direction;
  int64_t steps;
  int64_t batch;
  int64_t hidden;
  int64_t linear_before_reset = 0;

  bool lstm() const { return std::string(op_type) == "LSTM"; }
  int64_t gates() const { return lstm() ? 4 : 3; }
};
constexpr int64_t kInputs = 33;

// The graph with its one node, all of whose results are outputs.
Graph Finished(Graph graph, Node node, const Layer& layer) {
  if (!layer.lstm()) {
    node.attributes["linear_before_reset"] = layer.linear_before_reset;
  }
  for (const char* name : {"y", "yh", "yc"}) {
    if (name[1] == 'c' && !layer.lstm()) break;
    node.outputs.push_back(graph.AddValue(name));
    graph.AddOutput(node.outputs.back());
  }
  graph.AddNode(std::move(node));
  InferShapes(graph);
  return graph;
}

Graph WholeLayer(const Layer& layer, const Stored& stored) {
  Graph graph;
  graph.opset[""] = 25;
  const int64_t d = std::string(layer.direction) == "bidirectional" ? 2 : 1;
  const int64_t width = layer.gates() * layer.hidden;
  Node node;
  node.op_type = layer.op_type;
  node.inputs = {
      graph.AddInput("x", DType::kFloat32,
                     Shape::Of({layer.steps, layer.batch, kInputs})),
      AddWeight(graph, "w", stored, {d, width, kInputs}, 2, 1, 10),
      AddWeight(graph, "r", stored, {d, width, layer.hidden}, 2, 1, 20),
      graph.AddConstant("b", Random({d, 2 * width}, 30)),
      kNoValue,
      graph.AddInput("h", DType::kFloat32,
                     Shape::Of({d, layer.batch, layer.hidden}))};
  node.attributes = {{"hidden_size", layer.hidden},
                     {"direction", std::string(layer.direction)}};
  return Finished(std::move(graph), std::move(node), layer);
}

std::vector<Tensor> InputsOf(const Graph& graph) {
  std::vector<Tensor> inputs;
  for (const ValueId id : graph.inputs()) {
    inputs.push_back(Random(*graph.value(id).shape.values(), 1));
  }
  return inputs;
}

void ExpectNear(const Graph& graph, const std::vector<Tensor>& expected,
                float bound) {
  for (const int threads : {1, 2}) {
    Context context;
    context.threads = threads;
    Executor executor(std::make_shared<const Graph>(graph), context);
    const std::vector<Tensor> results = executor.Run(InputsOf(graph));
    ASSERT_EQ(results.size(), expected.size());
    for (size_t i = 0; i < results.size(); ++i) {
      ASSERT_EQ(results[i].dims(), expected[i].dims());
      for (int64_t j = 0; j < results[i].size(); ++j) {
        ASSERT_NEAR(results[i].data<float>()[j], expected[i].data<float>()[j],
                    bound)
            << "output " << i << ", element " << j;
      }
    }
  }
}

TEST(StoredRecurrent, LayersGiveWhatTheirDequantizedWeightsGive) {
  for (const Stored& stored : kStored) {
    SCOPED_TRACE(stored.what);
    // Few rows of the input, and many.
    for (const Layer& layer : {Layer{"LSTM", "forward", 1, 1, 80},
                               Layer{"LSTM", "bidirectional", 5, 4, 72},
                               Layer{"GRU", "reverse", 2, 1, 80, 1},
                               Layer{"GRU", "bidirectional", 5, 3, 64, 0},
                               Layer{"GRU", "forward", 6, 1, 16, 1}}) {
      SCOPED_TRACE(std::string(layer.op_type) + " " + layer.direction);
      const Graph graph = WholeLayer(layer, stored);
      ExpectNear(graph, Interpret(graph, InputsOf(graph)), 2e-5f);
    }
  }
}

// What the state is rounded to; none: it is not.
struct StateGrid {
  const char* what;
  DType dtype = DType::kUndefined;
  float scale = 0;
  int32_t zero = 0;
};
constexpr StateGrid kGrids[] = {
    {"no grid"},
    {"the grid of files", DType::kUint8, 1.0f / 127, 128},
    {"int8", DType::kInt8, 1.0f / 127, 0},
    {"not in the middle", DType::kUint8, 1.0f / 150, 100},
    {"16 bits", DType::kUint16, 1.0f / 32767, 32768},
};

Graph Steps(const Layer& layer, const Stored& stored, const StateGrid& grid) {
  Graph graph;
  graph.opset[""] = 25;
  graph.opset["squint"] = 1;
  const int64_t n = layer.hidden;
  const Shape state = Shape::Of({layer.batch, n});
  Node node;
  node.op_type = layer.lstm() ? "LSTMSteps" : "GRUSteps";
  node.domain = "squint";
  node.inputs = {
      graph.AddInput("g", DType::kFloat32,
                     Shape::Of({layer.steps, layer.batch, layer.gates() * n}))};
  if (layer.lstm()) {
    node.inputs.push_back(AddWeight(graph, "r", stored, {n, 4 * n}, 0, 1, 10));
  } else {
    node.inputs.push_back(AddWeight(graph, "r", stored, {n, 2 * n}, 0, 1, 10));
    node.inputs.push_back(AddWeight(graph, "rn", stored, {n, n}, 0, 1, 20));
  }
  node.inputs.push_back(graph.AddInput("h", DType::kFloat32, state));
  node.inputs.push_back(layer.lstm()
                            ? graph.AddInput("c", DType::kFloat32, state)
                            : graph.AddConstant("late", Random({n}, 30)));
  if (grid.dtype != DType::kUndefined) {
    node.inputs.push_back(
        graph.AddConstant("scale", Tensor::Scalar<float>(grid.scale)));
    node.inputs.push_back(graph.AddConstant(
        "zero", Tensor::Scalar<int32_t>(grid.zero).CastTo(grid.dtype)));
  }
  node.attributes["reverse"] =
      int64_t{std::string(layer.direction) == "reverse"};
  return Finished(std::move(graph), std::move(node), layer);
}

// A state that a float error moves across the middle between two numbers of
// its grid changes a gate by a step times a weight; none of these is.
TEST(StoredRecurrent, StepsGiveWhatTheirDequantizedWeightsGive) {
  for (const Stored& stored : kStored) {
    for (const StateGrid& grid : kGrids) {
      SCOPED_TRACE(std::string(stored.what) + ", " + grid.what);
      for (const Layer& layer : {Layer{"LSTM", "forward", 4, 1, 80},
                                 Layer{"LSTM", "reverse", 3, 4, 20},
                                 Layer{"GRU", "forward", 4, 3, 80, 1},
                                 Layer{"GRU", "reverse", 3, 1, 20, 0}}) {
        const Graph graph = Steps(layer, stored, grid);
        ExpectNear(graph, Interpret(graph, InputsOf(graph)), 2e-5f);
      }
    }
  }
}

// Whether the graph's node gives a step on its weights as they are stored.
bool TakesStored(const Graph& graph) {
  const Node& node = graph.node(graph.order()[0]);
  PackCache packs;
  PrepareContext context{.node = node,
                         .input_dtypes = {},
                         .input_dims = {},
                         .output_dtypes = {},
                         .output_dims = {},
                         .constants = {},
                         .packs = packs,
                         .pack_key = "node",
                         .clamp = {}};
  for (const ValueId id : node.inputs) {
    const Value* value = id == kNoValue ? nullptr : &graph.value(id);
    const bool constant = value != nullptr && value->is_constant();
    context.input_dtypes.push_back(value ? value->dtype : DType::kUndefined);
    context.input_dims.push_back(value ? *value->shape.values() : Dims{});
    context.constants.push_back(constant ? &value->constant : nullptr);
    context.stored.push_back(constant && value->quant ? &*value->quant
                                                      : nullptr);
  }
  for (const ValueId id : node.outputs) {
    context.output_dtypes.push_back(DType::kFloat32);
    context.output_dims.push_back(*graph.value(id).shape.values());
  }
  return FindOp(node.op_type, node.domain)->prepare_stored(context) != nullptr;
}

TEST(StoredRecurrent, StepsReadWeightsAsTheyAreStored) {
  const Layer large = {"GRU", "forward", 1, 1, 80};
  const Layer small = {"GRU", "forward", 1, 1, 20};
  for (const StateGrid& grid : kGrids) {
    SCOPED_TRACE(grid.what);
    EXPECT_TRUE(TakesStored(Steps(large, kStored[0], grid)));
    EXPECT_TRUE(TakesStored(Steps(large, kStored[3], grid)));
    EXPECT_FALSE(TakesStored(Steps(large, kStored[5], grid)));
    // Small ones pay as integers alone.
    const bool bytes =
        grid.dtype == DType::kUint8 || grid.dtype == DType::kInt8;
    EXPECT_EQ(TakesStored(Steps(small, kStored[0], grid)), bytes);
  }
}

double Sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

// The reference sums float32 products one by one; integers are summed exactly
// and rounded three times: to float32, with both scales, and with what the
// input gives. For sums S of magnitude A of n terms these lie within
// 4 * 2^-24 |S| of the exact sum, the reference's within (n + 4) 2^-24 A.
TEST(StoredRecurrent, IntegerSumsAreExactWhereTheReferenceRounds) {
  constexpr int64_t kHidden = 300;
  const Stored stored = {"a scale for each column"};
  const StateGrid grid = kGrids[1];
  const Layer layer = {"LSTM", "forward", 1, 1, kHidden};
  const Graph graph = Steps(layer, stored, grid);
  const std::vector<Tensor> inputs = InputsOf(graph);
  const Value& r = graph.value(graph.FindValue("r"));
  const auto gate = [&](int64_t g, int64_t u, double& magnitude) {
    const int64_t column = g * kHidden + u;
    int64_t sum = 0, all = 0;
    for (int64_t k = 0; k < kHidden; ++k) {
      const int32_t q =
          QuantizeValue(inputs[1].data<float>()[k], grid.scale, 128, 0, 255) -
          128;
      const int32_t w = r.constant.data<int8_t>()[k * 4 * kHidden + column];
      sum += q * w;
      all += std::abs(q * w);
    }
    const double scale = static_cast<double>(grid.scale) *
                         static_cast<double>(r.quant->scale_at(column));
    magnitude = std::max(magnitude, static_cast<double>(all) * scale);
    return static_cast<double>(sum) * scale +
           static_cast<double>(inputs[0].data<float>()[column]);
  };
  const std::vector<Tensor> ran =
      Executor(std::make_shared<const Graph>(graph)).Run(inputs);
  const std::vector<Tensor> reference = Interpret(graph, inputs);
  for (int64_t u = 0; u < kHidden; ++u) {
    double magnitude = 0;
    const double c =
        Sigmoid(gate(2, u, magnitude)) *
            static_cast<double>(inputs[2].data<float>()[u]) +
        Sigmoid(gate(0, u, magnitude)) * std::tanh(gate(3, u, magnitude));
    const double h = Sigmoid(gate(1, u, magnitude)) * std::tanh(c);
    EXPECT_NEAR(ran[0].data<float>()[u], h, 1e-6);
    const double bound = (kHidden + 4) * std::ldexp(magnitude, -24) + 1e-6;
    EXPECT_NEAR(reference[0].data<float>()[u], h, bound);
  }
}

TEST(StoredRecurrent, ASampleIsTheSameInEveryBatch) {
  const auto first = [&](int64_t batch) {
    const Graph graph =
        Steps({"LSTM", "forward", 2, batch, 40}, kStored[0], kGrids[1]);
    std::vector<Tensor> inputs = InputsOf(graph);
    // The same numbers for every sample.
    for (Tensor& input : inputs) {
      const int64_t row = input.dim(input.rank() - 1);
      float* x = input.mutable_data<float>();
      for (int64_t i = row; i < input.size(); ++i) x[i] = x[i % row];
    }
    const Tensor y =
        Executor(std::make_shared<const Graph>(graph)).Run(inputs)[1];
    return std::vector<float>(y.data<float>() + (batch - 1) * 40,
                              y.data<float>() + batch * 40);
  };
  EXPECT_EQ(first(1), first(5));
}

}  // namespace
}  // namespace squint
