// Every operator with a fixed-point step against the integer reading, which
// computes in another way: one step apart at most.
#include "squint/fixed/session.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <set>

#include "squint/fixed/lower.h"
#include "squint/ops/infer.h"
#include "squint/ops/interpreter.h"

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
  explicit Net(Dims dims, DType dtype = DType::kInt8)
      : dtype_(dtype), sample_(Wave(dims, 0.61f, 1.5f)) {
    graph.opset[""] = 25;
    x = graph.AddInput("x", DType::kFloat32, Shape::Of(dims));
  }

  ValueId Op(std::string_view type, std::vector<ValueId> inputs,
             Attributes attributes = {}) {
    return graph.Emit(type, std::move(inputs), std::string(type) + "_out",
                      std::move(attributes));
  }
  // int8, one scale for each index of `axis`; a negative axis: one for all.
  // No number is larger than `largest`.
  ValueId Weight(Dims dims, int axis, float largest = 127) {
    const Tensor real = Wave(dims, 0.37f, 0.8f);
    const int64_t count = axis < 0 ? 1 : dims[static_cast<size_t>(axis)];
    std::vector<float> scales;
    for (int64_t c = 0; c < count; ++c) {
      scales.push_back((0.8f + 0.1f * static_cast<float>(c)) / largest);
    }
    return Stored("w", real,
                  axis < 0 ? PerTensor(DType::kInt8, scales[0], 0)
                           : PerChannel(DType::kInt8, axis, scales));
  }
  // In the type of what is computed, with another grid than the input.
  ValueId Operand(Dims dims) {
    const float largest = static_cast<float>(RangeOf(dtype_, false).qmax);
    return Stored("o", Wave(std::move(dims), 0.37f, 0.8f),
                  PerTensor(dtype_, 0.8f / largest, 0));
  }
  ValueId Real(float value) {
    return graph.AddConstant("r", Tensor::Scalar<float>(value));
  }
  ValueId Ints(std::vector<int64_t> values) {
    const Dims dims = {static_cast<int64_t>(values.size())};
    return graph.AddConstant("i", Tensor::Of<int64_t>(dims, values));
  }

  // Every value on the grid of its own range, all of `same` on one.
  void Finish(const std::vector<ValueId>& outputs, bool one_grid) {
    for (const ValueId id : outputs) graph.AddOutput(id);
    InferShapes(graph);
    std::map<ValueId, Tensor> seen = {{x, sample_}};
    Interpret(graph, {sample_}, {.tap = [&](ValueId id, const Tensor& tensor) {
                seen[id] = tensor;
              }});
    for (const auto& [id, tensor] : seen) {
      if (plain.contains(id)) continue;
      const Tensor& shown = one_grid ? sample_ : tensor;
      const std::vector<float> values = shown.ToFloats();
      const ScaleZero grid =
          ChooseScale(*std::ranges::min_element(values),
                      *std::ranges::max_element(values), dtype_, false);
      graph.value(id).quant = PerTensor(dtype_, grid.scale, grid.zero_point);
    }
  }

  Graph graph;
  ValueId x;
  std::set<ValueId> plain;  // values that get no grid
  const Tensor& sample() const { return sample_; }

 private:
  ValueId Stored(const char* name, const Tensor& real,
                 const QuantParams& quant) {
    const ValueId id = graph.AddConstant(name, QuantizeTensor(real, quant));
    graph.value(id).dtype = DType::kFloat32;
    graph.value(id).quant = quant;
    return id;
  }

  DType dtype_;  // of all that is computed
  Tensor sample_;
};

struct Case {
  std::string what;
  Dims dims;
  std::function<std::vector<ValueId>(Net&)> make;
  bool one_grid = false;  // elements are moved or chosen
  double steps = 1;       // apart at most
};

std::vector<int64_t> Fours(int64_t v) { return {v, v, v, v}; }

Case Conv(std::string what, Dims dims, Dims weight, Attributes attributes) {
  return {std::move(what), std::move(dims), [weight, attributes](Net& net) {
            return std::vector<ValueId>{
                net.Op("Conv", {net.x, net.Weight(weight, 0)}, attributes)};
          }};
}

