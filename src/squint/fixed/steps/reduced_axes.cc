#include "squint/fixed/steps/reduced_axes.h"

#include <algorithm>

#include "squint/ops/op.h"

namespace squint {
namespace {

squint_reduced ReducedAxes(const Dims& dims, size_t begin, size_t end) {
  const auto count = [&](size_t from, size_t to) {
    return Size(ElementCount(Dims(dims.begin() + static_cast<int64_t>(from),
                                  dims.begin() + static_cast<int64_t>(to))));
  };
  return {count(0, begin), count(begin, end), count(end, dims.size())};
}

}  // namespace

squint_reduced WholeImages(const FixedOperation& operation) {
  const Dims& dims = operation.inputs[0].dims;
  return operation.channels_last ? ReducedAxes(dims, 1, dims.size() - 1)
                                 : ReducedAxes(dims, 2, dims.size());
}

squint_reduced ListedAxes(const FixedOperation& operation) {
  const Dims& dims = operation.inputs[0].dims;
  const int rank = static_cast<int>(dims.size());
  std::vector<int64_t> axes = operation.node.Ints("axes");
  if (operation.has(1)) {
    Require(operation.inputs[1].constant != nullptr, "its axes are computed");
    axes = operation.inputs[1].constant->ToInts();
  }
  if (axes.empty()) {
    Require(operation.node.Int("noop_with_empty_axes", 0) == 0,
            "it reduces no axis");
    return ReducedAxes(dims, 0, dims.size());
  }
  for (int64_t& axis : axes) axis = NormalizeAxis(axis, rank);
  std::ranges::sort(axes);
  for (size_t i = 1; i < axes.size(); ++i) {
    Require(axes[i] == axes[i - 1] + 1, "its axes are no neighbours");
  }
  return ReducedAxes(dims, static_cast<size_t>(axes.front()),
                     static_cast<size_t>(axes.back()) + 1);
}

}  // namespace squint
