// Attention scores stay float between the product that makes them and the
// Softmax's result. What is
// added there is a mask: 0 or a number so large that a range with both would
// leave no step for the scores, and calibration samples without padding do
// not even show it. Softmax itself is no slower in float.
//
// The product of the probabilities with the values stays float as well:
// probabilities are many and small, and 256 steps of [0, 1] lose the tail of
// every row. It is a small part of the multiplications while sequences are
// short against the width. Targets that want all in integers keep it.
#include <vector>

#include "squint/quantize/method.h"

namespace squint {
namespace {

constexpr const char* kReason =
    "attention scores: they may spread over more than 8 bits hold, with a "
    "mask above all";
constexpr const char* kProductReason =
    "attention: most probabilities are below the steps of 8 bits";

bool IsScoreArithmetic(const Node& node) {
  return node.Is("Add") || node.Is("Sub") || node.Is("Mul") || node.Is("Div") ||
         node.Is("Where");
}

// The products that read `id` as their left side.
std::vector<NodeId> ProductsOf(const Graph& graph, const UseMap& uses,
                               ValueId id) {
  std::vector<NodeId> products;
  for (const Use& use : uses.of(id)) {
    if (use.node != kNoNode && use.index == 0 &&
        graph.node(use.node).Is("MatMul")) {
      products.push_back(use.node);
    }
  }
  return products;
}

// The arithmetic that leads to `id`, up to products and anything else.
void KeepBack(const Graph& graph, ValueId id, FloatRequests& requests) {
  const NodeId producer = graph.value(id).producer;
  if (producer == kNoNode || !IsScoreArithmetic(graph.node(producer)) ||
      !requests.emplace(producer, kReason).second) {
    return;
  }
  for (const ValueId input : graph.node(producer).inputs) {
    if (input != kNoValue) KeepBack(graph, input, requests);
  }
}

void KeepScores(const MethodContext& context, FloatRequests& requests) {
  const Graph& graph = context.original;
  const UseMap uses(graph);
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    if (!node.Is("Softmax")) continue;
    const auto products = ProductsOf(graph, uses, node.output());
    if (products.empty()) continue;
    requests.emplace(id, kReason);
    for (const NodeId product : products) {
      if (context.target.all_integer) break;
      requests.emplace(product, kProductReason);
    }
    KeepBack(graph, node.input(0), requests);
  }
}

}  // namespace

extern constinit const MethodDef kAttentionScoresMethod = {
    .name = "attention-scores",
    .summary =
        "keeps masked attention scores, their Softmax and the product "
        "with the values float",
    .source = "Kim et al. 2021, arXiv:2101.01321, on why Softmax is hard",
    .needs_calibration = false,
    .select = KeepScores,
};

}  // namespace squint