Case Transposed(std::string what, Dims dims, Dims weight,
                Attributes attributes) {
  const int axis = attributes.contains("group") ? -1 : 1;
  return {
      std::move(what), std::move(dims), [weight, attributes, axis](Net& net) {
        return std::vector<ValueId>{net.Op(
            "ConvTranspose", {net.x, net.Weight(weight, axis)}, attributes)};
      }};
}

std::vector<Case> Products() {
  return {
      Conv("a convolution with borders", {2, 3, 7, 6}, {5, 3, 3, 3},
           {{"pads", Fours(1)}}),
      Conv("one with steps and holes", {1, 2, 9, 9}, {4, 2, 3, 2},
           {{"strides", std::vector<int64_t>{2, 1}},
            {"dilations", std::vector<int64_t>{1, 3}},
            {"pads", std::vector<int64_t>{1, 2, 0, 1}}}),
      Conv("a pointwise one", {1, 5, 3, 3}, {7, 5, 1, 1}, {}),
      Conv("a depthwise one", {2, 6, 6, 7}, {6, 1, 3, 3},
           {{"group", int64_t{6}}, {"pads", Fours(1)}}),
      Conv("a depthwise one whose border is wide", {1, 5, 2, 2}, {5, 1, 3, 3},
           {{"group", int64_t{5}}, {"pads", Fours(2)}}),
      Conv("one in groups", {1, 6, 5, 5}, {4, 3, 3, 3},
           {{"group", int64_t{2}}, {"pads", Fours(1)}}),
      Conv("one over a line", {1, 4, 11}, {3, 4, 5},
           {{"pads", std::vector<int64_t>{2, 2}}}),
      {"a dense layer",
       {3, 13},
       [](Net& net) {
         return std::vector<ValueId>{
             net.Op("Gemm", {net.x, net.Weight({13, 5}, 1)})};
       }},
      {"a dense layer whose weight is turned",
       {2, 8},
       [](Net& net) {
         return std::vector<ValueId>{net.Op(
             "Gemm", {net.x, net.Weight({4, 8}, 0)}, {{"transB", int64_t{1}}})};
       }},
      {"rows by a weight",
       {2, 3, 6},
       [](Net& net) {
         return std::vector<ValueId>{
             net.Op("MatMul", {net.x, net.Weight({6, 4}, 1)})};
       }},
      {"two computed matrices",
       {2, 3, 5},
       [](Net& net) {
         const ValueId turned = net.Op(
             "Transpose", {net.x}, {{"perm", std::vector<int64_t>{0, 2, 1}}});
         return std::vector<ValueId>{net.Op("MatMul", {net.x, turned})};
       }},
  };
}

std::vector<Case> Transposes() {
  return {
      Transposed("a transposed convolution", {1, 3, 4, 5}, {3, 5, 3, 2},
                 {{"strides", std::vector<int64_t>{2, 1}},
                  {"pads", std::vector<int64_t>{1, 0, 1, 1}}}),
      Transposed("one with holes and a longer end", {2, 4, 3, 4}, {4, 2, 2, 3},
                 {{"strides", std::vector<int64_t>{2, 3}},
                  {"dilations", std::vector<int64_t>{2, 1}},
                  {"output_padding", std::vector<int64_t>{1, 2}}}),
      Transposed("one in groups over a line", {1, 6, 7}, {6, 3, 4},
                 {{"strides", std::vector<int64_t>{2}},
                  {"group", int64_t{2}},
                  {"pads", std::vector<int64_t>{1, 1}}}),
  };
}

