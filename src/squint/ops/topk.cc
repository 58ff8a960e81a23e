// TopK: the k largest or smallest elements along an axis, and their places.
#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

#include "squint/ops/element_types.h"
#include "squint/ops/lines.h"
#include "squint/ops/op.h"
#include "squint/ops/quant_rules.h"

namespace squint {
namespace {

int AxisOf(const Node& node, int rank) {
  if (rank == 0) Fail(ErrorCode::kInvalidModel, "the input is a scalar");
  return NormalizeAxis(node.Int("axis", -1), rank);
}

// Where k and the size of the axis are known, k must fit.
void CheckK(const Dim& k, const Dim& size) {
  if (!k.value()) return;
  if (*k.value() < 0 || (size.value() && *k.value() > *size.value())) {
    Fail(ErrorCode::kInvalidModel, "k is {} on an axis of {} elements",
         *k.value(), size.ToString());
  }
}

void InferTopK(InferContext& context) {
  const Shape& in = context.shape(0);
  Shape out;
  if (in.has_rank()) {
    const auto axis = static_cast<size_t>(AxisOf(context.node(), in.rank()));
    const DimTensor* k = context.dim_tensor(1);
    DimList dims = in.dims();
    dims[axis] = k != nullptr && k->elements.size() == 1 ? k->elements[0]
                                                         : Dim::Unknown();
    CheckK(dims[axis], in.dims()[axis]);
    out = Shape(std::move(dims));
  }
  context.SetOutput(0, context.dtype(0), out);
  context.SetOutput(1, DType::kInt64, out);
}

// Whether a comes before b: larger (or smaller) first; NaN counts as larger
// than every number, so that the order is one.
template <typename T>
bool ComesBefore(T a, T b, bool largest) {
  if (a != a || b != b) return largest ? a != a && b == b : a == a && b != b;
  return largest ? a > b : a < b;
}

template <typename T>
void TopKOf(const Tensor& x, int axis, int64_t k, bool largest, Tensor& values,
            Tensor& indices) {
  const T* in = x.data<T>();
  std::vector<int64_t> places;
  ForEachLine(x.dims(), axis,
              [&](int64_t first, int64_t stride, int64_t count) {
                places.resize(static_cast<size_t>(count));
                std::iota(places.begin(), places.end(), 0);
                std::partial_sort(places.begin(), places.begin() + k,
                                  places.end(), [&](int64_t i, int64_t j) {
                                    const T a = in[first + i * stride];
                                    const T b = in[first + j * stride];
                                    if (ComesBefore(a, b, largest)) return true;
                                    return !ComesBefore(b, a, largest) && i < j;
                                  });
                // The same line of the results, whose axis has k elements.
                const int64_t outer = first / (stride * count);
                const int64_t to = outer * stride * k + first % stride;
                for (int64_t i = 0; i < k; ++i) {
                  const int64_t place = places[static_cast<size_t>(i)];
                  values.mutable_data<T>()[to + i * stride] =
                      in[first + place * stride];
                  indices.mutable_data<int64_t>()[to + i * stride] = place;
                }
              });
}

void RunTopK(RunContext& context) {
  const DType dtype = context.in(0).dtype();
  const Tensor x = InComputeType(context.in(0));
  const int axis = AxisOf(context.node, x.rank());
  const std::vector<int64_t> k = context.in(1).ToInts();
  if (k.size() != 1) {
    Fail(ErrorCode::kInvalidModel, "k has {} elements, expected one", k.size());
  }
  CheckK(k[0], x.dim(axis));
  Dims dims = x.dims();
  dims[static_cast<size_t>(axis)] = k[0];
  Tensor values(x.dtype(), dims);
  Tensor indices(DType::kInt64, dims);
  const bool largest = context.node.Int("largest", 1) != 0;
  WithArithmeticType(x.dtype(), [&](auto type) {
    TopKOf<decltype(type)>(x, axis, k[0], largest, values, indices);
  });
  context.outputs[0] = FromComputeType(std::move(values), dtype);
  if (context.outputs.size() > 1) context.outputs[1] = std::move(indices);
}

// Until opset 9 k was an attribute, and the largest were meant.
void UpgradeTopK(UpgradeContext& context) {
  if (context.from >= 10) return;
  if (context.node().FindAttribute("k") == nullptr) {
    Fail(ErrorCode::kInvalidModel, "attribute k is missing");
  }
  const int64_t k = context.node().Int("k", 0);
  context.node().attributes.erase("k");
  context.graph.ReplaceInput(
      context.node_id, 1,
      context.graph.AddConstant(fmt::format("{}_k", context.node().name),
                                Tensor::Of<int64_t>({1}, {k})));
}

}  // namespace

extern constinit const OpDef kTopKOp = {
    .type = "TopK",
    .since = 11,
    .infer = InferTopK,
    .reference = RunTopK,
    .integer_reference = IntegerSelection<RunTopK>,
    .quantize = SelectionRule,
    .upgrade = UpgradeTopK,
};

}  // namespace squint
