#include "squint/optimize/attention_pattern.h"

#include "squint/optimize/passes/pass_testing.h"

namespace squint {
namespace {

using Kind = AttentionMask::Kind;
using testing::IsEmpty;
using testing::SizeIs;

// Batch 2, 2 heads, 5 rows and keys, size 4: numbers that a run can compare.
class FindAttentionTest : public PassTest {
 protected:
  ValueId Made(std::string_view name, Dims dims) {
    return Node("Identity", {Random(name, std::move(dims))},
                std::string(name) + "_made");
  }
  ValueId Heads(std::string_view name) { return Made(name, {2, 2, 5, 4}); }

  ValueId Transposed(ValueId x, std::vector<int64_t> perm) {
    return Node("Transpose", {x}, "transposed", {{"perm", std::move(perm)}});
  }
  ValueId Softmax(ValueId x) {
    return Node("Softmax", {x}, "softmax", {{"axis", int64_t{-1}}});
  }
  ValueId Bools(std::string_view name, Dims dims, std::vector<float> values) {
    return graph.AddConstant(
        name, Tensor::Of<float>(std::move(dims), values).CastTo(DType::kBool));
  }

  // 5 x 5, `shown` on and below the diagonal.
  std::vector<float> Triangle(float shown, float hidden) {
    std::vector<float> values;
    for (int i = 0; i < 25; ++i) {
      values.push_back(i % 5 <= i / 5 ? shown : hidden);
    }
    return values;
  }

  std::vector<AttentionMatch> Find() {
    InferShapes(graph);
    return FindAttention(graph);
  }

