#include "squint/runtime/bf16_products.h"

#include <string>

#include "squint/ops/products.h"

namespace squint {

void UseBf16Products(Graph& whole) {
  ForEachGraph(whole, [](Graph& graph) {
    for (const NodeId id : graph.order()) {
      Node& node = graph.node(id);
      if (node.Is("MatMul") || node.Is("Gemm") || node.Is("Conv")) {
        node.attributes[std::string(kProductsAttribute)] =
            std::string(kBf16Products);
      }
    }
  });
}

}  // namespace squint
