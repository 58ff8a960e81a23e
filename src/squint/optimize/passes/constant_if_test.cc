#include "squint/ops/control_flow_examples.h"
#include "squint/optimize/passes/pass_testing.h"

namespace squint {
namespace {

class ConstantIfTest : public PassTest {
 protected:
  // y = condition ? relu(x) : x, both branches capture x.
  ValueId Choose(ValueId condition, ValueId x) {
    Graph relu = EmptyGraph("relu");
    relu.AddOutput(relu.Emit("Relu", {relu.AddCapture("x")}, "inner"));
    Graph same = EmptyGraph("same");
    same.AddOutput(same.AddCapture("x"));
    const NodeId node =
        AddBodyNode(graph, "If", {condition}, {"y"},
                    {{"then_branch", GraphBox(std::move(relu))},
                     {"else_branch", GraphBox(std::move(same))}},
                    {x, x});
    return graph.node(node).output();
  }
  ValueId Truth(bool value) {
    return graph.AddConstant("truth", Tensor::Scalar<bool>(value));
  }
};

TEST_F(ConstantIfTest, BecomesTheBranchThatIsTaken) {
  Output(Choose(Truth(true), Input("x", {4})));
  EXPECT_EQ(RunPass("constant-if").changes, 1);
  EXPECT_EQ(NodeCount(), 1);
  EXPECT_EQ(graph.node(graph.order()[0]).op_type, "Relu");
}

TEST_F(ConstantIfTest, HandsThroughWhatItsBranchHandsThrough) {
  Output(Choose(Truth(false), Input("x", {4})));
  EXPECT_EQ(RunPass("constant-if").changes, 1);
  EXPECT_EQ(Count("Identity"), 1);
}

TEST_F(ConstantIfTest, BringsNestedGraphsWithTheirCapturesAlong) {
  const ValueId x = Input("x", {4});
  const ValueId inner_condition =
      graph.AddInput("c", DType::kBool, Shape::Of({}));
  Graph branch = EmptyGraph("branch");
  const ValueId c = branch.AddCapture("c");
  const ValueId inner_x = branch.AddCapture("x");
  Graph leaf = EmptyGraph("leaf");
  leaf.AddOutput(leaf.Emit("Relu", {leaf.AddCapture("x")}, "leaf_out"));
  const NodeId inner = AddBodyNode(
      branch, "If", {c}, {"inner_y"},
      {{"then_branch", GraphBox(leaf)}, {"else_branch", GraphBox(leaf)}},
      {inner_x, inner_x});
  branch.AddOutput(branch.node(inner).output());
  const NodeId outer = AddBodyNode(
      graph, "If", {Truth(true)}, {"y"},
      {{"then_branch", GraphBox(branch)}, {"else_branch", GraphBox(branch)}},
      {inner_condition, x, inner_condition, x});
  Output(graph.node(outer).output());
  EXPECT_EQ(RunPass("constant-if").changes, 1);
  EXPECT_EQ(Only("If").input(0), inner_condition);
  EXPECT_EQ(Only("If").captures, (std::vector<ValueId>{x, x}));
}

TEST_F(ConstantIfTest, LeavesAConditionThatIsComputed) {
  const ValueId x = Input("x", {4});
  Output(Choose(graph.AddInput("c", DType::kBool, Shape::Of({})), x));
  EXPECT_EQ(RunPass("constant-if").changes, 0);
  EXPECT_EQ(Count("If"), 1);
}

}  // namespace
}  // namespace squint
