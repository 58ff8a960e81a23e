// Steps that compute with real numbers against the operators' references.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <map>

#include "squint/fixed/lower.h"
#include "squint/fixed/program.h"
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

struct Net {
  explicit Net(const Dims& dims) {
    graph.opset[""] = 25;
    x = graph.AddInput("x", DType::kFloat32, Shape::Of(dims));
  }
  ValueId Op(std::string_view type, std::vector<ValueId> inputs,
             Attributes attributes = {}) {
    return graph.Emit(type, std::move(inputs), std::string(type),
                      std::move(attributes));
  }
  ValueId Constant(Dims dims, float height = 0.8f) {
    return graph.AddConstant("c", Wave(std::move(dims), 0.37f, height));
  }
  ValueId Number(float value) {
    return graph.AddConstant("n", Tensor::Scalar<float>(value));
  }
  ValueId Ints(std::vector<int64_t> values) {
    const Dims dims = {static_cast<int64_t>(values.size())};
    return graph.AddConstant("i", Tensor::Of<int64_t>(dims, values));
  }
  void Round(ValueId id, DType dtype, float scale, int32_t zero) {
    graph.value(id).quant = PerTensor(dtype, scale, zero);
  }

  Graph graph;
  ValueId x;
};

struct Case {
  std::string what;
  Dims dims;
  std::function<ValueId(Net&)> make;
};

// Memory of their own for all values.
std::vector<float> RunSteps(const Graph& graph, const Tensor& x) {
  const FixedProgram program =
      MakeFixedProgram(LowerToFixed(graph), {x.dims()}, {.real_steps = true});
  std::map<ValueId, Tensor> values = {{program.graph.inputs()[0], x}};
  for (const FixedNode& node : program.nodes) {
    if (!node.step) {
      ADD_FAILURE() << program.graph.node(node.id).op_type << ": "
                    << node.reason;
      return {};
    }
    std::vector<const int8_t*> inputs;
    for (const ValueId id : node.inputs) {
      if (id != kNoValue && program.graph.value(id).is_constant()) {
        values[id] = program.graph.value(id).constant.Materialize();
      }
      inputs.push_back(id == kNoValue
                           ? nullptr
                           : reinterpret_cast<const int8_t*>(values[id].raw()));
    }
    std::vector<int8_t*> outputs;
    for (const ValueId id : node.outputs) {
      const Value& value = program.graph.value(id);
      values[id] = Tensor(value.dtype, *value.shape.values());
      outputs.push_back(reinterpret_cast<int8_t*>(values[id].mutable_raw()));
    }
    std::vector<int8_t> scratch(node.step->scratch_bytes());
    StepRunner runner(inputs, outputs, scratch.data(), nullptr);
    node.step->Run(runner);
  }
  return values[program.graph.outputs()[0]].ToFloats();
}

void ExpectNearReference(const Case& c) {
  SCOPED_TRACE(c.what);
  Net net(c.dims);
  net.graph.AddOutput(c.make(net));
  InferShapes(net.graph);
  const Tensor x = Wave(c.dims, 0.61f, 1.5f);
  const std::vector<float> expected =
      Interpret(net.graph, {x}, {.reading = Reading::kInteger})[0].ToFloats();
  const std::vector<float> actual = RunSteps(net.graph, x);
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); ++i) {
    EXPECT_NEAR(actual[i], expected[i], 1e-5 * (1 + std::abs(expected[i])));
  }
}

std::vector<Case> Functions() {
  std::vector<Case> cases;
  for (const char* type :
       {"Relu", "Sigmoid", "Tanh", "Exp", "Abs", "Neg", "Erf", "Gelu",
        "HardSigmoid", "HardSwish", "LeakyRelu", "Softplus", "Reciprocal"}) {
    cases.push_back(
        {type, {3, 17}, [type](Net& net) { return net.Op(type, {net.x}); }});
  }
  for (const char* type : {"Sqrt", "Log"}) {
    cases.push_back({type, {3, 17}, [type](Net& net) {
                       return net.Op(type, {net.Op("Exp", {net.x})});
                     }});
  }
  cases.push_back(
      {"Clip", {5, 7}, [](Net& net) {
         return net.Op("Clip", {net.x, net.Number(-0.3f), net.Number(0.7f)});
       }});
  cases.push_back(
      {"Gelu by tanh", {5, 7}, [](Net& net) {
         return net.Op("Gelu", {net.x}, {{"approximate", std::string("tanh")}});
       }});
  return cases;
}