// With weights that fit 4 bits, which are stored so.
std::vector<Case> NarrowProducts() {
  const auto conv = [](Dims weight, Attributes attributes) {
    return [weight, attributes](Net& net) {
      return std::vector<ValueId>{
          net.Op("Conv", {net.x, net.Weight(weight, 0, 7)}, attributes)};
    };
  };
  std::vector<Case> cases = {
      {"a narrow convolution",
       {2, 3, 5, 7},
       conv({5, 3, 3, 3}, {{"pads", Fours(1)}})},
      {"a narrow one in groups",
       {1, 6, 5, 5},
       conv({4, 3, 3, 3}, {{"group", int64_t{2}}})},
      {"a narrow pointwise one", {1, 9, 3, 3}, conv({7, 9, 1, 1}, {})},
      {"a narrow depthwise one",
       {2, 6, 6, 7},
       conv({6, 1, 3, 3}, {{"group", int64_t{6}}, {"pads", Fours(1)}})},
  };
  for (const int64_t depth : {1, 4, 7, 8, 9, 16, 19, 37}) {
    cases.push_back({fmt::format("a narrow dense layer of {}", depth),
                     {3, depth},
                     [depth](Net& net) {
                       return std::vector<ValueId>{net.Op(
                           "Gemm", {net.x, net.Weight({depth, 5}, 1, 7)})};
                     }});
  }
  return cases;
}

std::vector<Case> Pairs() {
  const auto with = [](const char* type, Dims other) {
    return [type, other](Net& net) {
      return std::vector<ValueId>{net.Op(type, {net.x, net.Operand(other)})};
    };
  };
  return {
      {"a sum", {2, 3, 4}, with("Add", {2, 3, 4})},
      {"a sum with a row", {2, 3, 4}, with("Add", {4})},
      {"a difference with columns", {2, 3, 4}, with("Sub", {3, 1})},
      {"a product", {2, 3, 4}, with("Mul", {2, 3, 4})},
      {"a product with a number each", {2, 3, 4}, with("Mul", {2, 1, 1})},
      {"a number twice",
       {1, 7},
       [](Net& net) {
         return std::vector<ValueId>{net.Op("Add", {net.x, net.x})};
       }},
  };
}

std::vector<Case> Pools() {
  const auto pool = [](const char* type, Attributes attributes) {
    attributes["kernel_shape"] = std::vector<int64_t>{3, 2};
    return [type, attributes](Net& net) {
      return std::vector<ValueId>{net.Op(type, {net.x}, attributes)};
    };
  };
  const auto reduce = [](const char* type, std::vector<int64_t> axes) {
    return [type, axes](Net& net) {
      return std::vector<ValueId>{net.Op(type, {net.x, net.Ints(axes)})};
    };
  };
  return {
      {"averages", {1, 2, 6, 5}, pool("AveragePool", {})},
      {"averages that count the border",
       {1, 2, 6, 5},
       pool("AveragePool", {{"pads", std::vector<int64_t>{1, 1, 1, 0}},
                            {"count_include_pad", int64_t{1}}})},
      {"averages without the border",
       {1, 2, 6, 5},
       pool("AveragePool", {{"pads", std::vector<int64_t>{1, 1, 1, 0}}})},
      {"maxima",
       {1, 3, 6, 5},
       pool("MaxPool", {{"pads", std::vector<int64_t>{1, 0, 1, 1}}}),
       true},
      {"the average of an image",
       {2, 3, 4, 5},
       [](Net& net) {
         return std::vector<ValueId>{net.Op("GlobalAveragePool", {net.x})};
       }},
      {"the largest of an image",
       {2, 3, 4, 5},
       [](Net& net) {
         return std::vector<ValueId>{net.Op("GlobalMaxPool", {net.x})};
       },
       true},
      {"a mean", {2, 3, 4}, reduce("ReduceMean", {1})},
      {"a sum of axes", {2, 3, 4}, reduce("ReduceSum", {-1, 1})},
      {"the largest", {2, 3, 4}, reduce("ReduceMax", {0}), true},
      {"the smallest", {2, 3, 4}, reduce("ReduceMin", {1, 2}), true},
      {"rows of one height",
       {3, 4, 7},
       [](Net& net) {
         return std::vector<ValueId>{net.Op(
             "LayerNormalization",
             {net.x, net.graph.AddConstant("gamma", Wave({7}, 1.7f, 1.2f)),
              net.graph.AddConstant("beta", Wave({7}, 0.9f, 0.4f))})};
       }},
      {"planes of one height",
       {2, 3, 5},
       [](Net& net) {
         return std::vector<ValueId>{net.Op(
             "LayerNormalization",
             {net.x, net.graph.AddConstant("gamma", Wave({3, 5}, 1.7f, 1.2f))},
             {{"axis", int64_t{1}}, {"epsilon", 0.1f}})};
       }},
      {"shares",
       {3, 7},
       [](Net& net) {
         return std::vector<ValueId>{net.Op("Softmax", {net.x})};
       }},
      {"shares along another axis",
       {2, 5, 3},
       [](Net& net) {
         return std::vector<ValueId>{
             net.Op("Softmax", {net.x}, {{"axis", int64_t{1}}})};
       }},
      {"a table",
       {2, 9},
       [](Net& net) {
         return std::vector<ValueId>{net.Op("Sigmoid", {net.x})};
       },
       false,
       0},
  };
}

