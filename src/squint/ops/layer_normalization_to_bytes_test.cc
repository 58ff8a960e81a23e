#include "squint/ops/layer_normalization_to_bytes.h"

#include <gtest/gtest.h>

#include "squint/ops/op_examples.h"
#include "squint/ops/prepared_example.h"

namespace squint {
namespace {

using In = NormalizationInputs;

struct Form {
  const char* what;
  Dims dims;
  bool bias = true;
  bool adds = false;
  bool scales = false;
  bool is_signed = false;
  bool keeps_real = false;
};

OpExample Or(bool present, OpExample example, Tensor value) {
  return present ? std::move(example).Const(std::move(value))
                 : std::move(example).Absent();
}

OpExample Normalized(const Form& form) {
  const Dims row = {form.dims.back()};
  OpExample example =
      OpExample("LayerNormalizationToBytes", form.what, "squint")
          .In(Ramp(form.dims, -3, 5))
          .Const(Ramp(row, 0.5f, 1.5f, 2));
  example = Or(form.bias, std::move(example), Ramp(row, -0.3f, 0.3f, 3));
  example = form.adds ? std::move(example).In(Ramp(form.dims, -1, 1, 4))
                      : std::move(example).Absent();
  example = Or(form.scales, std::move(example), Ramp(row, 0.7f, 1.4f, 5));
  return std::move(example)
      .Const(Tensor::Scalar<float>(0.021f))
      .Const(form.is_signed ? Tensor::Scalar<int8_t>(-9)
                            : Tensor::Scalar<uint8_t>(120))
      .Set("epsilon", 1e-6f)
      .Outputs(form.keeps_real ? 2 : 1);
}

}  // namespace

std::vector<OpExample> Examples_layer_normalization_to_bytes() {
  return {Normalized({.what = "alone", .dims = {2, 5, 19}}),
          Normalized({.what = "no bias", .dims = {3, 64}, .bias = false}),
          Normalized({.what = "of a sum",
                      .dims = {2, 3, 37},
                      .adds = true,
                      .is_signed = true,
                      .keeps_real = true}),
          Normalized({.what = "scaled",
                      .dims = {7, 50},
                      .scales = true,
                      .keeps_real = true}),
          Normalized({.what = "scaled sum, bytes alone",
                      .dims = {2, 4, 33},
                      .adds = true,
                      .scales = true})};
}

namespace {

// The node as the operators it stands for.
Graph Apart(const OpExample& example) {
  Graph graph = GraphOf(example);
  const Node all = TakeNode(graph);
  ValueId x = all.input(In::kX);
  if (all.has_input(In::kAdded)) {
    x = graph.Emit("Add", {x, all.input(In::kAdded)}, "sum");
  }
  const ValueId real = graph.Emit(
      "LayerNormalization", {x, all.input(In::kScale), all.input(In::kBias)},
      "real", all.attributes);
  x = real;
  if (all.has_input(In::kFactor)) {
    x = graph.Emit("Mul", {x, all.input(In::kFactor)}, "scaled");
  }
  std::vector<ValueId> outputs;
  if (all.outputs.size() > 1) outputs.push_back(real);
  outputs.push_back(graph.Emit(
      "QuantizeLinear",
      {x, all.input(In::kResultScale), all.input(In::kResultZero)}, "bytes"));
  graph.SetOutputs(outputs);
  return graph;
}

TEST(LayerNormalizationToBytes, IsItsOperatorsOneAfterTheOther) {
  for (const OpExample& example : Examples_layer_normalization_to_bytes()) {
    CheckParts(example, Apart(example));
  }
}

// Broadcast across rows: nothing that a row's kernel could read.
TEST(LayerNormalizationToBytes, LeavesFactorsOfOtherAxesToTheReference) {
  OpExample example =
      Normalized({.what = "", .dims = {4, 4, 4}, .scales = true});
  example = std::move(example).Set("axis", int64_t{1});
  example.inputs[In::kScale].value = Ramp({4, 4}, 0.5f, 1.5f, 2);
  example.inputs[In::kBias].value = Ramp({4, 4}, -0.3f, 0.3f, 3);
  example.inputs[In::kFactor].value = Ramp({4, 1, 4}, 0.7f, 1.4f, 5);
  EXPECT_FALSE(PreparedExample(example, RunExample(example)).prepared());
  example.inputs[In::kFactor].value = Ramp({4, 4}, 0.7f, 1.4f, 5);
  CheckParts(example, Apart(example));
}

TEST(LayerNormalizationToBytes, RefusesWhatMakesItLarger) {
  OpExample example = Normalized({.what = "", .dims = {1, 8}, .adds = true});
  example.inputs[In::kAdded].value = Ramp({3, 8});
  EXPECT_THROW(RunExample(example), Error);
}

}  // namespace
}  // namespace squint
