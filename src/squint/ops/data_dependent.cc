// Operators whose results have as many elements as the data decide: Compress
// picks by a condition, NonZero lists places, Unique drops what it has seen.
#include <algorithm>
#include <functional>
#include <numeric>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "squint/ops/element_types.h"
#include "squint/ops/layout.h"
#include "squint/ops/op.h"
#include "squint/ops/quant_rules.h"

namespace squint {
namespace {

// The axis that is worked along; without one the input is one flat list.
std::optional<int> OptionalAxis(const Node& node, int rank) {
  if (node.FindAttribute("axis") == nullptr) return std::nullopt;
  if (rank == 0) Fail(ErrorCode::kInvalidModel, "the input is a scalar");
  return NormalizeAxis(node.Int("axis", 0), rank);
}

// The input's shape with an unknown size along the axis.
Shape UnknownAlongAxis(const InferContext& context) {
  const Shape& in = context.shape(0);
  if (!in.has_rank()) {
    const bool flat = context.node().FindAttribute("axis") == nullptr;
    return flat ? Shape({Dim::Unknown()}) : Shape();
  }
  const std::optional<int> axis = OptionalAxis(context.node(), in.rank());
  if (!axis) return Shape({Dim::Unknown()});
  DimList dims = in.dims();
  dims[static_cast<size_t>(*axis)] = Dim::Unknown();
  return Shape(std::move(dims));
}

// ---- Compress

void InferCompress(InferContext& context) {
  context.SetOutput(0, context.dtype(0), UnknownAlongAxis(context));
}

void RunCompress(RunContext& context) {
  const std::optional<int> axis =
      OptionalAxis(context.node, context.in(0).rank());
  const Tensor x =
      axis ? context.in(0) : context.in(0).Reshaped({context.in(0).size()});
  const std::vector<int64_t> condition = context.in(1).ToInts();
  AxisMaps maps = IdentityMaps(x.dims());
  auto& map = maps[static_cast<size_t>(axis.value_or(0))];
  std::vector<int64_t> picked;
  for (size_t i = 0; i < condition.size(); ++i) {
    if (condition[i] == 0) continue;
    if (i >= map.size()) {
      Fail(ErrorCode::kInvalidModel,
           "the condition picks number {} of {} elements", i, map.size());
    }
    picked.push_back(map[i]);
  }
  map = std::move(picked);
  context.outputs[0] = CopyByMaps(x, maps);
}

// ---- NonZero

void InferNonZero(InferContext& context) {
  const Shape& in = context.shape(0);
  const Dim rank = in.has_rank() ? Dim(in.rank()) : Dim::Unknown();
  context.SetOutput(0, DType::kInt64, Shape({rank, Dim::Unknown()}));
}

// One column for each element that is not zero, in row-major order.
void RunNonZero(RunContext& context) {
  const Tensor x = context.in(0).CastTo(DType::kFloat64);
  const auto values = x.values<double>();
  std::vector<int64_t> places;
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i] != 0) places.push_back(static_cast<int64_t>(i));
  }
  const auto count = static_cast<int64_t>(places.size());
  Tensor y(DType::kInt64, {x.rank(), count});
  int64_t* out = y.mutable_data<int64_t>();
  const Dims strides = StridesOf(x.dims());
  for (size_t axis = 0; axis < strides.size(); ++axis) {
    for (const int64_t place : places) {
      *out++ = place / strides[axis] % x.dims()[axis];
    }
  }
  context.outputs[0] = std::move(y);
}

QuantSpec NonZeroRule(const QuantizeQuery&) {
  return QuantSpec::Float("gives places, not numbers");
}

// ---- Unique

void InferUnique(InferContext& context) {
  context.SetOutput(0, context.dtype(0), UnknownAlongAxis(context));
  const Shape& in = context.shape(0);
  Dim items = Dim::Unknown();
  if (in.has_rank()) {
    const auto axis = OptionalAxis(context.node(), in.rank());
    items = axis ? in[*axis] : in.count();
  }
  context.SetOutput(1, DType::kInt64, Shape({Dim::Unknown()}));
  context.SetOutput(2, DType::kInt64, Shape({items}));
  context.SetOutput(3, DType::kInt64, Shape({Dim::Unknown()}));
}

// Which of the rows of a matrix are equal.
struct Groups {
  std::vector<int64_t> first;  // per group: the first row of it
  std::vector<int64_t> count;
  std::vector<int64_t> group;  // per row
};

