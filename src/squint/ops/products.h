// How a node of float products wants them made: an attribute that only runs
// know, and no file.
#ifndef SQUINT_OPS_PRODUCTS_H_
#define SQUINT_OPS_PRODUCTS_H_

#include <string_view>

#include "squint/graph/graph.h"
#include "squint/kernels/gemm/gemm.h"

namespace squint {

inline constexpr std::string_view kProductsAttribute = "squint_products";
inline constexpr std::string_view kBf16Products = "bf16";

inline Products ProductsOf(const Node& node) {
  return node.String(kProductsAttribute, "") == kBf16Products
             ? Products::kBf16
             : Products::kFloat32;
}

}  // namespace squint

#endif  // SQUINT_OPS_PRODUCTS_H_