// Curves of 16-bit numbers; of bytes, tables.
std::vector<Case> Functions() {
  std::vector<Case> cases;
  for (const char* type : {"Relu", "Tanh", "HardSwish", "LeakyRelu", "Exp",
                           "Elu", "Gelu", "Abs", "Neg"}) {
    cases.push_back({fmt::format("{} of many", type), {7, 211}, [type](Net& n) {
                       return std::vector<ValueId>{n.Op(type, {n.x})};
                     }});
  }
  return cases;
}

std::vector<Case> Movements() {
  return {
      {"a turned image",
       {2, 3, 4, 5},
       [](Net& net) {
         return std::vector<ValueId>{
             net.Op("Transpose", {net.x},
                    {{"perm", std::vector<int64_t>{3, 0, 2, 1}}})};
       },
       true,
       0},
      {"every second row backwards",
       {5, 6},
       [](Net& net) {
         return std::vector<ValueId>{
             net.Op("Slice", {net.x, net.Ints({4}), net.Ints({-9}),
                              net.Ints({0}), net.Ints({-2})})};
       },
       true,
       0},
      {"joined parts on other grids",
       {2, 3, 4},
       [](Net& net) {
         const ValueId part = net.Op("Tanh", {net.x});
         return std::vector<ValueId>{
             net.Op("Concat", {part, net.x}, {{"axis", int64_t{1}}})};
       }},
      {"a border",
       {1, 2, 3},
       [](Net& net) {
         return std::vector<ValueId>{
             net.Op("Pad", {net.x, net.Ints({0, 1, 2, 1, 0, 1})})};
       },
       true,
       0},
      {"a mirrored border",
       {1, 2, 5},
       [](Net& net) {
         return std::vector<ValueId>{
             net.Op("Pad", {net.x, net.Ints({0, 0, 2, 0, 0, 1})},
                    {{"mode", std::string("reflect")}})};
       },
       true,
       0},
      {"pieces",
       {2, 6},
       [](Net& net) {
         Node node;
         node.op_type = "Split";
         node.name = "split";
         node.inputs = {net.x, net.Ints({2, 4})};
         node.attributes["axis"] = int64_t{1};
         node.outputs = {net.graph.AddValue("a"), net.graph.AddValue("b")};
         const std::vector<ValueId> outputs = node.outputs;
         net.graph.AddNode(std::move(node));
         return outputs;
       },
       true,
       0},
      {"a larger image",
       {1, 2, 3, 4},
       [](Net& net) {
         const ValueId scales = net.graph.AddConstant(
             "s", Tensor::Of<float>({4}, {1.0f, 1.0f, 2.0f, 3.0f}));
         return std::vector<ValueId>{net.Op(
             "Resize", {net.x, kNoValue, scales},
             {{"mode", std::string("nearest")},
              {"coordinate_transformation_mode", std::string("asymmetric")},
              {"nearest_mode", std::string("floor")}})};
       },
       true,
       0},
      {"an image of an odd size",
       {1, 1, 4, 4},
       [](Net& net) {
         return std::vector<ValueId>{net.Op(
             "Resize", {net.x, kNoValue, kNoValue, net.Ints({1, 1, 7, 5})},
             {{"mode", std::string("nearest")}})};
       },
       true,
       0},
      {"repeated rows",
       {1, 3, 1},
       [](Net& net) {
         return std::vector<ValueId>{
             net.Op("Expand", {net.x, net.Ints({2, 3, 4})})};
       },
       true,
       0},
  };
}

