// CumSum: running sums along one axis.
#include <type_traits>
#include <utility>

#include "squint/ops/element_types.h"
#include "squint/ops/lines.h"
#include "squint/ops/op.h"
#include "squint/ops/quant_rules.h"

namespace squint {
namespace {

// The axis is an input of one element.
int AxisOf(const std::vector<int64_t>& axis, int rank) {
  if (axis.size() != 1) {
    Fail(ErrorCode::kInvalidModel, "the axis has {} elements, expected one",
         axis.size());
  }
  return NormalizeAxis(axis[0], rank);
}

void InferCumSum(InferContext& context) {
  const auto axis = context.ints(1);
  if (axis && context.shape(0).has_rank()) {
    AxisOf(*axis, context.shape(0).rank());
  }
  context.SameAsInput();
}

// Floats are summed in double, integers wrap.
template <typename T>
void SumLine(const T* in, int64_t stride, int64_t count, bool exclusive,
             T* out) {
  using Sum = std::conditional_t<std::is_integral_v<T>, T, double>;
  Sum sum{};
  for (int64_t i = 0; i < count; ++i) {
    const Sum next = WrapAdd(sum, static_cast<Sum>(in[i * stride]));
    out[i * stride] = static_cast<T>(exclusive ? sum : next);
    sum = next;
  }
}

void RunCumSum(RunContext& context) {
  const DType dtype = context.in(0).dtype();
  const Tensor x = InComputeType(context.in(0));
  const int axis = AxisOf(context.in(1).ToInts(), x.rank());
  const bool exclusive = context.node.Int("exclusive", 0) != 0;
  const bool reverse = context.node.Int("reverse", 0) != 0;
  Tensor y(x.dtype(), x.dims());
  WithArithmeticType(x.dtype(), [&](auto type) {
    using T = decltype(type);
    const T* in = x.data<T>();
    T* out = y.mutable_data<T>();
    ForEachLine(x.dims(), axis,
                [&](int64_t first, int64_t stride, int64_t count) {
                  if (reverse) {
                    first += (count - 1) * stride;
                    stride = -stride;
                  }
                  SumLine(in + first, stride, count, exclusive, out + first);
                });
  });
  context.outputs[0] = FromComputeType(std::move(y), dtype);
}

QuantSpec CumSumRule(const QuantizeQuery& query) {
  if (auto spec = FloatUnlessReal(query)) return *spec;
  return QuantSpec::Float(
      "its sums grow along the axis, too wide a range for one 8-bit scale");
}

}  // namespace

extern constinit const OpDef kCumSumOp = {
    .type = "CumSum",
    .since = 11,
    .infer = InferCumSum,
    .reference = RunCumSum,
    .quantize = CumSumRule,
};

}  // namespace squint
