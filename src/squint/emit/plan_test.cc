#include "squint/emit/plan.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "squint/base/error.h"
#include "squint/emit/emit.h"
#include "squint/fixed/lower.h"
#include "squint/ops/infer.h"

namespace squint {
namespace {

// Two branches of unequal size that are added: wide ones first would be dear.
Graph Branches() {
  Graph graph;
  graph.opset[""] = 25;
  const ValueId x =
      graph.AddInput("x", DType::kFloat32, Shape::Of({1, 4, 8, 8}));
  const auto pool = [&](ValueId from) {
    return graph.Emit("MaxPool", {from}, "small",
                      {{"kernel_shape", std::vector<int64_t>{8, 8}}});
  };
  const ValueId a = graph.Emit("Add", {x, x}, "a");
  const ValueId b = graph.Emit("Mul", {x, x}, "b");
  const ValueId small_a = pool(a);
  const ValueId small_b = pool(b);
  const ValueId sum = graph.Emit("Add", {small_a, small_b}, "sum");
  graph.AddOutput(graph.Emit("Flatten", {sum}, "flat"));
  InferShapes(graph);
  for (ValueId id = 0; id < graph.num_values(); ++id) {
    graph.value(id).quant = PerTensor(DType::kInt8, 0.05f, 3);
  }
  return graph;
}

FixedNetwork NetworkOf(const Graph& graph) {
  return MakeNetwork(LowerToFixed(graph), {{1, 4, 8, 8}});
}

TEST(PlanMemory, FinishesABranchBeforeTheNext) {
  const FixedNetwork network = NetworkOf(Branches());
  const MemoryPlan plan = PlanMemory(network);
  VerifyPlan(network, plan);
  // One wide value, and what is small beside it.
  EXPECT_LE(plan.arena_bytes, 256 + 16);
  EXPECT_GE(plan.arena_bytes, plan.lower_bound);
}

TEST(PlanMemory, IsTheSameEachTime) {
  const FixedNetwork network = NetworkOf(Branches());
  EXPECT_EQ(PlanMemory(network).order, PlanMemory(network).order);
}

TEST(VerifyPlan, FindsWhatIsOverwritten) {
  const FixedNetwork network = NetworkOf(Branches());
  MemoryPlan plan = PlanMemory(network);
  for (auto& [id, place] : plan.places) place.offset = 0;
  EXPECT_THROW(VerifyPlan(network, plan), Error);
}

TEST(VerifyPlan, FindsWhatIsReadBeforeItIsMade) {
  const FixedNetwork network = NetworkOf(Branches());
  MemoryPlan plan = PlanMemory(network);
  std::ranges::reverse(plan.order);
  EXPECT_THROW(VerifyPlan(network, plan), Error);
}

TEST(VerifyPlan, FindsAnArenaThatIsTooSmall) {
  const FixedNetwork network = NetworkOf(Branches());
  MemoryPlan plan = PlanMemory(network);
  plan.arena_bytes -= 4;
  EXPECT_THROW(VerifyPlan(network, plan), Error);
}

TEST(EmitC, SaysWhatCannotBeWritten) {
  Graph graph = Branches();
  graph.value(graph.outputs()[0]).quant.reset();
  try {
    NetworkOf(graph);
    FAIL() << "a float result was taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
    EXPECT_NE(error.message().find("Flatten"), std::string::npos);
  }
}

TEST(EmitC, RefusesNamesThatAreNoIdentifiers) {
  const FixedNetwork network = NetworkOf(Branches());
  EXPECT_THROW(EmitC(network, {.name = "no-name", .source = ""}), Error);
}

TEST(EmitC, GivesTheSameTextEachTime) {
  const FixedNetwork network = NetworkOf(Branches());
  EXPECT_EQ(EmitC(network, {}).files, EmitC(network, {}).files);
}

}  // namespace
}  // namespace squint
