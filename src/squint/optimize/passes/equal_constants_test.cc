#include "squint/optimize/passes/pass_testing.h"

namespace squint {
namespace {

class EqualConstantsTest : public PassTest {
 protected:
  // Two products of x [1,32], with these weights.
  void Multiply(ValueId first, ValueId second) {
    const ValueId x = Input("x", {1, 32});
    Output(Node("MatMul", {x, first}, "y"));
    Output(Node("MatMul", {x, second}, "z"));
  }
};

TEST_F(EqualConstantsTest, BecomeOne) {
  const ValueId w = Random("w", {32, 16});
  const auto values = graph.value(w).constant.ToFloats();
  Multiply(w, Floats("copy", {32, 16}, values));
  EXPECT_EQ(RunPass("equal-constants", 0.0f).changes, 1);
  const squint::Node& second =
      graph.node(graph.value(graph.FindValue("z")).producer);
  EXPECT_EQ(second.input(1), graph.FindValue("w"));
}

TEST_F(EqualConstantsTest, DifferInOneElementAndStayTwo) {
  const ValueId w = Random("w", {32, 16});
  auto values = graph.value(w).constant.ToFloats();
  values[100] += 1.0f;
  Multiply(w, Floats("other", {32, 16}, values));
  EXPECT_EQ(RunPass("equal-constants", 0.0f).changes, 0);
}

TEST_F(EqualConstantsTest, OfAnotherShapeStayTwo) {
  const ValueId w = Random("w", {32, 32});
  Multiply(w, graph.AddConstant("flat",
                                graph.value(w).constant.Reshaped({1, 32, 32})));
  EXPECT_EQ(RunPass("equal-constants", 0.0f).changes, 0);
}

TEST_F(EqualConstantsTest, AreFoundBehindAnIdentityInTheWholeList) {
  const ValueId w = Random("w", {32, 16});
  Multiply(w, Node("Identity", {w}, "shared"));
  RunAll();
  const auto weight = [&](std::string_view output) {
    return graph.node(graph.value(graph.FindValue(output)).producer).input(1);
  };
  EXPECT_EQ(weight("y"), weight("z"));
}

}  // namespace
}  // namespace squint
