#include "squint/optimize/passes/pass_testing.h"

namespace squint {
namespace {

class ProductScaleTest : public PassTest {
 protected:
  // A projection into two heads of 4: [n, 3, 8] -> [n, 2, 3, 4].
  ValueId Heads(ValueId x, std::string_view name,
                std::vector<int64_t> perm = {0, 2, 1, 3}) {
    const std::string n(name);
    const ValueId product = Node("MatMul", {x, Random("w", {8, 8})}, n + "_mm");
    const ValueId sum = Node("Add", {Random("b", {8}), product}, n + "_add");
    const ValueId split =
        Node("Reshape", {sum, Ints("shape", {0, 0, 2, 4})}, n + "_split");
    return Node("Transpose", {split}, name, {{"perm", std::move(perm)}});
  }
  int Changes() { return RunPass("product-scale").changes; }
};

TEST_F(ProductScaleTest, AttentionsScaleGoesIntoTheQueries) {
  const ValueId x = Input("x", {Dim::Symbol("n"), 3, 8});
  const ValueId scores =
      Node("MatMul", {Heads(x, "q"), Heads(x, "k", {0, 2, 3, 1})}, "scores");
  Output(Node("Softmax", {Node("Div", {scores, Number(2.0f)}, "div")}, "y"));
  EXPECT_EQ(Changes(), 1);
  EXPECT_EQ(Count("Div"), 0);
}

TEST_F(ProductScaleTest, OrIntoTheKeysWhenOthersReadTheQueries) {
  const ValueId x = Input("x", {Dim::Symbol("n"), 3, 8});
  const ValueId q = Heads(x, "q");
  Output(q);
  const ValueId scores =
      Node("MatMul", {q, Heads(x, "k", {0, 2, 3, 1})}, "scores");
  Output(Node("Mul", {scores, Number(0.5f)}, "y"));
  EXPECT_EQ(Changes(), 1);
}

TEST_F(ProductScaleTest, StaysWhenNoLayerMakesAFactor) {
  const ValueId a = Input("a", {2, 3});
  const ValueId b = Input("b", {3, 4});
  const ValueId product =
      Node("MatMul", {Node("Relu", {a}, "r"), b}, "product");
  Output(Node("Mul", {product, Number(0.5f)}, "y"));
  EXPECT_EQ(Changes(), 0);
}

TEST_F(ProductScaleTest, StaysWhenOthersReadTheProduct) {
  const ValueId x = Input("x", {Dim::Symbol("n"), 3, 8});
  const ValueId scores =
      Node("MatMul", {Heads(x, "q"), Heads(x, "k", {0, 2, 3, 1})}, "scores");
  Output(scores);
  Output(Node("Mul", {scores, Number(0.5f)}, "y"));
  EXPECT_EQ(Changes(), 0);
}

TEST_F(ProductScaleTest, AScalePerChannelStays) {
  const ValueId x = Input("x", {Dim::Symbol("n"), 3, 8});
  const ValueId scores =
      Node("MatMul", {Heads(x, "q"), Heads(x, "k", {0, 2, 3, 1})}, "scores");
  Output(Node("Mul", {scores, Random("s", {3})}, "y"));
  EXPECT_EQ(Changes(), 0);
}

}  // namespace
}  // namespace squint
