#include "squint/optimize/rotary_pattern.h"

#include <limits>

#include "squint/optimize/passes/pass_testing.h"

namespace squint {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

// Batch 1, 2 heads, 3 positions, size 4.
class FindRotaryTest : public PassTest {
 protected:
  ValueId X() {
    return Node("Identity", {Random("x", {1, 2, 3, 4})}, "x_made");
  }

  // Elements [start, end) of the last axis, every `step`th.
  ValueId Cut(ValueId x, int64_t start, int64_t end, int64_t step = 1) {
    return Node("Slice",
                {x, Ints("start", {start}), Ints("end", {end}),
                 Ints("axis", {-1}), Ints("step", {step})},
                "cut");
  }
  ValueId Joined(ValueId a, ValueId b) {
    return Node("Concat", {a, b}, "joined", {{"axis", int64_t{-1}}});
  }
  ValueId Negative(ValueId x) { return Node("Neg", {x}, "negative"); }
  ValueId NewAxis(ValueId x) {
    return Node("Unsqueeze", {x, Ints("axes", {-1})}, "new_axis");
  }
  ValueId Alternating(ValueId a, ValueId b) {
    return Node("Reshape",
                {Joined(NewAxis(a), NewAxis(b)), Ints("shape", {1, 2, 3, 4})},
                "alternating");
  }
  // x * cos + turned * sin, tables as wide as a head or given.
  ValueId Rotated(ValueId x, ValueId turned) {
    cos = Random("cos", {1, 1, 3, 4});
    sin = Random("sin", {1, 1, 3, 4});
    return Node("Add",
                {Node("Mul", {x, cos}, "x_cos"),
                 Node("Mul", {turned, sin}, "turned_sin")},
                "rotated");
  }

  std::vector<RotaryMatch> Find() {
    InferShapes(graph);
    return FindRotaryEmbeddings(graph);
  }

  // The operator RotaryEmbedding with the same half tables gives the same.
  void ExpectEqualsRotaryEmbedding(const RotaryMatch& match) {
    const auto table = [&](ValueId id) {
      return Node("Reshape", {id, Ints("table", {1, 3, 2})}, "table");
    };
    const ValueId y =
        Node("RotaryEmbedding", {match.x, table(match.cos), table(match.sin)},
             "rotary", {{"interleaved", int64_t{match.interleaved}}});
    graph.SetOutputs({match.output, y});
    const std::vector<Tensor> results = Interpret(graph, {});
    EXPECT_THAT(
        results[1].ToFloats(),
        testing::Pointwise(testing::FloatNear(1e-5f), results[0].ToFloats()));
  }

  ValueId cos = kNoValue;
  ValueId sin = kNoValue;
};

// transformers' Llama.
TEST_F(FindRotaryTest, OfHalvesCutBySlices) {
  const ValueId x = X();
  const ValueId turned = Joined(
      Negative(Cut(x, 2, std::numeric_limits<int64_t>::max())), Cut(x, 0, 2));
  const ValueId y = Rotated(x, turned);
  Output(y);
  const auto matches = Find();
  ASSERT_THAT(matches, SizeIs(1));
  EXPECT_EQ(matches[0].x, x);
  EXPECT_EQ(matches[0].cos, cos);
  EXPECT_EQ(matches[0].sin, sin);
  EXPECT_EQ(matches[0].output, y);
  EXPECT_FALSE(matches[0].interleaved);
  EXPECT_FALSE(matches[0].half_tables);
  EXPECT_THAT(matches[0].nodes, SizeIs(7));
}

TEST_F(FindRotaryTest, OfHalvesCutBySplit) {
  const ValueId x = X();
  squint::Node split;
  split.op_type = "Split";
  split.inputs = {x};
  split.outputs = {graph.AddValue("low"), graph.AddValue("high")};
  split.Set("axis", int64_t{-1});
  split.Set("num_outputs", int64_t{2});
  const std::vector<ValueId> halves = split.outputs;
  graph.AddNode(std::move(split));
  Output(Rotated(x, Joined(Negative(halves[1]), halves[0])));
  const auto matches = Find();
  ASSERT_THAT(matches, SizeIs(1));
  EXPECT_THAT(matches[0].nodes, SizeIs(6));
}

// GPT-J: every other element, stacked and flattened.
TEST_F(FindRotaryTest, OfNeighbours) {
  const ValueId x = X();
  Output(Rotated(x, Alternating(Negative(Cut(x, 1, 4, 2)), Cut(x, 0, 4, 2))));
  const auto matches = Find();
  ASSERT_THAT(matches, SizeIs(1));
  EXPECT_TRUE(matches[0].interleaved);
}

// Half tables, each half computed by itself.
TEST_F(FindRotaryTest, OfHalvesJoinedAtTheEnd) {
  for (const bool interleaved : {false, true}) {
    graph = Graph();
    const ValueId x = X();
    const ValueId a = interleaved ? Cut(x, 0, 4, 2) : Cut(x, 0, 2);
    const ValueId b = interleaved ? Cut(x, 1, 4, 2) : Cut(x, 2, 4);
    const ValueId c = Random("cos", {1, 1, 3, 2});
    const ValueId s = Random("sin", {1, 1, 3, 2});
    const auto times = [&](ValueId u, ValueId v) {
      return Node("Mul", {u, v}, "times");
    };
    const ValueId real = Node("Sub", {times(a, c), times(b, s)}, "real");
    const ValueId imaginary =
        Node("Add", {times(a, s), times(c, b)}, "imaginary");
    Output(interleaved ? Alternating(real, imaginary)
                       : Joined(real, imaginary));
    const auto matches = Find();
    ASSERT_THAT(matches, SizeIs(1));
    EXPECT_TRUE(matches[0].half_tables);
    EXPECT_EQ(matches[0].interleaved, interleaved);
    EXPECT_EQ(matches[0].cos, c);
    ExpectEqualsRotaryEmbedding(matches[0]);
  }
}

TEST_F(FindRotaryTest, NotOfHalvesTurnedTheOtherWay) {
  const ValueId x = X();
  Output(Rotated(x, Joined(Cut(x, 2, 4), Negative(Cut(x, 0, 2)))));
  EXPECT_THAT(Find(), IsEmpty());
}

TEST_F(FindRotaryTest, NotOfUnequalPartsOrOfTwoValues) {
  const ValueId x = X();
  Output(Rotated(x, Joined(Negative(Cut(x, 1, 4)), Cut(x, 0, 1))));
  const ValueId z = X();
  Output(Rotated(x, Joined(Negative(Cut(z, 2, 4)), Cut(z, 0, 2))));
  EXPECT_THAT(Find(), IsEmpty());
}

}  // namespace
}  // namespace squint
