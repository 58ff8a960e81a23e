// Lowered graphs against the integer reading they stand for, bit for bit, on
// networks that the quantizer made.
#include "squint/runtime/integer_graph.h"

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <span>

#include "squint/calibrate/calibration.h"
#include "squint/interchange/interchange.h"
#include "squint/ops/infer.h"
#include "squint/ops/interpreter.h"
#include "squint/quantize/quantize.h"
#include "squint/runtime/executor.h"
#include "squint/runtime/fused_graph.h"

namespace squint {
namespace {

Tensor Wave(Dims dims, float step, float height) {
  Tensor tensor(DType::kFloat32, std::move(dims));
  for (int64_t i = 0; i < tensor.size(); ++i) {
    tensor.mutable_data<float>()[i] =
        height * std::sin(step * static_cast<float>(i + 1));
  }
  return tensor;
}

class Net {
 public:
  Graph graph;

  explicit Net(Dims dims) {
    graph.opset[""] = 25;
    x = graph.AddInput("x", DType::kFloat32, Shape::Of(dims));
  }
  ValueId x;

  ValueId Op(std::string_view type, std::vector<ValueId> inputs,
             Attributes attributes = {}) {
    return graph.Emit(type, std::move(inputs), std::string(type) + "_out",
                      std::move(attributes));
  }
  ValueId Weight(Dims dims, float step = 0.37f) {
    return graph.AddConstant("w", Wave(std::move(dims), step, 0.4f));
  }
  ValueId Conv(ValueId in, int64_t channels, int64_t filters, int64_t kernel,
               int64_t groups = 1) {
    const int64_t pad = kernel / 2;
    return Op("Conv",
              {in, Weight({filters, channels / groups, kernel, kernel}),
               Weight({filters}, 0.9f)},
              {{"pads", std::vector<int64_t>{pad, pad, pad, pad}},
               {"group", groups}});
  }
  ValueId Normal(ValueId in, int64_t channels) {
    const auto parameter = [&](float step, float base) {
      Tensor wave = Wave({channels}, step, 0.4f);
      for (float& v : std::span(wave.mutable_data<float>(),
                                static_cast<size_t>(channels))) {
        v += base;
      }
      return graph.AddConstant("p", wave);
    };
    return Op("BatchNormalization", {in, parameter(0.7f, 1), parameter(1.1f, 0),
                                     parameter(0.3f, 0), parameter(0.9f, 1)});
  }
  std::vector<ValueId> Halves(ValueId in) {
    Node split;
    split.op_type = "Split";
    split.inputs = {in};
    split.outputs = {graph.AddValue("half"), graph.AddValue("half")};
    split.attributes = {{"axis", int64_t{1}}, {"num_outputs", int64_t{2}}};
    std::vector<ValueId> halves = split.outputs;
    graph.AddNode(std::move(split));
    return halves;
  }
  Graph Finish(ValueId y) {
    graph.AddOutput(y);
    InferShapes(graph);
    return graph;
  }
};

// Samples of one shape.
class Waves : public Dataset {
 public:
  explicit Waves(Dims dims) : dims_(std::move(dims)) {}
  int64_t size() const override { return 12; }
  Sample Get(int64_t index) const override {
    Sample sample;
    sample.index = index;
    sample.id = sample.hash = std::to_string(index);
    sample.inputs = {
        Wave(dims_, 0.11f + 0.07f * static_cast<float>(index), 1.5f)};
    return sample;
  }
  bool has_labels() const override { return false; }
  std::string description() const override { return "waves"; }

