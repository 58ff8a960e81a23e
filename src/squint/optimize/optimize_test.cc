#include "squint/optimize/optimize.h"

#include <set>

#include "squint/base/error.h"
#include "squint/optimize/passes/pass_testing.h"

namespace squint {
namespace {

using testing::HasSubstr;

class OptimizeTest : public PassTest {};

TEST_F(OptimizeTest, EveryPassHasANameASummaryAndAFunction) {
  std::set<std::string_view> names;
  for (const PassDef* pass : AllPasses()) {
    EXPECT_TRUE(names.insert(pass->name).second) << pass->name;
    EXPECT_FALSE(pass->summary.empty()) << pass->name;
    EXPECT_NE(pass->run, nullptr) << pass->name;
    EXPECT_EQ(FindPass(pass->name), pass);
  }
  EXPECT_EQ(FindPass("no-such-pass"), nullptr);
}

TEST_F(OptimizeTest, UnknownPassToDisableIsAnErrorThatListsThePasses) {
  try {
    Optimize(graph, {.disabled = {"fold-constant"}});
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(error.message(), HasSubstr("'fold-constant'"));
    EXPECT_THAT(error.message(), HasSubstr("fold-constants"));
    EXPECT_THAT(error.message(), HasSubstr("dead-code"));
  }
}

TEST_F(OptimizeTest, DisabledPassDoesNothingAndReportsNothing) {
  const ValueId x = Input("x", {2});
  Output(Node("Relu", {Node("Identity", {x}, "same")}, "y"));
  for (const PassReport& report : Optimize(graph, {.disabled = {"identity"}})) {
    EXPECT_EQ(report.changes, 0) << report.name;
  }
  EXPECT_EQ(Count("Identity"), 1);
}

TEST_F(OptimizeTest, ReportsSayWhatWasDoneAndCountIt) {
  const ValueId x = Input("x", {1, 2, 3, 3});
  const ValueId conv = Node("Conv", {x, Random("w", {4, 2, 1, 1})}, "conv1");
  Output(BatchNormalization(conv, 4, "bn1"));
  for (const PassReport& report : RunAll()) {
    EXPECT_EQ(report.changes, static_cast<int>(report.lines.size()));
    if (report.name != "scale-shift") continue;
    EXPECT_THAT(report.lines, testing::ElementsAre("bn1 into conv1"));
  }
}

TEST_F(OptimizeTest, CancelStopsBetweenPasses) {
  const std::atomic<bool> cancel = true;
  Context context;
  context.cancel = &cancel;
  EXPECT_THROW(Optimize(graph, {}, context), Error);
}

TEST_F(OptimizeTest, NestedGraphsAreOptimizedAndKeepTheirCaptures) {
  const ValueId x = Input("x", {2});
  const ValueId condition =
      graph.AddInput("condition", DType::kBool, Shape::Of({}));
  Graph branch;
  const ValueId outer = branch.AddCapture("outer");
  const ValueId copy = branch.Emit("Identity", {outer}, "copy");
  branch.AddOutput(branch.Emit("Relu", {copy}, "result"));
  squint::Node choice;
  choice.op_type = "If";
  choice.inputs = {condition};
  const ValueId y = graph.AddValue("y", DType::kFloat32, Shape::Of({2}));
  choice.outputs = {y};
  choice.captures = {x, x};
  choice.attributes["else_branch"] = GraphBox(branch);
  choice.attributes["then_branch"] = GraphBox(branch);
  graph.AddNode(choice);
  Output(y);
  Optimize(graph);
  const auto& box =
      std::get<GraphBox>(*graph.node(0).FindAttribute("then_branch"));
  EXPECT_EQ(box->order().size(), 1u);
  EXPECT_EQ(box->captures().size(), 1u);
}

}  // namespace
}  // namespace squint
