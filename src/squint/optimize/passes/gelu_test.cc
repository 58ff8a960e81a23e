#include "squint/optimize/passes/pass_testing.h"

namespace squint {
namespace {

class GeluTest : public PassTest {
 protected:
  void SetUp() override {
    input_low = -3.0f;
    input_high = 3.0f;
    x = Input("x", {Dim::Symbol("n"), 2, 8});
  }
  ValueId ErfGate(ValueId argument) {
    const ValueId erf = Node("Erf", {argument}, "erf");
    return Node("Add", {erf, Number(1.0f)}, "gate");
  }
  void ExpectGelu(std::string_view approximate) {
    EXPECT_EQ(RunPass("gelu", 2e-6f).changes, 1);
    const squint::Node& gelu = Only("Gelu");
    EXPECT_EQ(gelu.String("approximate", "none"), approximate);
    EXPECT_EQ(gelu.input(0), graph.FindValue("x"));
    EXPECT_EQ(gelu.output(), graph.FindValue("y"));
  }
  ValueId x = kNoValue;
};

TEST_F(GeluTest, HalfLast) {
  const ValueId z = Node("Div", {x, Number(1.41421356f)}, "z");
  const ValueId product = Node("Mul", {x, ErfGate(z)}, "product");
  Output(Node("Mul", {product, Number(0.5f)}, "y"));
  ExpectGelu("none");
  EXPECT_EQ(Only("Gelu").user_names.size(), 5u);
}

TEST_F(GeluTest, HalfFirst) {
  const ValueId z = Node("Mul", {Number(0.70710678f), x}, "z");
  const ValueId half = Node("Mul", {Number(0.5f), x}, "half");
  Output(Node("Mul", {half, ErfGate(z)}, "y"));
  ExpectGelu("none");
}

TEST_F(GeluTest, HalfInTheGate) {
  const ValueId z = Node("Mul", {x, Number(0.70710678f)}, "z");
  const ValueId erf = Node("Erf", {z}, "erf");
  const ValueId half = Node("Mul", {erf, Number(0.5f)}, "half");
  const ValueId gate = Node("Add", {Number(0.5f), half}, "gate");
  Output(Node("Mul", {gate, x}, "y"));
  ExpectGelu("none");
}

TEST_F(GeluTest, WrongConstantStays) {
  const ValueId z = Node("Mul", {x, Number(0.7f)}, "z");
  const ValueId product = Node("Mul", {x, ErfGate(z)}, "product");
  Output(Node("Mul", {product, Number(0.5f)}, "y"));
  EXPECT_EQ(RunPass("gelu").changes, 0);
}

TEST_F(GeluTest, GateOfAnotherValueStays) {
  const ValueId other = Input("other", {Dim::Symbol("n"), 2, 8});
  const ValueId z = Node("Mul", {other, Number(0.70710678f)}, "z");
  const ValueId product = Node("Mul", {x, ErfGate(z)}, "product");
  Output(Node("Mul", {product, Number(0.5f)}, "y"));
  EXPECT_EQ(RunPass("gelu").changes, 0);
}

TEST_F(GeluTest, ErfThatOthersReadStays) {
  const ValueId z = Node("Mul", {x, Number(0.70710678f)}, "z");
  const ValueId gate = ErfGate(z);
  Output(graph.FindValue("erf"));
  const ValueId product = Node("Mul", {x, gate}, "product");
  Output(Node("Mul", {product, Number(0.5f)}, "y"));
  EXPECT_EQ(RunPass("gelu").changes, 0);
}

TEST_F(GeluTest, TanhFormWithPow) {
  const ValueId cube = Node("Pow", {x, Number(3.0f)}, "cube");
  const ValueId term = Node("Mul", {cube, Number(0.044715f)}, "term");
  const ValueId sum = Node("Add", {x, term}, "sum");
  const ValueId z = Node("Mul", {sum, Number(0.79788456f)}, "z");
  const ValueId tanh = Node("Tanh", {z}, "tanh");
  const ValueId gate = Node("Add", {tanh, Number(1.0f)}, "gate");
  const ValueId half = Node("Mul", {x, Number(0.5f)}, "half");
  Output(Node("Mul", {half, gate}, "y"));
  ExpectGelu("tanh");
}

TEST_F(GeluTest, TanhFormWithProducts) {
  const ValueId square = Node("Mul", {x, x}, "square");
  const ValueId term = Node("Mul", {square, Number(0.044715f)}, "term");
  const ValueId sum = Node("Add", {term, Number(1.0f)}, "sum");
  const ValueId scaled = Node("Mul", {x, Number(0.79788456f)}, "scaled");
  const ValueId z = Node("Mul", {scaled, sum}, "z");
  const ValueId tanh = Node("Tanh", {z}, "tanh");
  const ValueId gate = Node("Add", {tanh, Number(1.0f)}, "gate");
  const ValueId product = Node("Mul", {x, gate}, "product");
  Output(Node("Mul", {product, Number(0.5f)}, "y"));
  ExpectGelu("tanh");
}

TEST_F(GeluTest, SiluStaysSigmoidAndMul) {
  Output(Node("Mul", {x, Node("Sigmoid", {x}, "gate")}, "y"));
  RunAll();
  EXPECT_EQ(Count("Sigmoid"), 1);
  EXPECT_EQ(Count("Mul"), 1);
}

}  // namespace
}  // namespace squint
