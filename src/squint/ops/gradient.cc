#include "squint/ops/gradient.h"

#include <map>
#include <string_view>
#include <utility>

#include "squint/ops/broadcast.h"

namespace squint {

#define SQUINT_GRADIENT(domain, type, function) void function(GradientContext&);
#include "squint/ops/gradient_list.inc"
#undef SQUINT_GRADIENT

Gradient FindGradient(const Node& node) {
  using Key = std::pair<std::string_view, std::string_view>;
  static const std::map<Key, Gradient> gradients = {
#define SQUINT_GRADIENT(domain, type, function) {{domain, type}, function},
#include "squint/ops/gradient_list.inc"
#undef SQUINT_GRADIENT
  };
  const auto it = gradients.find({node.domain, node.op_type});
  return it == gradients.end() ? nullptr : it->second;
}

Tensor SumTo(const Tensor& gradient, const Dims& dims) {
  if (gradient.dims() == dims) return gradient;
  Tensor sum(DType::kFloat32, dims);
  float* to = sum.mutable_data<float>();
  const float* from = gradient.data<float>();
  ForEachBroadcastRow<1>(
      gradient.dims(), {&dims}, [&](const BroadcastRow<1>& row) {
        for (int64_t i = 0; i < row.length; ++i) {
          to[row.offset[0] + i * row.stride[0]] += from[row.out + i];
        }
      });
  return sum;
}

void Accumulate(Tensor& to, Tensor from) {
  if (to.empty()) {
    to = std::move(from);
    return;
  }
  Tensor sum(DType::kFloat32, to.dims());
  const float* a = to.data<float>();
  const float* b = from.data<float>();
  float* out = sum.mutable_data<float>();
  for (int64_t i = 0; i < sum.size(); ++i) out[i] = a[i] + b[i];
  to = std::move(sum);
}

}  // namespace squint
