#include "squint/ops/control_flow_examples.h"
#include "squint/optimize/passes/pass_testing.h"

namespace squint {
namespace {

class CapturesTest : public PassTest {
 protected:
  const Graph& BodyOf(std::string_view op_type) const {
    return *std::get<GraphBox>(*Only(op_type).FindAttribute("body"));
  }
};

TEST_F(CapturesTest, GiveABodyItsWeights) {
  graph = ControlFlowNetwork();
  symbol_size = 4;
  EXPECT_EQ(RunPass("captures").changes, 1);
  const Graph& cell = BodyOf("Scan");
  EXPECT_TRUE(cell.captures().empty());
  EXPECT_TRUE(cell.value(cell.FindValue("wx")).is_constant());
  EXPECT_EQ(BodyOf("Loop").captures().size(), 1u);
}

TEST_F(CapturesTest, ThatNothingReadsLetTheirProducerGo) {
  graph = ControlFlowNetwork();
  symbol_size = 4;
  for (const NodeId id : graph.order()) {
    if (!graph.node(id).Is("Loop")) continue;
    Graph& body = *std::get<GraphBox>(graph.node(id).attributes["body"]);
    const ValueId offset = body.captures()[0];
    body.ReplaceUses(offset, body.FindValue("v_relu"));
    const ValueId unread = Node("Sigmoid", {graph.FindValue("x")}, "only_read");
    graph.node(id).captures = {unread};
    graph.SortTopologically();
    break;
  }
  RunAll();
  EXPECT_TRUE(Only("Loop").captures.empty());
  EXPECT_EQ(Count("Sigmoid"), 0);
}

TEST_F(CapturesTest, AllPassesTogetherKeepWhatTheNetworkComputes) {
  graph = ControlFlowNetwork();
  symbol_size = 4;
  RunAll();
  EXPECT_TRUE(BodyOf("Scan").captures().empty());
  EXPECT_EQ(Count("If"), 1);
}

}  // namespace
}  // namespace squint