// -1, 0 or 1; NaN is larger than every number and equal to itself.
template <typename T>
int CompareRows(const T* a, const T* b, int64_t width) {
  for (int64_t i = 0; i < width; ++i) {
    const bool a_nan = a[i] != a[i];
    const bool b_nan = b[i] != b[i];
    if (a_nan != b_nan) return a_nan ? 1 : -1;
    if (!a_nan && a[i] != b[i]) return a[i] < b[i] ? -1 : 1;
  }
  return 0;
}

// -1, 0 or 1 for the numbers of two rows. One type for all elements: sorting
// is 3 kB of code.
using RowOrder = std::function<int(int64_t, int64_t)>;

// Groups in the order of their rows, or of their first occurrence.
Groups GroupRows(const RowOrder& compare, int64_t count, bool sorted) {
  std::vector<int64_t> order(static_cast<size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](int64_t a, int64_t b) { return compare(a, b) < 0; });
  // Equal rows stand together, the first one in front.
  std::vector<std::vector<int64_t>> equal;
  for (const int64_t row : order) {
    if (equal.empty() || compare(equal.back().front(), row) != 0) {
      equal.emplace_back();
    }
    equal.back().push_back(row);
  }
  if (!sorted) {
    std::sort(equal.begin(), equal.end(), [](const auto& a, const auto& b) {
      return a.front() < b.front();
    });
  }
  Groups groups;
  groups.group.resize(order.size());
  for (size_t i = 0; i < equal.size(); ++i) {
    groups.first.push_back(equal[i].front());
    groups.count.push_back(static_cast<int64_t>(equal[i].size()));
    for (const int64_t row : equal[i]) {
      groups.group[static_cast<size_t>(row)] = static_cast<int64_t>(i);
    }
  }
  return groups;
}

// x with the rows of GroupRows along axis 0: along its axis, or flat.
Tensor RowsOf(const Tensor& x, std::optional<int> axis) {
  if (!axis) return x.Reshaped({x.size()});
  std::vector<int64_t> perm(x.dims().size());
  std::iota(perm.begin(), perm.end(), 0);
  std::rotate(perm.begin(), perm.begin() + *axis, perm.begin() + *axis + 1);
  return TransposeTensor(x, perm);
}

Groups GroupsOf(const Tensor& rows, bool sorted) {
  const Tensor computable = rows.dtype() == DType::kBool
                                ? rows.CastTo(DType::kUint8)
                                : InComputeType(rows);
  const int64_t width =
      ElementCount(std::span<const int64_t>(rows.dims()).subspan(1));
  Groups groups;
  WithArithmeticType(computable.dtype(), [&](auto type) {
    const auto* data = computable.data<decltype(type)>();
    groups = GroupRows(
        [&](int64_t a, int64_t b) {
          return CompareRows(data + a * width, data + b * width, width);
        },
        rows.dim(0), sorted);
  });
  return groups;
}

void RunUnique(RunContext& context) {
  const Tensor& x = context.in(0);
  const std::optional<int> axis = OptionalAxis(context.node, x.rank());
  const Groups groups =
      GroupsOf(RowsOf(x, axis), context.node.Int("sorted", 1) != 0);
  AxisMaps maps = IdentityMaps(axis ? x.dims() : Dims{x.size()});
  auto& map = maps[static_cast<size_t>(axis.value_or(0))];
  std::vector<int64_t> picked;
  for (const int64_t row : groups.first) {
    picked.push_back(map[static_cast<size_t>(row)]);
  }
  map = std::move(picked);
  context.outputs[0] = CopyByMaps(axis ? x : x.Reshaped({x.size()}), maps);
  const std::vector<int64_t>* lists[] = {&groups.first, &groups.group,
                                         &groups.count};
  for (size_t i = 1; i < std::min<size_t>(context.outputs.size(), 4); ++i) {
    const std::vector<int64_t>& list = *lists[i - 1];
    context.outputs[i] =
        Tensor::Of<int64_t>({static_cast<int64_t>(list.size())}, list);
  }
}

QuantSpec UniqueRule(const QuantizeQuery&) {
  return QuantSpec::Float(
      "asks which numbers are equal, which rounding changes");
}

}  // namespace

extern constinit const OpDef kCompressOp = {
    .type = "Compress",
    .since = 11,
    .infer = InferCompress,
    .reference = RunCompress,
    .integer_reference = IntegerMovement<RunCompress>,
    .quantize = MovementRule,
};
extern constinit const OpDef kNonZeroOp = {
    .type = "NonZero",
    .since = 9,
    .infer = InferNonZero,
    .reference = RunNonZero,
    .quantize = NonZeroRule,
};
extern constinit const OpDef kUniqueOp = {
    .type = "Unique",
    .since = 11,
    .infer = InferUnique,
    .reference = RunUnique,
    .quantize = UniqueRule,
};

}  // namespace squint
