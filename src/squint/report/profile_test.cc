#include "squint/report/profile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <set>

#include "squint/ops/control_flow_examples.h"
#include "squint/ops/infer.h"

namespace squint {
namespace {

using testing::DoubleEq;
using testing::ElementsAre;

const Peaks kPeaks = {100, 400, 1000};

// x[1,2,4,4] -> Conv -> Relu -> Flatten -> Gemm -> Softmax.
std::shared_ptr<const Graph> SmallNetwork() {
  Graph graph;
  const ValueId x =
      graph.AddInput("x", DType::kFloat32, Shape::Of({1, 2, 4, 4}));
  const ValueId w =
      graph.AddConstant("w", Tensor(DType::kFloat32, {3, 2, 1, 1}));
  const ValueId c = graph.Emit("Conv", {x, w}, "c");
  const ValueId r = graph.Emit("Relu", {c}, "r");
  const ValueId f = graph.Emit("Flatten", {r}, "f");
  const ValueId v = graph.AddConstant("v", Tensor(DType::kFloat32, {48, 5}));
  const ValueId g = graph.Emit("Gemm", {f, v}, "g");
  graph.AddOutput(graph.Emit("Softmax", {g}, "y"));
  InferShapes(graph);
  return std::make_shared<const Graph>(std::move(graph));
}

std::vector<std::string> TypesOf(const std::vector<ProfileRow>& rows) {
  std::vector<std::string> types;
  for (const ProfileRow& row : rows) types.push_back(row.op_type);
  return types;
}

double SumOfShares(const std::vector<ProfileRow>& rows) {
  return std::accumulate(
      rows.begin(), rows.end(), 0.0,
      [](double sum, const ProfileRow& row) { return sum + row.share; });
}

TEST(Profile, HasEveryExecutedNodeAndSharesThatAddUp) {
  Runner runner(SmallNetwork(), RunMode::kExecutor, {});
  const std::vector<Tensor> inputs = {Tensor(DType::kFloat32, {1, 2, 4, 4})};
  const Profile profile = ProfileRuns(runner, inputs, 0, kPeaks);
  EXPECT_EQ(profile.runs, 3);
  EXPECT_GE(profile.arena.lower_bound, 48 * sizeof(float));
  EXPECT_GE(profile.arena.bytes, profile.arena.lower_bound);
  EXPECT_THAT(
      TypesOf(profile.rows),
      testing::UnorderedElementsAre("Conv+Relu", "Flatten", "Gemm", "Softmax"));
  EXPECT_NEAR(SumOfShares(profile.rows), 1.0, 1e-12);
  EXPECT_NEAR(SumOfShares(profile.totals), 1.0, 1e-12);
  for (size_t i = 1; i < profile.rows.size(); ++i) {
    EXPECT_GE(profile.rows[i - 1].seconds, profile.rows[i].seconds);
  }
  for (const ProfileRow& row : profile.rows) {
    if (row.op_type == "Gemm") {
      EXPECT_EQ(row.macs, 48 * 5);
      EXPECT_EQ(row.shape, "[1,5]");
      EXPECT_EQ(row.bytes, 4 * (48 + 48 * 5 + 5));
    }
    if (row.op_type == "Conv+Relu") {
      EXPECT_EQ(row.macs, 3 * 16 * 2);
      EXPECT_EQ(row.shape, "[1,3,4,4]");
    }
  }
}

TEST(Profile, HasEveryNodeOfNestedGraphsThatRan) {
  Graph graph = ControlFlowNetwork();
  InferShapes(graph);
  const auto shared = std::make_shared<const Graph>(std::move(graph));
  std::set<std::string> outer;
  for (const NodeId id : shared->order()) {
    outer.insert(shared->node(id).op_type);
  }
  Runner runner(shared, RunMode::kExecutor, {});
  const Profile profile = ProfileRuns(
      runner, {Tensor(DType::kFloat32, {4, kRows, kWidth})}, 0, kPeaks);
  std::set<std::string> seen;
  for (const std::string& type : TypesOf(profile.rows)) {
    for (size_t begin = 0; begin < type.size();) {
      const size_t end = std::min(type.find('+', begin), type.size());
      seen.insert(type.substr(begin, end - begin));
      begin = end + 1;
    }
  }
  EXPECT_TRUE(std::ranges::includes(seen, outer));
  EXPECT_TRUE(seen.contains("Loop"));
  EXPECT_GT(profile.rows.size(), shared->order().size());
  EXPECT_NEAR(SumOfShares(profile.rows), 1.0, 1e-12);
}

// A graph whose node 0 is around what node 1 stands for.
class ProfilerTest : public testing::Test {
 protected:
  ProfilerTest() {
    const ValueId x = graph_.AddInput("x", DType::kFloat32, Shape::Of({2, 8}));
    const ValueId y = graph_.AddInput("y", DType::kFloat32, Shape::Of({8, 4}));
    graph_.Emit("Loop", {x}, "a");
    graph_.Emit("MatMul", {x, y}, "b");
  }
  void Ran(NodeId node, double seconds, int depth) {
    StepEvent event{
        .graph = graph_, .node = node, .depth = depth, .seconds = seconds};
    if (node == 1) {
      event.inputs = {{DType::kInt8, {2, 8}}, {DType::kInt8, {8, 4}}};
      event.outputs = {{DType::kInt8, {2, 4}}};
    }
    profiler_.Add(event);
  }
  Graph graph_;
  Profiler profiler_;
};

TEST_F(ProfilerTest, CountsNestedNodesByThemselvesAndEveryTrip) {
  for (int run = 0; run < 3; ++run) {
    Ran(1, 3, 1);
    Ran(1, 4, 1);
    Ran(0, 10, 0);
    profiler_.EndRun();
  }
  const auto rows = profiler_.Rows(kPeaks);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].name, "b");
  EXPECT_EQ(rows[0].seconds, 7);
  EXPECT_EQ(rows[0].macs, 2 * (2 * 8 * 4));
  EXPECT_EQ(rows[1].seconds, 3);
  EXPECT_THAT(rows[0].share, DoubleEq(0.7));
}