// x: the gates' part of the input, [steps, batch, gates * hidden].
// `given`: initial states are no zeros, and last states and cells keep 16 bits.
Case Steps(std::string what, Dims dims, const std::string& type,
           std::vector<size_t> wanted, Attributes attributes = {},
           bool given = false) {
  const bool lstm = type == "LSTMSteps";
  const int64_t n = dims[2] / (lstm ? 4 : 3);
  const int64_t batch = dims[1];
  const auto make = [=](Net& net) {
    const auto constant = [&](Tensor t) {
      return net.graph.AddConstant("k", t);
    };
    const auto initial = [&](float height) {
      return constant(given ? Wave({batch, n}, 0.3f, height)
                            : Tensor(DType::kFloat32, {batch, n}));
    };
    const ValueId gates =
        net.Op("Add", {net.x, constant(Wave({dims[2]}, 0.9f, 0.7f))});
    net.plain.insert(gates);
    Node node;
    node.op_type = type;
    node.domain = "squint";
    node.name = "steps";
    node.attributes = attributes;
    if (lstm) {
      node.inputs = {gates, net.Weight({n, 4 * n}, 1), initial(0.9f),
                     initial(2.5f)};
    } else {
      node.inputs = {
          gates, net.Weight({n, 2 * n}, 1), net.Weight({n, n}, 1),
          initial(0.9f),
          attributes.empty() ? kNoValue : constant(Wave({n}, 1.1f, 0.5f))};
    }
    node.inputs.push_back(constant(Tensor::Scalar<float>(1.0f / 127)));
    node.inputs.push_back(constant(Tensor::Scalar<int8_t>(0)));
    std::vector<ValueId> outputs;
    for (size_t i = 0; i < (lstm ? 3 : 2); ++i) {
      node.outputs.push_back(net.graph.AddValue(fmt::format("state{}", i)));
    }
    // Cells have no grid; states that nobody wants may have one.
    if (lstm) net.plain.insert(node.outputs[2]);
    if (given) net.plain.insert(node.outputs[1]);
    for (const size_t i : wanted) outputs.push_back(node.outputs[i]);
    net.graph.AddNode(std::move(node));
    return outputs;
  };
  return {std::move(what), std::move(dims), make, false, 2};
}

std::vector<Case> Recurrences() {
  const Attributes late = {{"linear_before_reset", int64_t{1}}};
  return {
      Steps("an LSTM", {9, 1, 20}, "LSTMSteps", {1}),
      Steps("an LSTM whose states are all wanted", {5, 3, 28}, "LSTMSteps",
            {0, 1}),
      Steps("an LSTM from the end", {6, 2, 12}, "LSTMSteps", {0},
            {{"reverse", int64_t{1}}}),
      Steps("an LSTM whose states are given", {4, 2, 12}, "LSTMSteps",
            {0, 1, 2}, {}, true),
      Steps("a GRU whose state is given", {5, 2, 12}, "GRUSteps", {1}, {},
            true),
      Steps("a GRU", {9, 1, 21}, "GRUSteps", {1}),
      Steps("a GRU with the reset behind the product", {7, 2, 15}, "GRUSteps",
            {0, 1}, late),
  };
}

std::vector<Case> Joined(std::initializer_list<std::vector<Case>> parts) {
  std::vector<Case> all;
  for (const auto& part : parts)
    all.insert(all.end(), part.begin(), part.end());
  return all;
}

