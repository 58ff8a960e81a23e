#include "squint/optimize/passes/pass_testing.h"

namespace squint {
namespace {

class TransposesTest : public PassTest {
 protected:
  ValueId T(ValueId x, std::vector<int64_t> perm, std::string_view name) {
    return Node("Transpose", {x}, name, {{"perm", std::move(perm)}});
  }
  ValueId ToLast(ValueId x, std::string_view name) {
    return T(x, {0, 2, 3, 1}, name);
  }
  ValueId ToFirst(ValueId x, std::string_view name) {
    return T(x, {0, 3, 1, 2}, name);
  }
  ValueId Image(std::string_view name) {
    return Input(name, {Dim::Symbol("n"), 3, 4, 5});
  }
  // Transposes that are left.
  int Left() {
    RunPass("transposes", 1e-6f);
    return Count("Transpose");
  }
};

TEST_F(TransposesTest, APairCancels) {
  const ValueId x = Node("Relu", {Image("x")}, "r");
  Output(Node("Sigmoid", {ToFirst(ToLast(x, "a"), "b")}, "y"));
  EXPECT_EQ(Left(), 0);
}

TEST_F(TransposesTest, TwoBecomeOne) {
  Output(T(ToLast(Image("x"), "a"), {1, 0, 2, 3}, "y"));
  EXPECT_EQ(Left(), 1);
  EXPECT_THAT(Only("Transpose").Ints("perm"), testing::ElementsAre(2, 0, 3, 1));
}

TEST_F(TransposesTest, ASelfInversePermutationCancelsWithItself) {
  const ValueId x = Node("Relu", {Input("x", {2, 3, 4})}, "r");
  const ValueId a = T(x, {0, 2, 1}, "a");
  Output(Node("Sigmoid", {T(Node("Neg", {a}, "n"), {0, 2, 1}, "b")}, "y"));
  EXPECT_EQ(Left(), 0);
}

TEST_F(TransposesTest, ChannelsLastArithmeticIsTurnedWithItsConstants) {
  const ValueId a = ToLast(Image("x"), "a");
  const ValueId scaled = Node("Mul", {a, Random("c", {3})}, "scaled");
  const ValueId sum = Node("Add", {Random("d", {4, 1, 3}), scaled}, "sum");
  const ValueId clip = Node("Clip", {sum, Number(-0.5f), Number(0.5f)}, "clip");
  Output(ToFirst(clip, "y"));
  EXPECT_EQ(Left(), 0);
}

TEST_F(TransposesTest, BranchesThatMeetAreTurnedTogether) {
  const ValueId a = ToLast(Image("x1"), "a");
  const ValueId b = ToLast(Image("x2"), "b");
  const ValueId sum = Node("Add", {a, Node("Relu", {b}, "r")}, "sum");
  const ValueId both =
      Node("Concat", {sum, a}, "both", {{"axis", int64_t{-1}}});
  Output(Node("Relu", {ToFirst(both, "c")}, "y"));
  EXPECT_EQ(Left(), 0);
  EXPECT_EQ(Only("Concat").Int("axis", 0), 1);
}

TEST_F(TransposesTest, OneTransposeBehindASumIsFewerThanTwoBeforeIt) {
  const ValueId a = ToLast(Image("x1"), "a");
  const ValueId b = ToLast(Image("x2"), "b");
  Output(Node("Add", {a, b}, "y"));
  EXPECT_EQ(Left(), 1);
}

TEST_F(TransposesTest, NothingMovesWhereNothingIsSaved) {
  const ValueId a = ToLast(Image("x"), "a");
  Output(Node("Relu", {Node("Neg", {a}, "n")}, "y"));
  EXPECT_EQ(RunPass("transposes").changes, 0);
}

TEST_F(TransposesTest, AValueThatOthersReadGetsItsOwnTranspose) {
  const ValueId a = ToLast(Image("x"), "a");
  const ValueId r = Node("Relu", {a}, "r");
  Output(r);
  Output(Node("Neg", {ToFirst(r, "b")}, "y1"));
  Output(Node("Abs", {ToFirst(r, "c")}, "y2"));
  EXPECT_EQ(Left(), 1);
}

TEST_F(TransposesTest, AnotherInputInTheOldOrderStopsIt) {
  const ValueId a = ToLast(Image("x"), "a");
  const ValueId other = Input("other", {Dim::Symbol("n"), 4, 5, 3});
  Output(ToFirst(Node("Add", {a, other}, "sum"), "y"));
  EXPECT_EQ(RunPass("transposes").changes, 0);
}

TEST_F(TransposesTest, SoftmaxAndMeanKeepTheirAxes) {
  const ValueId a = ToLast(Image("x"), "a");
  const ValueId soft = Node("Softmax", {a}, "soft", {{"axis", int64_t{3}}});
  const ValueId mean =
      Node("ReduceMean", {soft, Ints("axes", {1, -2})}, "mean");
  Output(ToFirst(mean, "y"));
  EXPECT_EQ(Left(), 0);
  EXPECT_EQ(Only("Softmax").Int("axis", 0), 1);
}

TEST_F(TransposesTest, AMeanThatDropsHeightAndWidthNeedsNoTranspose) {
  const ValueId a = ToLast(Image("x"), "a");
  Output(Node("ReduceMean", {a, Ints("axes", {1, 2})}, "y",
              {{"keepdims", int64_t{0}}}));
  EXPECT_EQ(Left(), 0);
}

TEST_F(TransposesTest, AMeanThatLeavesAxesInAnotherOrderStops) {
  const ValueId a = ToLast(Image("x"), "a");
  Output(Node("ReduceMean", {a, Ints("axes", {1})}, "y",
              {{"keepdims", int64_t{0}}}));
  EXPECT_EQ(Left(), 1);
}

TEST_F(TransposesTest, PadIsTurned) {
  const ValueId a = ToLast(Image("x"), "a");
  const ValueId pad = Node(
      "Pad", {a, Ints("pads", {0, 1, 2, 0, 0, 3, 0, 1}), Number(2.0f)}, "pad");
  const ValueId more =
      Node("Pad", {pad, Ints("pads", {1, 2}), Number(1.0f), Ints("axes", {-1})},
           "more");
  Output(ToFirst(more, "y"));
  EXPECT_EQ(Left(), 0);
}

TEST_F(TransposesTest, AGraphOutputThatIsTheDataBeforeKeepsItsName) {
  const ValueId r = Node("Relu", {Image("x")}, "r");
  const ValueId a = ToLast(r, "a");
  Output(ToFirst(a, "y1"));
  Output(Node("Neg", {ToFirst(a, "b")}, "y2"));
  EXPECT_EQ(Left(), 0);
}

TEST_F(TransposesTest, ARowOfPairsCancels) {
  const ValueId a = ToLast(Image("x"), "a");
  const ValueId r = Node("Relu", {a}, "r");
  const ValueId c = ToLast(ToFirst(r, "b"), "c");
  Output(r);
  Output(Node("Neg", {ToFirst(c, "d")}, "y"));
  EXPECT_EQ(Left(), 1);
}

TEST_F(TransposesTest, TransposeWithoutPermReverses) {
  const ValueId r = Node("Relu", {Input("x", {2, 3, 4})}, "r");
  const ValueId a = Node("Transpose", {r}, "a");
  Output(Node("Neg", {Node("Transpose", {a}, "b")}, "y"));
  EXPECT_EQ(Left(), 0);
}

TEST_F(TransposesTest, QuantizedValuesStay) {
  const ValueId a = ToLast(Image("x"), "a");
  const ValueId r = Node("Relu", {a}, "r");
  graph.value(r).quant = PerTensor(DType::kInt8, 0.1f, 0);
  Output(ToFirst(r, "y"));
  EXPECT_EQ(RunPass("transposes").changes, 0);
}

}  // namespace
}  // namespace squint