  // The operator Attention on what was matched gives what the small ones do.
  void ExpectEqualsAttention(const AttentionMatch& match) {
    squint::Node node;
    node.op_type = "Attention";
    node.inputs = {match.q, match.k, match.v};
    if (match.k_transposed) {
      node.inputs[1] = Transposed(match.k, {0, 1, 3, 2});
    }
    for (const AttentionMask& mask : match.masks) {
      ASSERT_NE(mask.kind, Kind::kHidden);
      if (mask.kind == Kind::kCausal) continue;
      ASSERT_EQ(node.inputs.size(), 3u);
      node.inputs.push_back(mask.value);
    }
    node.Set("scale", static_cast<float>(match.scale));
    node.Set("softcap", static_cast<float>(match.softcap));
    node.Set("is_causal", int64_t{match.causal()});
    node.outputs = {graph.AddValue("attention")};
    graph.SetOutputs({match.output, node.outputs[0]});
    graph.AddNode(std::move(node));
    const std::vector<Tensor> results = Interpret(graph, {});
    const std::vector<float> small = results[0].ToFloats();
    EXPECT_THAT(results[1].ToFloats(),
                testing::Pointwise(testing::FloatNear(1e-5f), small));
  }
};

// transformers' BERT by the scripting exporter: the scale divides the
// product, one Transpose splits heads and turns the keys.
TEST_F(FindAttentionTest, OfADividedProductWithAnAddedMask) {
  const ValueId k = Transposed(Made("k", {2, 5, 2, 4}), {0, 2, 3, 1});
  const ValueId product = Node("MatMul", {Heads("q"), k}, "qk");
  const ValueId scores = Node("Div", {product, Number(2)}, "scaled");
  const ValueId mask = Made("mask", {2, 1, 1, 5});
  const ValueId p = Softmax(Node("Add", {scores, mask}, "masked"));
  Output(Node("MatMul", {p, Heads("v")}, "y"));
  const auto matches = Find();
  ASSERT_THAT(matches, SizeIs(1));
  EXPECT_TRUE(matches[0].k_transposed);
  EXPECT_EQ(matches[0].k, k);
  EXPECT_DOUBLE_EQ(matches[0].scale, 0.5);
  ASSERT_THAT(matches[0].masks, SizeIs(1));
  EXPECT_EQ(matches[0].masks[0].kind, Kind::kAdded);
  EXPECT_EQ(matches[0].masks[0].value, mask);
  EXPECT_THAT(matches[0].nodes, SizeIs(5));
  ExpectEqualsAttention(matches[0]);
}

// scaled_dot_product_attention by the dynamo exporter: the root of the scale
// on both sides, a bool mask turned into numbers, a guard against NaN.
TEST_F(FindAttentionTest, OfScaledSidesWithAGuardAgainstNan) {
  const ValueId root = Number(0.5f);
  const ValueId q = Heads("q");
  const ValueId k = Heads("k");
  const ValueId turned = Transposed(k, {0, 1, 3, 2});
  const ValueId product = Node("MatMul",
                               {Node("Mul", {q, root}, "q_scaled"),
                                Node("Mul", {turned, root}, "k_scaled")},
                               "qk");
  const ValueId shown =
      Bools("shown", {1, 1, 5, 5}, {1, 0, 1, 0, 1, 1, 1, 0, 0, 1, 0, 0, 1,
                                    0, 0, 1, 1, 1, 1, 1, 0, 1, 0, 1, 0});
  const ValueId bias =
      Node("Where", {shown, Number(0), Number(-1e30f)}, "bias");
  const ValueId p = Softmax(Node("Add", {bias, product}, "masked"));
  const ValueId guarded =
      Node("Where", {Node("IsNaN", {p}, "nan"), Number(0), p}, "guarded");
  Output(Node("MatMul", {guarded, Heads("v")}, "y"));
  auto matches = Find();
  ASSERT_THAT(matches, SizeIs(1));
  EXPECT_EQ(matches[0].q, q);
  EXPECT_EQ(matches[0].k, k);
  EXPECT_FALSE(matches[0].k_transposed);
  EXPECT_DOUBLE_EQ(matches[0].scale, 0.25);
  ASSERT_THAT(matches[0].masks, SizeIs(1));
  EXPECT_EQ(matches[0].masks[0].kind, Kind::kShown);
  EXPECT_EQ(matches[0].masks[0].value, shown);
  EXPECT_THAT(matches[0].nodes, SizeIs(9));
}

// GPT-2: a triangle cut out of a buffer chooses the scores, then a mask for
// padding is added.
TEST_F(FindAttentionTest, OfScoresChosenByACausalBuffer) {
  const ValueId buffer = Bools("bias", {1, 1, 5, 5}, Triangle(1, 0));
  const ValueId cut = Node("Slice",
                           {buffer, Ints("starts", {0, 0}),
                            Ints("ends", {5, 5}), Ints("axes", {2, 3})},
                           "cut");
  const ValueId product =
      Node("MatMul", {Heads("q"), Transposed(Heads("k"), {0, 1, 3, 2})}, "qk");
  const ValueId scaled = Node("Mul", {Number(0.5f), product}, "scaled");
  const ValueId chosen =
      Node("Where", {cut, scaled, Number(-3.4e38f)}, "chosen");
  const ValueId padding = Made("padding", {2, 1, 1, 5});
  const ValueId p = Softmax(Node("Add", {chosen, padding}, "masked"));
  Output(Node("MatMul", {p, Heads("v")}, "y"));
  const auto matches = Find();
  ASSERT_THAT(matches, SizeIs(1));
  EXPECT_TRUE(matches[0].causal());
  ASSERT_THAT(matches[0].masks, SizeIs(2));
  EXPECT_EQ(matches[0].masks[0].kind, Kind::kAdded);
  EXPECT_EQ(matches[0].masks[1].kind, Kind::kCausal);
  ExpectEqualsAttention(matches[0]);
}

// Gemma 2 in half precision: a soft cap, and a softmax in float32.
TEST_F(FindAttentionTest, OfCappedScoresWithCastsAroundTheSoftmax) {
  const ValueId product =
      Node("MatMul", {Heads("q"), Transposed(Heads("k"), {0, 1, 3, 2})}, "qk");
  const ValueId scaled = Node("Mul", {product, Number(0.5f)}, "scaled");
  const ValueId inner = Node("Div", {scaled, Number(3)}, "inner");
  const ValueId capped =
      Node("Mul", {Node("Tanh", {inner}, "tanh"), Number(3)}, "capped");
  const ValueId mask = Floats("mask", {5, 5}, Triangle(0, -65504));
  const ValueId masked = Node("Add", {capped, mask}, "masked");
  const ValueId wide = Node("Cast", {masked}, "wide", {{"to", int64_t{1}}});
  const ValueId p =
      Node("Cast", {Softmax(wide)}, "narrow", {{"to", int64_t{1}}});
  Output(Node("MatMul", {p, Heads("v")}, "y"));
  const auto matches = Find();
  ASSERT_THAT(matches, SizeIs(1));
  EXPECT_DOUBLE_EQ(matches[0].softcap, 3);
  EXPECT_NEAR(matches[0].scale, 0.5, 1e-12);
  EXPECT_TRUE(matches[0].causal());
  ExpectEqualsAttention(matches[0]);
}

// BART: heads and batch in one axis, but for the moment of the mask.
TEST_F(FindAttentionTest, OfMatricesReshapedForTheMask) {
  const ValueId q = Made("q", {4, 5, 4});
  const ValueId product = Node("MatMul",
                               {Node("Mul", {q, Number(0.5f)}, "q_scaled"),
                                Transposed(Made("k", {4, 5, 4}), {0, 2, 1})},
                               "qk");
  const ValueId split =
      Node("Reshape", {product, Ints("split", {2, 2, 5, 5})}, "split");
  const ValueId masked =
      Node("Add", {split, Made("mask", {2, 1, 5, 5})}, "masked");
  const ValueId joined =
      Node("Reshape", {masked, Ints("joined", {4, 5, 5})}, "joined");
  Output(Node("MatMul", {Softmax(joined), Made("v", {4, 5, 4})}, "y"));
  const auto matches = Find();
  ASSERT_THAT(matches, SizeIs(1));
  EXPECT_EQ(matches[0].q, q);
  EXPECT_DOUBLE_EQ(matches[0].scale, 0.5);
  EXPECT_THAT(matches[0].nodes, SizeIs(8));
}

// The scripting exporter's is_causal: a triangle made at run time, negated.
TEST_F(FindAttentionTest, OfATriangleMadeAtRunTime) {
  const ValueId length =
      graph.AddInput("length", DType::kInt64, Shape::Of({2}));
  const ValueId ones = Node("Expand", {Number(1), length}, "ones");
  const ValueId lower = Node("Trilu", {ones}, "lower", {{"upper", int64_t{0}}});
  const ValueId hidden = Node("Equal", {lower, Number(0)}, "hidden");
  const ValueId bias =
      Node("Where", {hidden, Number(-1e38f), Number(0)}, "bias");
  const ValueId product =
      Node("MatMul", {Heads("q"), Transposed(Heads("k"), {0, 1, 3, 2})}, "qk");
  const ValueId p = Softmax(Node("Add", {product, bias}, "masked"));
  Output(Node("MatMul", {p, Heads("v")}, "y"));
  const auto matches = Find();
  ASSERT_THAT(matches, SizeIs(1));
  EXPECT_TRUE(matches[0].causal());
  // The upper triangle is another mask.
  squint::Node& trilu = graph.node(graph.value(lower).producer);
  trilu.Set("upper", int64_t{1});
  EXPECT_FALSE(Find().at(0).causal());
}

TEST_F(FindAttentionTest, ABiasOnVisibleScoresIsMoreThanCausal) {
  const ValueId product =
      Node("MatMul", {Heads("q"), Transposed(Heads("k"), {0, 1, 3, 2})}, "qk");
  const ValueId mask = Floats("alibi", {5, 5}, Triangle(-0.5f, -1e9f));
  const ValueId p = Softmax(Node("Add", {product, mask}, "masked"));
  Output(Node("MatMul", {p, Heads("v")}, "y"));
  const auto matches = Find();
  ASSERT_THAT(matches, SizeIs(1));
  EXPECT_FALSE(matches[0].causal());
  EXPECT_EQ(matches[0].masks.at(0).kind, Kind::kAdded);
}

TEST_F(FindAttentionTest, NotWhereTheMaskIsScaledToo) {
  const ValueId product =
      Node("MatMul", {Heads("q"), Transposed(Heads("k"), {0, 1, 3, 2})}, "qk");
  const ValueId masked = Node("Add", {product, Made("mask", {5, 5})}, "masked");
  const ValueId p = Softmax(Node("Mul", {masked, Number(0.5f)}, "scaled"));
  Output(Node("MatMul", {p, Heads("v")}, "y"));
  EXPECT_THAT(Find(), IsEmpty());
}

TEST_F(FindAttentionTest, NotWhereTheProbabilitiesAreReadElsewhere) {
  const ValueId product =
      Node("MatMul", {Heads("q"), Transposed(Heads("k"), {0, 1, 3, 2})}, "qk");
  const ValueId p = Softmax(product);
  Output(Node("MatMul", {p, Heads("v")}, "y"));
  EXPECT_THAT(Find(), SizeIs(1));
  Output(p);
  EXPECT_THAT(Find(), IsEmpty());
}

TEST_F(FindAttentionTest, NotAClassifierOrAnotherAxis) {
  const ValueId logits =
      Node("MatMul", {Made("x", {5, 4}), Random("w", {4, 5})}, "logits");
  Output(Node("MatMul", {Softmax(logits), Random("table", {5, 3})}, "y"));
  const ValueId product =
      Node("MatMul", {Heads("q"), Transposed(Heads("k"), {0, 1, 3, 2})}, "qk");
  const ValueId rows =
      Node("Softmax", {product}, "rows", {{"axis", int64_t{2}}});
  Output(Node("MatMul", {rows, Heads("v")}, "z"));
  EXPECT_THAT(Find(), IsEmpty());
}

}  // namespace
}  // namespace squint