 private:
  Dims dims_;
};

Graph Quantized(const Graph& graph, const Waves& data, const Recipe& recipe) {
  CalibrateOptions options;
  for (int64_t i = 0; i < data.size(); ++i) options.samples.push_back(i);
  options.values = ValuesToCalibrate(graph, recipe);
  const Calibration calibration = Calibrate(graph, data, options);
  return Quantize(graph, &calibration, recipe).graph;
}

Recipe RecipeFor(const std::string& target) {
  Recipe recipe;
  recipe.target = target;
  return recipe;
}

struct Case {
  std::string what;
  Dims dims;
  std::function<ValueId(Net&)> make;
  int real_nodes = 0;  // between DequantizeLinear and QuantizeLinear
};

std::vector<Case> Cases() {
  return {
      {"residual block with a pool and a head",
       {1, 3, 16, 16},
       [](Net& net) {
         const ValueId stem = net.Op("Relu", {net.Conv(net.x, 3, 8, 3)});
         const ValueId low =
             net.Op("MaxPool", {stem},
                    {{"kernel_shape", std::vector<int64_t>{2, 2}},
                     {"strides", std::vector<int64_t>{2, 2}}});
         const ValueId sum = net.Op("Add", {net.Conv(low, 8, 8, 3), low});
         const ValueId mean =
             net.Op("GlobalAveragePool", {net.Op("Relu", {sum})});
         const ValueId flat = net.Op("Flatten", {mean});
         return net.Op("Gemm",
                       {flat, net.Weight({8, 5}), net.Weight({5}, 0.2f)});
       }},
      {"the largest of each plane",
       {2, 3, 7, 5},
       [](Net& net) {
         const ValueId most =
             net.Op("GlobalMaxPool", {net.Conv(net.x, 3, 6, 3)});
         return net.Op("Gemm", {net.Op("Flatten", {most}), net.Weight({6, 4}),
                                net.Weight({4}, 0.2f)});
       }},
      {"means of a convolution, which end the network",
       {2, 3, 7, 5},
       [](Net& net) {
         const ValueId stem = net.Op("Relu", {net.Conv(net.x, 3, 9, 3)});
         const ValueId wide = net.Op("Relu", {net.Conv(stem, 9, 70, 1)});
         return net.Op("GlobalAveragePool", {wide});
       }},
      {"means of a convolution before a head",
       {2, 3, 7, 5},
       [](Net& net) {
         const ValueId stem = net.Op("Relu", {net.Conv(net.x, 3, 9, 3)});
         const ValueId wide = net.Op("Relu", {net.Conv(stem, 9, 70, 3)});
         const ValueId mean = net.Op("GlobalAveragePool", {wide});
         return net.Op("Gemm", {net.Op("Flatten", {mean}), net.Weight({70, 4}),
                                net.Weight({4}, 0.2f)});
       }},
      {"means of windows beside each other",
       {2, 3, 11, 9},
       [](Net& net) {
         const ValueId stem = net.Conv(net.x, 3, 5, 3);
         const ValueId near =
             net.Op("AveragePool", {stem},
                    {{"kernel_shape", std::vector<int64_t>{3, 3}},
                     {"pads", std::vector<int64_t>{1, 1, 1, 1}}});
         const ValueId padded =
             net.Op("AveragePool", {stem},
                    {{"kernel_shape", std::vector<int64_t>{3, 5}},
                     {"pads", std::vector<int64_t>{1, 2, 1, 2}},
                     {"count_include_pad", int64_t{1}}});
         const ValueId both =
             net.Op("Concat", {near, padded}, {{"axis", int64_t{1}}});
         const ValueId halved =
             net.Op("AveragePool", {both},
                    {{"kernel_shape", std::vector<int64_t>{2, 2}},
                     {"strides", std::vector<int64_t>{2, 2}},
                     {"ceil_mode", int64_t{1}}});
         return net.Conv(halved, 10, 3, 1);
       }},
      {"normalizations of joined parts",
       {2, 4, 7, 7},
       [](Net& net) {
         const ValueId a = net.Conv(net.x, 4, 4, 1);
         const ValueId both =
             net.Op("Concat", {net.x, a}, {{"axis", int64_t{1}}});
         return net.Conv(net.Op("Relu", {net.Normal(both, 8)}), 8, 3, 3);
       }},
      {"an image twice as large, and a part of its width",
       {1, 3, 6, 7},
       [](Net& net) {
         const ValueId scales = net.graph.AddConstant(
             "scales", Tensor::Of<float>({4}, {1, 1, 2, 2}));
         const ValueId larger =
             net.Op("Resize", {net.Conv(net.x, 3, 8, 3), kNoValue, scales});
         const ValueId width =
             net.graph.AddConstant("width", Tensor::Of<int64_t>({1}, {9}));
         return net.Op("Resize",
                       {net.Conv(larger, 8, 4, 3), kNoValue, kNoValue, width},
                       {{"axes", std::vector<int64_t>{-1}}});
       }},
      {"layers that read what all before them made",
       {2, 4, 9, 8},
       [](Net& net) {
         ValueId all = net.Conv(net.x, 4, 4, 3);
         for (int64_t channels = 4; channels < 16; channels += 4) {
           const ValueId normal = net.Op("Relu", {net.Normal(all, channels)});
           const ValueId narrow = net.Conv(normal, channels, 8, 1);
           all = net.Op("Concat", {all, net.Conv(narrow, 8, 4, 3)},
                        {{"axis", int64_t{1}}});
         }
         return net.Conv(net.Op("Relu", {net.Normal(all, 16)}), 16, 3, 1);
       }},
      {"two windows over one squeezed image",
       {2, 3, 11, 9},
       [](Net& net) {
         const ValueId squeezed = net.Op("Relu", {net.Conv(net.x, 3, 4, 1)});
         const ValueId near = net.Op("Relu", {net.Conv(squeezed, 4, 8, 1)});
         const ValueId wide = net.Op("Relu", {net.Conv(squeezed, 4, 8, 3)});
         const ValueId both =
             net.Op("Concat", {near, wide}, {{"axis", int64_t{1}}});
         return net.Conv(both, 16, 5, 1);
       }},
      {"halves, one of which goes around",
       {2, 3, 8, 7},
       [](Net& net) {
         const ValueId stem = net.Conv(net.x, 3, 8, 3);
         const auto halves = net.Halves(stem);
         const ValueId through =
             net.Conv(net.Conv(halves[1], 4, 6, 1), 6, 4, 3);
         const ValueId both =
             net.Op("Concat", {halves[0], through}, {{"axis", int64_t{1}}});
         return net.Conv(both, 8, 5, 3);
       }},
      {"depthwise with a gate",
       {2, 4, 9, 9},
       [](Net& net) {
         const ValueId deep = net.Conv(net.x, 4, 4, 3, 4);
         const ValueId gate = net.Op("HardSigmoid", {net.Conv(deep, 4, 4, 1)});
         return net.Conv(net.Op("Mul", {deep, gate}), 4, 6, 1);
       }},
      {"parts that are joined, moved and cut",
       {1, 4, 6, 6},
       [](Net& net) {
         const ValueId a = net.Conv(net.x, 4, 4, 1);
         const ValueId b = net.Op("Tanh", {net.Conv(net.x, 4, 2, 3)});
         const ValueId both = net.Op("Concat", {a, b}, {{"axis", int64_t{1}}});
         const ValueId moved = net.Op(
             "Transpose", {both}, {{"perm", std::vector<int64_t>{0, 1, 3, 2}}});
         return net.Conv(moved, 6, 3, 3);
       }},
      {"matrices of two computed tensors",
       {2, 5, 8},
       [](Net& net) {
         const ValueId q = net.Op("MatMul", {net.x, net.Weight({8, 6})});
         const ValueId k = net.Op("MatMul", {net.x, net.Weight({8, 6}, 0.7f)});
         const ValueId turned = net.Op(
             "Transpose", {k}, {{"perm", std::vector<int64_t>{0, 2, 1}}});
         return net.Op("MatMul", {net.Op("MatMul", {q, turned}), q});
       }},
  };
}

void ExpectBits(const Tensor& got, const Tensor& expected) {
  ASSERT_EQ(got.dtype(), expected.dtype());
  ASSERT_EQ(got.dims(), expected.dims());
  EXPECT_EQ(std::memcmp(got.raw(), expected.raw(), expected.bytes()), 0);
}

TEST(LowerToIntegers, GivesTheIntegerReadingBitForBit) {
  for (const Case& c : Cases()) {
    for (const char* target : {"squint", "edge", "x86", "arm"}) {
      SCOPED_TRACE(c.what + " for " + target);
      Net net(c.dims);
      const Graph graph = net.Finish(c.make(net));
      const Waves data(c.dims);
      const Graph quantized = Quantized(graph, data, RecipeFor(target));
      const Graph lowered = LowerToIntegers(quantized);
      EXPECT_GT(
          CountOf(lowered, "QLinearConv") + CountOf(lowered, "QLinearMatMul"),
          0)
          << PrintGraph(lowered);
      Executor executor(std::make_shared<const Graph>(lowered));
      for (const int64_t i : {0, 7}) {
        const std::vector<Tensor> inputs = data.Get(i).inputs;
        const Tensor expected =
            Interpret(quantized, inputs, {.reading = Reading::kInteger})[0];
        ExpectBits(executor.Run(inputs)[0], expected);
        ExpectBits(
            Interpret(lowered, inputs, {.reading = Reading::kInteger})[0],
            expected);
      }
    }
  }
}

TEST(LowerToIntegers, ReadsWeightsOf4BitsAsBytes) {
  const Case c = Cases().front();
  Net net(c.dims);
  const Graph graph = net.Finish(c.make(net));
  Recipe recipe = RecipeFor("squint");
  recipe.weights = DType::kInt4;
  recipe.edges_8_bits = false;
  const Waves data(c.dims);
  const Graph quantized = Quantized(graph, data, recipe);
  const Graph lowered = LowerToIntegers(quantized);
  EXPECT_GT(CountOf(lowered, "QLinearConv"), 0) << PrintGraph(lowered);
  Executor executor(std::make_shared<const Graph>(lowered));
  const std::vector<Tensor> inputs = data.Get(3).inputs;
  const Tensor got = executor.Run(inputs)[0];
  ExpectBits(got,
             Interpret(lowered, inputs, {.reading = Reading::kInteger})[0]);
  // The same network simulated in float differs by steps at most.
  Executor simulated(std::make_shared<const Graph>(quantized));
  const std::vector<float> expected = simulated.Run(inputs)[0].ToFloats();
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_NEAR(got.ToFloats()[i], expected[i], 0.05f);
  }
}

// What a lowered case consists of.
Graph LoweredCase(const std::string& what) {
  for (const Case& c : Cases()) {
    if (c.what != what) continue;
    Net net(c.dims);
    const Graph graph = net.Finish(c.make(net));
    return LowerToIntegers(
        Quantized(graph, Waves(c.dims), RecipeFor("squint")));
  }
  ADD_FAILURE() << "no such case";
  return {};
}

TEST(LowerToIntegers, KeepsImagesChannelsLastAndAddsInTheConvolution) {
  const Graph graph = LoweredCase("residual block with a pool and a head");
  EXPECT_EQ(CountOf(graph, "NhwcMaxPool"), 1);
  EXPECT_EQ(CountOf(graph, "QLinearConvAdd"), 1);
  EXPECT_EQ(CountOf(graph, "QLinearAdd"), 0);
  // Of the input, and of the means before the matrix product.
  EXPECT_EQ(CountOf(graph, "Transpose"), 2) << PrintGraph(graph);
}

// Inverted bottlenecks of more bytes than a core's cache, the second with its
// wide image read twice.
ValueId WideBottlenecks(Net& net) {
  const auto wide = [&](ValueId x) { return net.Conv(x, 8, 64, 1); };
  const auto narrow = [&](ValueId x) {
    return net.Conv(net.Conv(x, 64, 64, 3, 64), 64, 8, 1);
  };
  const ValueId first = net.Op("Add", {net.x, narrow(wide(net.x))});
  const ValueId middle = wide(first);
  return net.Op("Add", {narrow(middle), net.Conv(middle, 64, 8, 1)});
}

TEST(LowerToIntegers, TakesConvolutionsBehindEachOtherByBands) {
  const Dims dims = {1, 8, 96, 96};
  Net net(dims);
  const Graph graph = net.Finish(WideBottlenecks(net));
  const Waves data(dims);
  const Graph quantized = Quantized(graph, data, RecipeFor("squint"));
  const Graph lowered = LowerToIntegers(quantized);
  std::vector<size_t> links;
  for (const NodeId id : lowered.order()) {
    const Node& node = lowered.node(id);
    if (node.op_type == "QLinearConvChain") {
      links.push_back(node.Ints("adds").size());
    }
  }
  // The second expansion is read twice, and what comes before it is small.
  EXPECT_EQ(links, (std::vector<size_t>{3, 2})) << PrintGraph(lowered);
  EXPECT_EQ(
      CountOf(lowered, "QLinearConv") + CountOf(lowered, "QLinearConvAdd"), 2);
  const std::vector<Tensor> inputs = data.Get(5).inputs;
  const Tensor expected =
      Interpret(quantized, inputs, {.reading = Reading::kInteger})[0];
  for (const int threads : {1, 2}) {
    Context context;
    context.threads = threads;
    Executor executor(std::make_shared<const Graph>(lowered), context);
    for (int run = 0; run < 3; ++run) {
      ExpectBits(executor.Run(inputs)[0], expected);
    }
  }
}

TEST(LowerToIntegers, AveragesWindowsOfChannelsLast) {
  const Graph graph = LoweredCase("means of windows beside each other");
  EXPECT_EQ(CountOf(graph, "QLinearAveragePool"), 3) << PrintGraph(graph);
  EXPECT_EQ(CountOf(graph, "Transpose"), 2);  // of the input and the result
}

TEST(LowerToIntegers, TakesMeansOfImagesWithTheirConvolution) {
  for (const char* what : {"means of a convolution, which end the network",
                           "means of a convolution before a head"}) {
    const Graph graph = LoweredCase(what);
    EXPECT_EQ(CountOf(graph, "QLinearConvGlobalAveragePool"), 1)
        << PrintGraph(graph);
    EXPECT_EQ(CountOf(graph, "GlobalAveragePool"), 0);
  }
  const Graph graph =
      LoweredCase("means of a convolution, which end the network");
  EXPECT_EQ(CountOf(graph, "DequantizeLinear"), 0) << PrintGraph(graph);
  EXPECT_EQ(CountOf(graph, "Transpose"), 1);  // of the input
}

TEST(LowerToIntegers, ResizesBytesWhereTheyLie) {
  const Graph graph =
      LoweredCase("an image twice as large, and a part of its width");
  EXPECT_EQ(CountOf(graph, "Resize"), 2) << PrintGraph(graph);
  EXPECT_EQ(CountOf(graph, "DequantizeLinear"), 1);  // of the result
  EXPECT_EQ(CountOf(graph, "Transpose"), 2);  // of the input and the result
}

TEST(LowerToIntegers, LeavesMeansOfWhatOthersRead) {
  const Dims dims = {1, 3, 6, 6};
  Net net(dims);
  const ValueId wide = net.Conv(net.x, 3, 8, 3);
  const ValueId mean = net.Op("GlobalAveragePool", {wide});
  const Graph graph =
      net.Finish(net.Conv(net.Op("Mul", {wide, mean}), 8, 4, 1));
  const Waves data(dims);
  const Graph quantized = Quantized(graph, data, RecipeFor("squint"));
  const Graph lowered = LowerToIntegers(quantized);
  EXPECT_EQ(CountOf(lowered, "QLinearConv"), 2) << PrintGraph(lowered);
  EXPECT_EQ(CountOf(lowered, "QLinearGlobalAveragePool"), 1);
  const std::vector<Tensor> inputs = data.Get(3).inputs;
  ExpectBits(Executor(std::make_shared<const Graph>(lowered)).Run(inputs)[0],
             Interpret(quantized, inputs, {.reading = Reading::kInteger})[0]);
}

TEST(LowerToIntegers, WritesAndReadsPartsOfImagesWhereTheyLie) {
  const Graph dense = LoweredCase("layers that read what all before them made");
  // The last one would take more memory than all else at once.
  EXPECT_EQ(CountOf(dense, "Concat"), 1) << PrintGraph(dense);
  EXPECT_EQ(CountOf(dense, "QLinearConvChannels"), 3);
  EXPECT_EQ(CountOf(dense, "CopyChannels"), 1);
  const Graph windows = LoweredCase("two windows over one squeezed image");
  EXPECT_EQ(CountOf(windows, "Concat"), 0) << PrintGraph(windows);
  EXPECT_EQ(CountOf(windows, "QLinearConvChannels"), 2);
  EXPECT_EQ(CountOf(windows, "CopyChannels"), 0);
  const Graph halves = LoweredCase("halves, one of which goes around");
  EXPECT_EQ(CountOf(halves, "Split"), 0) << PrintGraph(halves);
  EXPECT_EQ(CountOf(halves, "QLinearConvChannels"), 1);
  EXPECT_EQ(CountOf(halves, "Slice"), 1);
}

// A layer of a transformer, in parts: attention, and two products with a Gelu.
ValueId HeadsAndGelu(Net& net) {
  const auto linear = [&](ValueId x, int64_t from, int64_t to, float step) {
    return net.Op("Add", {net.Op("MatMul", {x, net.Weight({from, to}, step)}),
                          net.Weight({to}, 0.2f)});
  };
  const ValueId shape =
      net.graph.AddConstant("heads", Tensor::Of<int64_t>({4}, {1, 6, 2, 4}));
  const auto heads = [&](float step, std::vector<int64_t> perm) {
    return net.Op("Transpose",
                  {net.Op("Reshape", {linear(net.x, 8, 8, step), shape})},
                  {{"perm", std::move(perm)}});
  };
  const ValueId queries = heads(0.3f, {0, 2, 1, 3});
  const ValueId keys = heads(0.7f, {0, 2, 3, 1});
  const ValueId wide = net.Op("Gelu", {linear(net.x, 8, 16, 0.4f)});
  const ValueId mask = net.graph.AddConstant(
      "mask", Tensor::Of<float>({6}, {0, 0, -1e4f, 0, -1e4f, 0}));
  const ValueId shares = net.Op(
      "Softmax", {net.Op("Add", {net.Op("MatMul", {queries, keys}), mask})});
  const ValueId mixed = net.Op("MatMul", {shares, heads(0.5f, {0, 2, 1, 3})});
  const ValueId flat =
      net.graph.AddConstant("flat", Tensor::Of<int64_t>({3}, {1, 6, 8}));
  return net.Op("Concat",
                {net.Op("Reshape", {mixed, flat}), linear(wide, 16, 8, 0.5f)},
                {{"axis", int64_t{2}}});
}

TEST(LowerToIntegers, MakesBytesOfProductsInTheirStore) {
  const Dims dims = {1, 6, 8};
  Net net(dims);
  const Graph graph = net.Finish(HeadsAndGelu(net));
  const Waves data(dims);
  const Graph quantized = Quantized(graph, data, RecipeFor("squint"));
  const Graph lowered = LowerToIntegers(quantized);
  EXPECT_EQ(CountOf(lowered, "MatMulIntegerToBytes"), 4) << PrintGraph(lowered);
  EXPECT_EQ(CountOf(lowered, "FusedAttention"), 1);
  EXPECT_EQ(CountOf(lowered, "Softmax"), 0);
  EXPECT_EQ(CountOf(lowered, "Transpose"), 0);
  EXPECT_EQ(CountOf(lowered, "Gelu"), 0);
  EXPECT_EQ(CountOf(lowered, "Add"), 0);
  EXPECT_EQ(CountOf(lowered, "QuantizeLinear"), 1);  // of the input
  const Graph apart = LowerToIntegers(quantized, {.fuse = false});
  EXPECT_EQ(CountOf(apart, "MatMulIntegerToBytes"), 0);
  Executor executor(std::make_shared<const Graph>(lowered));
  Executor other(std::make_shared<const Graph>(apart));
  const std::vector<Tensor> inputs = data.Get(3).inputs;
  ExpectBits(executor.Run(inputs)[0], other.Run(inputs)[0]);
}

TEST(LowerToIntegers, LooksUpNormalizationsByChannel) {
  const Graph graph = LoweredCase("normalizations of joined parts");
  EXPECT_EQ(CountOf(graph, "BatchNormalization"), 0) << PrintGraph(graph);
  EXPECT_EQ(CountOf(graph, "Relu"), 0);
  EXPECT_GE(CountOf(graph, "Lookup"), 1);
}

TEST(LowerToIntegers, LeavesFloatNetworksAlone) {
  Net net({1, 2, 4, 4});
  const Graph graph = net.Finish(net.Conv(net.x, 2, 3, 3));
  EXPECT_EQ(PrintGraph(LowerToIntegers(graph)), PrintGraph(graph));
}

// ---- quantized at run time

Graph QuantizedAtRunTime(const Graph& graph) {
  Recipe recipe = RecipeFor("x86");
  recipe.mode = QuantizeMode::kDynamic;
  return Quantize(graph, nullptr, recipe).graph;
}

std::vector<Case> DynamicCases() {
  const Attributes turned = {{"transB", int64_t{1}}};
  return {
      {"a matrix",
       {2, 5, 64},
       [](Net& net) {
         return net.Op("MatMul", {net.x, net.Weight({64, 40})});
       }},
      {"matrices with a bias that read one tensor",
       {7, 64},
       [](Net& net) {
         const ValueId a = net.Op("MatMul", {net.x, net.Weight({64, 40})});
         const ValueId b =
             net.Op("MatMul", {net.x, net.Weight({64, 40}, 0.7f)});
         return net.Op("Mul", {net.Op("Add", {net.Weight({40}, 0.3f), a}), b});
       }},
      {"Gemm turned, then another",
       {3, 64},
       [turned](Net& net) {
         const ValueId hidden = net.Op(
             "Gemm", {net.x, net.Weight({33, 64}), net.Weight({33})}, turned);
         return net.Op("Gemm",
                       {net.Op("Relu", {hidden}), net.Weight({33, 9}, 0.21f)});
       }},
  };
}

TEST(LowerToIntegers, GivesTheReadingOfProductsQuantizedAtRunTime) {
  for (const Case& c : DynamicCases()) {
    SCOPED_TRACE(c.what);
    Net net(c.dims);
    const Graph quantized = QuantizedAtRunTime(net.Finish(c.make(net)));
    const Graph lowered = LowerToIntegers(quantized);
    EXPECT_EQ(CountOf(lowered, "MatMul") + CountOf(lowered, "Gemm"), 0)
        << PrintGraph(lowered);
    EXPECT_EQ(CountOf(lowered, "Add"), 0) << PrintGraph(lowered);
    Executor executor(std::make_shared<const Graph>(lowered));
    for (const int64_t i : {0, 7}) {
      const std::vector<Tensor> inputs = Waves(c.dims).Get(i).inputs;
      const Tensor expected =
          Interpret(quantized, inputs, {.reading = Reading::kInteger})[0];
      ExpectBits(executor.Run(inputs)[0], expected);
      ExpectBits(Interpret(lowered, inputs, {.reading = Reading::kInteger})[0],
                 expected);
    }
  }
}

// A tensor that is read in another way too is rounded for that reader.
TEST(LowerToIntegers, KeepsOtherReadersOfWhatIsQuantizedAtRunTime) {
  const Dims dims = {4, 64};
  Net net(dims);
  const ValueId product = net.Op("MatMul", {net.x, net.Weight({64, 64})});
  Graph graph = net.Finish(net.Op("Add", {product, net.x}));
  Graph quantized = QuantizedAtRunTime(graph);
  const Graph lowered = LowerToIntegers(quantized);
  EXPECT_EQ(CountOf(lowered, "MatMulIntegerToFloat"), 1);
  const std::vector<Tensor> inputs = Waves(dims).Get(2).inputs;
  ExpectBits(Executor(std::make_shared<const Graph>(lowered)).Run(inputs)[0],
             Interpret(quantized, inputs, {.reading = Reading::kInteger})[0]);
}

// 16 bits stay simulated: values keep their parameters.
TEST(LowerToIntegers, KeepsWhatIsNot8Bits) {
  const Dims dims = {1, 2, 4, 4};
  Net net(dims);
  const Graph graph = net.Finish(net.Conv(net.x, 2, 3, 3));
  Recipe recipe = RecipeFor("squint");
  recipe.activations = DType::kInt16;
  const Graph quantized = Quantized(graph, Waves(dims), recipe);
  const Graph lowered = LowerToIntegers(quantized);
  EXPECT_EQ(CountOf(lowered, "Conv"), 1);
  const Tensor x = Waves(dims).Get(3).inputs[0];
  ExpectBits(Executor(std::make_shared<const Graph>(lowered)).Run({x})[0],
             Executor(std::make_shared<const Graph>(quantized)).Run({x})[0]);
}

}  // namespace
}  // namespace squint
