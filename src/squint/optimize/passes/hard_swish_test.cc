#include "squint/optimize/passes/pass_testing.h"

namespace squint {
namespace {

class HardSwishTest : public PassTest {
 protected:
  void SetUp() override {
    input_low = -5.0f;
    input_high = 5.0f;
    x = Node("Sigmoid", {Input("in", {Dim::Symbol("n"), 8})}, "x");
    x = Node("Sub", {Node("Mul", {x, Number(12.0f)}, "wide"), Number(6.0f)},
             "centred");
    // Others read x too, so that its own scale is not part of the formula.
    Output(x);
  }
  ValueId Clamped(float add, float high) {
    const ValueId sum = Node("Add", {x, Number(add)}, "sum");
    return Node("Clip", {sum, Number(0.0f), Number(high)}, "clip");
  }
  // Runs the pass and expects one node of `op_type` to read x at once.
  void ExpectOne(std::string_view op_type) {
    EXPECT_GE(RunPass("hard-swish").changes, 1);
    const squint::Node& node = Only(op_type);
    EXPECT_EQ(node.input(0), graph.FindValue("centred")) << PrintGraph(graph);
    EXPECT_EQ(node.output(), graph.FindValue("y"));
  }
  ValueId x = kNoValue;
};

TEST_F(HardSwishTest, ProductThenDivision) {
  const ValueId product = Node("Mul", {x, Clamped(3, 6)}, "product");
  Output(Node("Div", {product, Number(6.0f)}, "y"));
  ExpectOne("HardSwish");
  EXPECT_EQ(Only("HardSwish").user_names.size(), 4u);
}

TEST_F(HardSwishTest, DivisionThenProduct) {
  const ValueId gate = Node("Div", {Clamped(3, 6), Number(6.0f)}, "gate");
  Output(Node("Mul", {gate, x}, "y"));
  ExpectOne("HardSwish");
}

TEST_F(HardSwishTest, DivisionOfTheOtherFactor) {
  const ValueId sixth = Node("Mul", {Number(1.0f / 6.0f), x}, "sixth");
  Output(Node("Mul", {sixth, Clamped(3, 6)}, "y"));
  ExpectOne("HardSwish");
}

TEST_F(HardSwishTest, ReluAndMinInsteadOfClip) {
  const ValueId sum = Node("Add", {Number(3.0f), x}, "sum");
  const ValueId low = Node("Relu", {sum}, "low");
  const ValueId high = Node("Min", {low, Number(6.0f)}, "high");
  const ValueId product = Node("Mul", {high, x}, "product");
  Output(Node("Mul", {product, Number(0.16666667f)}, "y"));
  ExpectOne("HardSwish");
}

TEST_F(HardSwishTest, HardSigmoidAsTheGate) {
  const ValueId gate =
      Node("HardSigmoid", {x}, "gate", {{"alpha", 0.166667f}, {"beta", 0.5f}});
  Output(Node("Mul", {x, gate}, "y"));
  ExpectOne("HardSwish");
}

TEST_F(HardSwishTest, HardSigmoidOfAnotherSlopeStays) {
  const ValueId gate =
      Node("HardSigmoid", {x}, "gate", {{"alpha", 0.2f}, {"beta", 0.5f}});
  Output(Node("Mul", {x, gate}, "y"));
  EXPECT_EQ(RunPass("hard-swish").changes, 0);
}

TEST_F(HardSwishTest, GateOfAnotherValueIsNoHardSwish) {
  const ValueId other = Node("Relu", {x}, "other");
  const ValueId product = Node("Mul", {other, Clamped(3, 6)}, "product");
  Output(Node("Div", {product, Number(6.0f)}, "y"));
  RunPass("hard-swish");
  EXPECT_EQ(Count("HardSwish"), 0);
}

TEST_F(HardSwishTest, WrongLimitIsNoHardSwish) {
  const ValueId product = Node("Mul", {x, Clamped(3, 5)}, "product");
  Output(Node("Div", {product, Number(6.0f)}, "y"));
  EXPECT_EQ(RunPass("hard-swish").changes, 0);
}

TEST_F(HardSwishTest, GateThatOthersReadStays) {
  const ValueId clip = Clamped(3, 6);
  Output(clip);
  const ValueId product = Node("Mul", {x, clip}, "product");
  Output(Node("Div", {product, Number(6.0f)}, "y"));
  RunPass("hard-swish");
  EXPECT_EQ(Count("HardSwish"), 0);
}

TEST_F(HardSwishTest, HardSigmoidWrittenOut) {
  Output(Node("Div", {Clamped(3, 6), Number(6.0f)}, "y"));
  ExpectOne("HardSigmoid");
  EXPECT_NEAR(Only("HardSigmoid").Float("alpha", 0), 1.0f / 6, 1e-6f);
  EXPECT_NEAR(Only("HardSigmoid").Float("beta", 0), 0.5f, 1e-6f);
}

TEST_F(HardSwishTest, HardSigmoidWithTheSlopeInside) {
  const ValueId scaled = Node("Mul", {x, Number(0.2f)}, "scaled");
  const ValueId sum = Node("Add", {scaled, Number(0.5f)}, "sum");
  Output(Node("Clip", {sum, Number(0.0f), Number(1.0f)}, "y"));
  ExpectOne("HardSigmoid");
}

TEST_F(HardSwishTest, PlainClipStays) {
  Output(Node("Clip", {x, Number(0.0f), Number(1.0f)}, "y"));
  EXPECT_EQ(RunPass("hard-swish").changes, 0);
}

}  // namespace
}  // namespace squint
