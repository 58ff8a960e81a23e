#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "squint/base/error.h"
#include "squint/ops/infer.h"
#include "squint/ops/op_examples.h"

namespace squint {

namespace {

OpExample Einsum(const std::string& equation, std::vector<Tensor> operands) {
  OpExample example = OpExample("Einsum", equation).Set("equation", equation);
  for (Tensor& operand : operands) {
    example = std::move(example).In(std::move(operand));
  }
  return example;
}

}  // namespace

std::vector<OpExample> Examples_einsum() {
  return {
      Einsum("bij,bjk->bik", {Ramp({2, 3, 4}), Ramp({2, 4, 5}, -1, 1, 2)}),
      Einsum("...ij->...ji", {Ramp({2, 3, 4})}),
      Einsum("...ii->...i", {Ramp({2, 3, 3})}),
      Einsum("bhid,bhjd->bhij",
             {Ramp({2, 3, 4, 5}), Ramp({2, 3, 6, 5}, -1, 1, 2)}),
      Einsum("nab,nbc,ncd->nad", {Ramp({2, 3, 4}), Ramp({2, 4, 2}, -1, 1, 2),
                                  Ramp({2, 2, 3}, -1, 1, 3)}),
      Einsum("i,j", {Ramp({3}), Ramp({3}, -1, 1, 2)}),
      OpExample("Einsum", "a constant matrix")
          .In(Ramp({2, 3, 4}))
          .Const(Ramp({4, 2, 5}, -1, 1, 2))
          .Set("equation", std::string("...c,chd->...hd")),
      OpExample("Einsum", "integers")
          .In(Ints({2, 2}, {1, 2, 3, 4}))
          .Set("equation", std::string("ij->")),
  };
}

namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

Tensor Evaluate(const std::string& equation, std::vector<Tensor> operands) {
  return RunExample(Einsum(equation, std::move(operands)))[0];
}

const Tensor kSquare = Ints({2, 2}, {1, 2, 3, 4});

TEST(Einsum, SumsTransposesAndTakesDiagonals) {
  EXPECT_THAT(Evaluate("ij->", {kSquare}).ToInts(), ElementsAre(10));
  EXPECT_THAT(Evaluate("ij->i", {kSquare}).ToInts(), ElementsAre(3, 7));
  EXPECT_THAT(Evaluate("ij->ji", {kSquare}).ToInts(), ElementsAre(1, 3, 2, 4));
  EXPECT_THAT(Evaluate("ii->i", {kSquare}).ToInts(), ElementsAre(1, 4));
  EXPECT_THAT(Evaluate("ii->", {kSquare}).ToInts(), ElementsAre(5));
}

TEST(Einsum, TheImplicitResultSortsWhatOccursOnce) {
  // "ba" is the transpose, since a comes before b; capitals come first.
  EXPECT_THAT(Evaluate("ba", {kSquare}).ToInts(), ElementsAre(1, 3, 2, 4));
  EXPECT_THAT(Evaluate("aB", {kSquare}).ToInts(), ElementsAre(1, 3, 2, 4));
  EXPECT_THAT(Evaluate("ii", {kSquare}).ToInts(), ElementsAre(5));
  EXPECT_THAT(Evaluate("ij, jk", {kSquare, kSquare}).ToInts(),
              ElementsAre(7, 10, 15, 22));
}

TEST(Einsum, MultipliesVectorsAndMatrices) {
  const Tensor x = Ints({2}, {5, 6});
  EXPECT_THAT(Evaluate("i,i->", {x, x}).ToInts(), ElementsAre(61));
  EXPECT_THAT(Evaluate("i,j->ij", {x, x}).ToInts(),
              ElementsAre(25, 30, 30, 36));
  EXPECT_THAT(Evaluate("i,j->ji", {x, Ints({2}, {1, 2})}).ToInts(),
              ElementsAre(5, 6, 10, 12));
  EXPECT_THAT(Evaluate("ij,j->i", {kSquare, x}).ToInts(), ElementsAre(17, 39));
  EXPECT_THAT(Evaluate("ij,ij->ij", {kSquare, kSquare}).ToInts(),
              ElementsAre(1, 4, 9, 16));
}

TEST(Einsum, TakesAnyNumberOfOperands) {
  const Tensor x = Ints({2}, {5, 6});
  EXPECT_THAT(Evaluate("i,ij,j->", {x, kSquare, x}).ToInts(), ElementsAre(319));
  EXPECT_THAT(Evaluate("i,i,i,i->i", {x, x, x, x}).ToInts(),
              ElementsAre(625, 1296));
}

TEST(Einsum, TheEllipsisBroadcasts) {
  const Tensor batch = Ints({2, 1, 2}, {1, 2, 3, 4});
  const Tensor y = Evaluate("...i,...i->...", {batch, kSquare});
  EXPECT_THAT(y.dims(), ElementsAre(2, 2));
  EXPECT_THAT(y.ToInts(), ElementsAre(5, 11, 11, 25));
  EXPECT_THAT(Evaluate("i...->i", {kSquare}).ToInts(), ElementsAre(3, 7));
  // Implicit: the ellipsis comes first.
  EXPECT_THAT(Evaluate("i...", {kSquare}).ToInts(), ElementsAre(1, 3, 2, 4));
}

TEST(Einsum, NoElementsSumToZero) {
  EXPECT_THAT(Evaluate("ij,jk->ik", {Ramp({2, 0}), Ramp({0, 2})}).ToFloats(),
              ElementsAre(0, 0, 0, 0));
  EXPECT_THAT(Evaluate("ij->j", {Ramp({2, 0})}).dims(), ElementsAre(0));
}

TEST(Einsum, NarrowIntegersWrapAndHalvesKeepTheirType) {
  const Tensor bytes = Ints({2}, {200, 100}).CastTo(DType::kUint8);
  const Tensor sum = Evaluate("i->", {bytes});
  EXPECT_EQ(sum.dtype(), DType::kUint8);
  EXPECT_THAT(sum.ToInts(), ElementsAre(44));
  const Tensor half = Floats({2}, {1, 2}).CastTo(DType::kFloat16);
  EXPECT_EQ(Evaluate("i,i->", {half, half}).dtype(), DType::kFloat16);
}

TEST(Einsum, RefusesWhatIsNoEquation) {
  const auto message = [](const std::string& equation, const std::string& part,
                          std::vector<Tensor> operands) {
    EXPECT_THAT([&] { Evaluate(equation, operands); },
                ThrowsMessage<Error>(HasSubstr(part)));
  };
  message("i1->i", "unexpected '1'", {kSquare});
  message("ij->i->j", "unexpected '-'", {kSquare});
  message("i.j", "unexpected '.'", {kSquare});
  message("......", "two ellipses", {kSquare});
  message("ij,jk", "2 terms for 1 operands", {kSquare});
  message("ijk", "term 'ijk' does not suit an operand of rank 2", {kSquare});
  message("ij->ik", "'k' of the result is in no operand", {kSquare});
  message("ij->ii", "'i' of the result occurs twice", {kSquare});
  message("ij,jk", "of the same label", {Ramp({2, 2}), Ramp({3, 2})});
}

TEST(Einsum, SymbolicSizesPass) {
  Graph graph;
  const ValueId x = graph.AddInput(
      "x", DType::kFloat32, Shape({Dim::Symbol("N"), Dim::Symbol("T"), 8}));
  const ValueId y =
      graph.AddInput("y", DType::kFloat32, Shape({Dim::Symbol("N"), 5, 8}));
  const ValueId z = graph.Emit("Einsum", {x, y}, "z",
                               {{"equation", std::string("nid,njd->nij")}});
  graph.AddOutput(z);
  InferShapes(graph);
  EXPECT_EQ(graph.value(z).shape.ToString(), "[N,T,5]");
}

TEST(Einsum, AConstantOperandIsAWeightPerOutputChannel) {
  const Graph graph = GraphOf(Examples_einsum()[6]);
  const Target target;
  const QuantSpec spec = FindOp("Einsum")->quantize(
      {graph, graph.node(graph.order().front()), target});
  EXPECT_EQ(spec.inputs[0].role, Role::kActivation);
  EXPECT_EQ(spec.inputs[1].role, Role::kWeight);
  EXPECT_EQ(spec.inputs[1].axis, 2);
  EXPECT_EQ(spec.inputs[1].reduce_axis, 0);
}

}  // namespace
}  // namespace squint
