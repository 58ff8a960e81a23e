// For the tests of passes: build a small graph, run one pass (or all) on a
// copy, and compare what both compute on random inputs.
#ifndef SQUINT_OPTIMIZE_PASSES_PASS_TESTING_H_
#define SQUINT_OPTIMIZE_PASSES_PASS_TESTING_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "squint/graph/graph.h"
#include "squint/ops/infer.h"
#include "squint/ops/interpreter.h"
#include "squint/optimize/optimize.h"

namespace squint {

class PassTest : public testing::Test {
 protected:
  ValueId Input(std::string_view name, DimList dims,
                DType dtype = DType::kFloat32) {
    return graph.AddInput(name, dtype, Shape(std::move(dims)));
  }

  ValueId Floats(std::string_view name, Dims dims, std::vector<float> values) {
    return graph.AddConstant(name, Tensor::Of<float>(std::move(dims), values));
  }
  ValueId Ints(std::string_view name, std::vector<int64_t> values) {
    return graph.AddConstant(
        name,
        Tensor::Of<int64_t>({static_cast<int64_t>(values.size())}, values));
  }
  ValueId Number(float value) {
    return graph.AddConstant("number", Tensor::Scalar<float>(value));
  }
  ValueId Random(std::string_view name, Dims dims, float low = -1.0f,
                 float high = 1.0f) {
    return graph.AddConstant(name, RandomTensor(std::move(dims), low, high));
  }

  // A node with its name as user name.
  ValueId Node(std::string_view op_type, std::vector<ValueId> inputs,
               std::string_view name, Attributes attributes = {}) {
    const ValueId output =
        graph.Emit(op_type, std::move(inputs), name, std::move(attributes));
    squint::Node& node = graph.node(graph.value(output).producer);
    node.user_names = {std::string(name)};
    return output;
  }
  ValueId BatchNormalization(ValueId x, int64_t channels,
                             std::string_view name) {
    return Node(
        "BatchNormalization",
        {x, Random("gamma", {channels}, 0.5f, 2.0f), Random("beta", {channels}),
         Random("mean", {channels}), Random("var", {channels}, 0.1f, 3.0f)},
        name);
  }
  void Output(ValueId id) { graph.AddOutput(id); }

  // Runs one pass alone on `graph`; outputs must stay within `tolerance`
  // (absolute, relative to values beyond 1), names and types as they were.
  PassReport RunPass(std::string_view name, float tolerance = 1e-5f) {
    OptimizeOptions options;
    for (const PassDef* pass : AllPasses()) {
      if (pass->name != name) options.disabled.emplace_back(pass->name);
    }
    for (PassReport& report : RunWith(options, tolerance)) {
      if (report.name == name) return report;
    }
    ADD_FAILURE() << "no pass " << name;
    return {};
  }
  std::vector<PassReport> RunAll(float tolerance = 1e-5f) {
    return RunWith({}, tolerance);
  }

  int Count(std::string_view op_type) const {
    int count = 0;
    for (const NodeId id : graph.order()) {
      if (graph.node(id).op_type == op_type) ++count;
    }
    return count;
  }
  int NodeCount() const { return static_cast<int>(graph.order().size()); }
  // The only node of this type.
  const squint::Node& Only(std::string_view op_type) const {
    EXPECT_EQ(Count(op_type), 1) << PrintGraph(graph);
    for (const NodeId id : graph.order()) {
      if (graph.node(id).op_type == op_type) return graph.node(id);
    }
    return graph.node(0);
  }

  Graph graph;
  int64_t symbol_size = 2;  // of every symbolic input dimension
  float input_low = -1.0f;
  float input_high = 1.0f;

 private:
  Tensor RandomTensor(Dims dims, float low, float high) {
    Tensor tensor(DType::kFloat32, std::move(dims));
    std::uniform_real_distribution<float> uniform(low, high);
    std::generate_n(tensor.mutable_data<float>(), tensor.size(),
                    [&] { return uniform(random_); });
    return tensor;
  }

  std::vector<Tensor> RandomInputs() {
    std::vector<Tensor> inputs;
    for (const ValueId id : graph.inputs()) {
      const Value& value = graph.value(id);
      Dims dims;
      for (const Dim& dim : value.shape.dims()) {
        dims.push_back(dim.value().value_or(symbol_size));
      }
      const Tensor reals = RandomTensor(dims, input_low, input_high);
      inputs.push_back(reals.CastTo(value.dtype));
    }
    return inputs;
  }

  std::vector<PassReport> RunWith(const OptimizeOptions& options,
                                  float tolerance) {
    InferShapes(graph);
    const Graph before = graph;
    std::vector<PassReport> reports = Optimize(graph, options);
    ExpectSameInterface(before);
    const std::vector<Tensor> inputs = RandomInputs();
    const std::vector<Tensor> expected = Interpret(before, inputs);
    const std::vector<Tensor> actual = Interpret(graph, inputs);
    for (size_t i = 0; i < expected.size(); ++i) {
      ExpectNear(expected[i], actual[i], tolerance);
    }
    return reports;
  }

  void ExpectSameInterface(const Graph& before) {
    const auto check = [&](const std::vector<ValueId>& old_ids,
                           const std::vector<ValueId>& new_ids) {
      ASSERT_EQ(old_ids.size(), new_ids.size());
      for (size_t i = 0; i < old_ids.size(); ++i) {
        const Value& old_value = before.value(old_ids[i]);
        const Value& new_value = graph.value(new_ids[i]);
        EXPECT_EQ(old_value.name, new_value.name);
        EXPECT_EQ(old_value.dtype, new_value.dtype);
        EXPECT_EQ(old_value.shape.ToString(), new_value.shape.ToString());
      }
    };
    check(before.inputs(), graph.inputs());
    check(before.outputs(), graph.outputs());
  }

  void ExpectNear(const Tensor& expected, const Tensor& actual,
                  float tolerance) {
    ASSERT_EQ(expected.dims(), actual.dims());
    const std::vector<float> a = expected.ToFloats();
    const std::vector<float> b = actual.ToFloats();
    for (size_t i = 0; i < a.size(); ++i) {
      ASSERT_NEAR(a[i], b[i], tolerance * std::max(1.0f, std::fabs(a[i])))
          << "element " << i << " of\n"
          << PrintGraph(graph);
    }
  }

  std::mt19937 random_{7};
};

}  // namespace squint

#endif  // SQUINT_OPTIMIZE_PASSES_PASS_TESTING_H_