TEST_F(ProfilerTest, TakesTheMedianOfRunsAndZeroWhereANodeDidNotRun) {
  Ran(1, 5, 0);
  profiler_.EndRun();
  Ran(1, 1, 0);
  Ran(0, 1, 0);
  profiler_.EndRun();
  Ran(1, 2, 0);
  profiler_.EndRun();
  const auto rows = profiler_.Rows(kPeaks);
  EXPECT_EQ(rows[0].seconds, 2);
  EXPECT_EQ(rows[1].seconds, 0);
}

TEST_F(ProfilerTest, MeasuresAgainstThePeakOfTheArithmeticInUse) {
  Ran(1, 2, 0);
  profiler_.EndRun();
  const auto rows = profiler_.Rows(kPeaks);
  // 64 MACs at 400 a second, 56 bytes at 1000.
  EXPECT_TRUE(rows[0].integer);
  EXPECT_THAT(rows[0].peak_share, DoubleEq(64.0 / 400 / 2));
  EXPECT_TRUE(rows[0].compute_bound);
  EXPECT_THAT(rows[0].roof_share, DoubleEq(64.0 / 400 / 2));
  const auto slow_memory = profiler_.Rows({100, 400, 10});
  EXPECT_FALSE(slow_memory[0].compute_bound);
  EXPECT_THAT(slow_memory[0].roof_share, DoubleEq(5.6 / 2));
  EXPECT_EQ(profiler_.Rows({})[0].peak_share, 0);
}

TEST_F(ProfilerTest, AddsUpOperatorsOfOneArithmetic) {
  Ran(1, 2, 0);
  profiler_.EndRun();
  auto rows = profiler_.Rows(kPeaks);
  rows.push_back(rows[0]);
  rows.push_back(rows[0]);
  rows.back().integer = false;
  const auto totals = TotalsByOperator(rows, kPeaks);
  ASSERT_EQ(totals.size(), 2u);
  EXPECT_EQ(totals[0].nodes, 2);
  EXPECT_EQ(totals[0].seconds, 4);
  EXPECT_EQ(totals[0].macs, 128);
  EXPECT_THAT(totals[0].peak_share, DoubleEq(64.0 / 400 / 2));
}

}  // namespace
}  // namespace squint