std::vector<Case> Rows() {
  std::vector<Case> cases = {
      {"a square",
       {3, 5},
       [](Net& net) {
         return net.Op("Pow", {net.x, net.Number(2)});
       }},
      {"shares", {3, 7}, [](Net& net) { return net.Op("Softmax", {net.x}); }},
      {"shares along another axis",
       {2, 5, 3},
       [](Net& net) {
         return net.Op("Softmax", {net.x}, {{"axis", int64_t{1}}});
       }},
      {"rows of one height",
       {3, 4, 7},
       [](Net& net) {
         return net.Op("LayerNormalization",
                       {net.x, net.Constant({7}), net.Constant({7}, 0.3f)});
       }},
      {"rows without a shift",
       {3, 6},
       [](Net& net) {
         return net.Op("LayerNormalization", {net.x, net.Constant({6})});
       }},
      {"a mean",
       {2, 3, 4},
       [](Net& net) {
         return net.Op("ReduceMean", {net.x, net.Ints({1})});
       }},
      {"a sum",
       {2, 3, 4},
       [](Net& net) {
         return net.Op("ReduceSum", {net.x, net.Ints({-1})});
       }},
      {"the average of an image",
       {2, 3, 4, 5},
       [](Net& net) { return net.Op("GlobalAveragePool", {net.x}); }},
      {"a dense layer",
       {3, 9},
       [](Net& net) {
         return net.Op("Gemm", {net.x, net.Constant({5, 9}), net.Constant({5})},
                       {{"transB", int64_t{1}}, {"alpha", 0.5f}});
       }},
      {"rows by a weight",
       {2, 3, 6},
       [](Net& net) {
         return net.Op("MatMul", {net.x, net.Constant({6, 4})});
       }},
      {"two computed matrices",
       {2, 3, 5},
       [](Net& net) {
         const ValueId turned = net.Op(
             "Transpose", {net.x}, {{"perm", std::vector<int64_t>{0, 2, 1}}});
         return net.Op("MatMul", {net.x, turned});
       }},
      {"a convolution",
       {2, 4, 6, 5},
       [](Net& net) {
         return net.Op("Conv",
                       {net.x, net.Constant({6, 2, 3, 2}), net.Constant({6})},
                       {{"group", int64_t{2}},
                        {"pads", std::vector<int64_t>{1, 0, 1, 1}},
                        {"strides", std::vector<int64_t>{2, 1}}});
       }},
      {"a border",
       {1, 2, 3},
       [](Net& net) {
         return net.Op(
             "Pad", {net.x, net.Ints({0, 1, 2, 1, 0, 1}), net.Number(0.25f)});
       }},
      {"joined parts",
       {2, 3, 4},
       [](Net& net) {
         return net.Op("Concat", {net.Op("Tanh", {net.x}), net.x},
                       {{"axis", int64_t{1}}});
       }},
  };
  for (const char* type : {"Add", "Sub", "Mul", "Div", "Max", "Min"}) {
    cases.push_back({type, {2, 3, 4}, [type](Net& net) {
                       return net.Op(type, {net.x, net.Constant({3, 1})});
                     }});
  }
  return cases;
}

TEST(RealSteps, ComputeWhatTheReferencesDo) {
  for (const Case& c : Functions()) ExpectNearReference(c);
  for (const Case& c : Rows()) ExpectNearReference(c);
}

TEST(RealSteps, ConvertBetweenIntegersAndRealNumbers) {
  for (const DType dtype : {DType::kInt8, DType::kInt16}) {
    ExpectNearReference({"between", {4, 9}, [dtype](Net& net) {
                           net.Round(net.x, dtype, 0.017f, -3);
                           const ValueId made =
                               net.Op("Neg", {net.Op("Exp", {net.x})});
                           net.Round(made, dtype, 0.04f, 90);
                           return net.Op("Abs", {made});
                         }});
  }
}

// Integer products whose results nobody rounds.
TEST(RealSteps, MultiplyBytesToRealNumbers) {
  for (const int64_t columns : {1, 4, 5}) {
    ExpectNearReference(
        {"rows", {3, 11}, [columns](Net& net) {
           net.Round(net.x, DType::kInt8, 0.017f, -3);
           const QuantParams quant = PerTensor(DType::kInt8, 0.8f / 127, 0);
           const ValueId weight = net.graph.AddConstant(
               "w", QuantizeTensor(Wave({11, columns}, 0.37f, 0.8f), quant));
           net.graph.value(weight).dtype = DType::kFloat32;
           net.graph.value(weight).quant = quant;
           return net.Op("MatMul", {net.x, weight});
         }});
  }
}

}  // namespace
}  // namespace squint
