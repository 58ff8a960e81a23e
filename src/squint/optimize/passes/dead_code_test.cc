#include "squint/optimize/passes/pass_testing.h"

namespace squint {
namespace {

class DeadCodeTest : public PassTest {};

TEST_F(DeadCodeTest, DropsAWholeUnreadChain) {
  const ValueId x = Input("x", {3});
  Output(Node("Relu", {x}, "y"));
  Node("Relu", {Node("Sigmoid", {x}, "unread1")}, "unread2");
  EXPECT_EQ(RunPass("dead-code").changes, 2);
  EXPECT_EQ(NodeCount(), 1);
}

TEST_F(DeadCodeTest, KeepsWhatAGraphOutputNeeds) {
  const ValueId x = Input("x", {3});
  const ValueId middle = Node("Relu", {x}, "middle");
  Output(middle);
  Output(Node("Sigmoid", {middle}, "y"));
  EXPECT_EQ(RunPass("dead-code").changes, 0);
  EXPECT_EQ(NodeCount(), 2);
}

TEST_F(DeadCodeTest, DropsUnreadIndicesOfMaxPoolButKeepsReadOnes) {
  const ValueId x = Input("x", {1, 1, 4, 4});
  for (const char* name : {"unread", "read"}) {
    const ValueId y = Node("MaxPool", {x}, name,
                           {{"kernel_shape", std::vector<int64_t>{2, 2}},
                            {"strides", std::vector<int64_t>{2, 2}}});
    const ValueId indices = graph.AddValue(
        std::string(name) + "_indices", DType::kInt64, Shape::Of({1, 1, 2, 2}));
    graph.SetProducer(indices, graph.value(y).producer, 1);
    Output(y);
    if (std::string_view(name) == "read") Output(indices);
  }
  Optimize(graph);
  EXPECT_EQ(graph.node(graph.value(graph.FindValue("unread")).producer)
                .outputs.size(),
            1u);
  EXPECT_EQ(
      graph.node(graph.value(graph.FindValue("read")).producer).outputs.size(),
      2u);
}

}  // namespace
}  // namespace squint