std::vector<Case> AllCases() {
  return Joined({Products(), Transposes(), NarrowProducts(), Pairs(), Pools(),
                 Movements(), Recurrences()});
}

// Sums of 16-bit numbers that their weights let pass 32 bits.
std::vector<Case> LongSums() {
  return {
      {"a long dense layer",
       {2, 900},
       [](Net& net) {
         return std::vector<ValueId>{
             net.Op("Gemm", {net.x, net.Weight({900, 3}, 1)})};
       }},
      Conv("a long convolution", {1, 60, 5, 6}, {3, 60, 4, 4},
           {{"pads", std::vector<int64_t>{2, 0, 0, 1}}}),
      Conv("a long one in groups", {2, 120, 4, 4}, {4, 60, 4, 4},
           {{"group", int64_t{2}}, {"pads", Fours(1)}}),
      Conv("a long depthwise one", {1, 2, 1000}, {2, 1, 900},
           {{"group", int64_t{2}}, {"pads", std::vector<int64_t>{3, 0}}}),
  };
}

std::vector<Case> WideCases() {
  return Joined({Products(), NarrowProducts(), LongSums(), Pairs(), Pools(),
                 Functions(), Movements()});
}

// Steps between the two results, at most.
double StepsApart(const Tensor& a, const Tensor& b, float scale) {
  const std::vector<float> first = a.ToFloats();
  const std::vector<float> second = b.ToFloats();
  double apart = 0;
  for (size_t i = 0; i < first.size(); ++i) {
    apart = std::max(apart, std::abs(double{first[i]} - second[i]) / scale);
  }
  return apart;
}

void ExpectNearIntegerReading(const Case& c, DType dtype) {
  SCOPED_TRACE(c.what);
  Net net(c.dims, dtype);
  const std::vector<ValueId> made = c.make(net);
  net.Finish(made, c.one_grid);
  const std::vector<Tensor> expected =
      Interpret(net.graph, {net.sample()}, {.reading = Reading::kInteger});
  const std::vector<Tensor> actual =
      FixedSession(net.graph).Run({net.sample()});
  for (size_t i = 0; i < expected.size(); ++i) {
    ASSERT_EQ(actual[i].dims(), expected[i].dims());
    // States of 16 bits are as near as those of 8.
    const auto& quant = net.graph.value(made[i]).quant;
    const float scale = quant ? quant->scale_at() : 1.0f / 128;
    // A curve is a step from its function, a table of bytes is none.
    const double steps = dtype == DType::kInt8 ? c.steps : 1;
    EXPECT_LE(StepsApart(actual[i], expected[i], scale), steps + 1e-2);
  }
}

TEST(FixedSession, IsAtMostAStepFromTheIntegerReading) {
  for (const Case& c : AllCases()) ExpectNearIntegerReading(c, DType::kInt8);
}

TEST(FixedSession, IsAtMostAStepOfSixteenBitsFromTheIntegerReading) {
  for (const Case& c : WideCases()) ExpectNearIntegerReading(c, DType::kInt16);
}

FixedProgram ProgramOf(const Case& c, DType dtype) {
  Net net(c.dims, dtype);
  net.Finish(c.make(net), c.one_grid);
  return MakeFixedProgram(LowerToFixed(net.graph), {c.dims});
}

void ExpectStepsAlone(const FixedProgram& program) {
  for (const FixedNode& node : program.nodes) {
    const std::string& type = program.graph.node(node.id).op_type;
    EXPECT_TRUE(node.step || type == "QuantizeLinear" ||
                type == "DequantizeLinear")
        << type << ": " << node.reason;
  }
}

TEST(FixedSession, ComputesNothingInFloatButItsEnds) {
  for (const Case& c : AllCases()) {
    SCOPED_TRACE(c.what);
    ExpectStepsAlone(ProgramOf(c, DType::kInt8));
  }
  for (const Case& c : WideCases()) {
    SCOPED_TRACE(c.what);
    ExpectStepsAlone(ProgramOf(c, DType::kInt16));
  }
}

