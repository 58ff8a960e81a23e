#include "squint/ops/quant_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "squint/ops/interpreter.h"
#include "squint/ops/op_examples.h"

namespace squint {
namespace {

using testing::ElementsAre;
using testing::Pair;

QuantSpec RuleOf(const OpExample& example) {
  const Graph graph = GraphOf(example);
  const Target target;
  return FindOp(example.op_type)
      ->quantize({graph, graph.node(graph.order().front()), target});
}

TEST(QuantRules, MovementSharesParametersWithEveryOutput) {
  const QuantSpec spec =
      RuleOf(OpExample("Split", "").In(Ramp({4})).Outputs(2));
  EXPECT_THAT(spec.same, ElementsAre(Pair(0, 0), Pair(0, 1)));
}

TEST(QuantRules, ShapesAndIndicesAreNeverQuantized) {
  const QuantSpec spec =
      RuleOf(OpExample("Reshape", "").In(Ramp({4})).Const(Ints({1}, {4})));
  EXPECT_EQ(spec.inputs[0].role, Role::kActivation);
  EXPECT_EQ(spec.inputs[1].role, Role::kFloat);
}

TEST(QuantRules, ConcatPrefersSharedParameters) {
  const QuantSpec spec = RuleOf(OpExample("Concat", "")
                                    .In(Ramp({2}))
                                    .In(Ramp({2}))
                                    .Set("axis", int64_t{0}));
  EXPECT_TRUE(spec.prefer_same);
  EXPECT_THAT(spec.same, ElementsAre(Pair(0, 0), Pair(1, 0)));
}

TEST(QuantRules, ShapeArithmeticStaysAsItIs) {
  for (const char* type : {"Add", "Mul", "Transpose", "ReduceMax"}) {
    OpExample example = OpExample(type, "").In(Ints({2}, {1, 2}));
    if (type[0] == 'A' || type[0] == 'M') {
      example = std::move(example).In(Ints({2}, {3, 4}));
    }
    EXPECT_EQ(RuleOf(example).reason, "works on int64, not on real numbers");
  }
}

// Moving stored integers is only right while both sides mean the same.
TEST(QuantRules, MovementRequantizesWhereParametersDiffer) {
  Graph graph = GraphOf(OpExample("Transpose", "").In(Ramp({2, 1})));
  graph.value(graph.inputs()[0]).quant = PerTensor(DType::kUint8, 0.5f, 10);
  graph.value(graph.outputs()[0]).quant = PerTensor(DType::kUint8, 1.0f, 0);
  const Tensor y = Interpret(graph, {Floats({2, 1}, {3, 100})},
                             {.reading = Reading::kInteger})[0];
  EXPECT_THAT(y.ToFloats(), ElementsAre(3, 100));
}

}  // namespace
}  // namespace squint
