#include "squint/ops/matmul_add.h"

#include <gtest/gtest.h>

#include "squint/ops/op_examples.h"
#include "squint/ops/prepared_example.h"

namespace squint {
namespace {

// Rows of 13 numbers times 11 columns.
OpExample Sum(const char* what, Dims rows, bool bias, bool added) {
  Dims a = rows;
  a.push_back(13);
  Dims y = rows;
  y.push_back(11);
  OpExample example = OpExample("MatMulAdd", what, "squint")
                          .In(Ramp(a))
                          .Const(Ramp({13, 11}, -1, 1, 2));
  example = bias ? std::move(example).Const(Ramp({11}, -1, 1, 3))
                 : std::move(example).Absent();
  return added ? std::move(example).In(Ramp(y, -1, 1, 4))
               : std::move(example).Absent();
}

}  // namespace

std::vector<OpExample> Examples_matmul_add() {
  return {Sum("bias", {2, 9}, true, false), Sum("one row", {1}, true, true),
          Sum("residual", {3, 2, 5}, false, true),
          Sum("both", {2, 17}, true, true)};
}

namespace {

using In = MatMulAddInputs;

TEST(MatMulAdd, IsItsOperatorsOneAfterTheOther) {
  for (const OpExample& example : Examples_matmul_add()) {
    Graph graph = GraphOf(example);
    const Node all = TakeNode(graph);
    ValueId y =
        graph.Emit("MatMul", {all.input(In::kA), all.input(In::kB)}, "product");
    for (const size_t i : {In::kBias, In::kAdded}) {
      if (all.has_input(i)) y = graph.Emit("Add", {y, all.input(i)}, "sum");
    }
    graph.SetOutputs({y});
    CheckParts(example, graph);
  }
}

TEST(MatMulAdd, LimitsItsResults) {
  for (const OpExample& example : Examples_matmul_add()) CheckClamped(example);
}

TEST(MatMulAdd, RefusesWhatMakesItLarger) {
  OpExample example = Sum("", {1, 4}, false, true);
  example.inputs[In::kAdded].value = Ramp({3, 4, 11});
  EXPECT_THROW(RunExample(example), Error);
}

}  // namespace
}  // namespace squint