// Bytes of all weights that a program holds, and the kernels it calls.
class Inventory : public StepWriter {
 public:
  explicit Inventory(const FixedProgram& program) {
    for (const FixedNode& node : program.nodes) {
      if (node.step) node.step->Write(*this);
    }
  }
  size_t bytes = 0;
  std::set<std::string> kernels;

 private:
  std::string In(size_t) override { return {}; }
  std::string Out(size_t) override { return {}; }
  std::string Scratch(size_t) override { return {}; }
  std::string State(size_t) override { return {}; }
  std::string WriteParams(std::string_view, std::span<const int32_t>) override {
    return {};
  }
  std::string WriteArray(std::string_view role, std::string_view,
                         const std::vector<int64_t>& values) override {
    if (role == "weights") bytes += values.size();
    return {};
  }
  std::string WriteWeights(const std::string&, const std::string&,
                           const std::string&, const std::string&) override {
    return {};
  }
  void WriteCall(std::string_view header, std::string_view,
                 const std::vector<std::string>&) override {
    kernels.insert(std::string(header));
  }
  std::string WriteReals(std::string_view, const std::vector<float>&) override {
    return {};
  }
  std::string WriteFunction(std::string_view, std::string_view) override {
    return {};
  }
  std::string Real(float) override { return {}; }
  std::string Count(int32_t) override { return {}; }
  std::string Window(const squint_window&) override { return {}; }
  std::string Pair(const squint_pair&) override { return {}; }
  std::string Rows() override { return {}; }
  std::string Columns() override { return {}; }
  void RunLayer(const PatchLayer&) override {}
  void OpenLoops(int32_t, int32_t) override {}
  void CloseLoops() override {}
};

TEST(FixedSession, StoresTwoWeightsOfFourBitsInAByte) {
  for (const auto& [largest, bytes] : {std::pair{7.0f, 80}, {8.6f, 160}}) {
    Net net({3, 32});
    net.Finish({net.Op("Gemm", {net.x, net.Weight({32, 5}, 1, largest)})},
               false);
    const FixedProgram program =
        MakeFixedProgram(LowerToFixed(net.graph), {{3, 32}});
    EXPECT_EQ(Inventory(program).bytes, bytes);
  }
}

TEST(FixedSession, SumsInSixtyFourBitsWhereWeightsDoNotProveThirtyTwo) {
  for (const Case& c : LongSums()) {
    const auto kernels = Inventory(ProgramOf(c, DType::kInt16)).kernels;
    EXPECT_TRUE(kernels.contains("rows_long") || kernels.contains("conv_long"))
        << c.what;
  }
  for (const Case& c : Products()) {
    const auto kernels = Inventory(ProgramOf(c, DType::kInt16)).kernels;
    EXPECT_FALSE(kernels.contains("rows_long") || kernels.contains("conv_long"))
        << c.what;
  }
}

TEST(FixedSession, ClampsWhereAFunctionOfSixteenBitsIsNoMore) {
  const Case clip = {"a clip",
                     {2, 9},
                     [](Net& net) {
                       return std::vector<ValueId>{net.Op(
                           "Clip", {net.x, net.Real(-0.3f), net.Real(0.7f)})};
                     },
                     true};
  EXPECT_EQ(Inventory(ProgramOf(clip, DType::kInt16)).kernels,
            std::set<std::string>{"clamp_16"});
  ExpectNearIntegerReading(clip, DType::kInt16);
}

TEST(FixedSession, TakesOtherSizesInTurn) {
  Net net({2, 13});
  net.graph.value(net.x).shape = Shape({Dim::Symbol("batch"), Dim(13)});
  const ValueId y = net.Op("Gemm", {net.x, net.Weight({13, 5}, 1)});
  net.Finish({y}, false);
  FixedSession session(net.graph);
  for (const int64_t batch : {1, 4, 1}) {
    const Tensor sample = Wave({batch, 13}, 0.3f, 1.0f);
    EXPECT_EQ(session.Run({sample})[0].dims(), (Dims{batch, 5}));
  }
}

}  // namespace
}  // namespace squint
