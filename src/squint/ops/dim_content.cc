#include "squint/ops/dim_content.h"

#include <algorithm>

#include "squint/tensor/rank.h"

namespace squint {

bool IsNonNegative(const Dim& dim) {
  if (dim.is_unknown()) return false;
  if (dim.value()) return *dim.value() >= 0;
  // Sums of products of sizes without a minus sign anywhere.
  return dim.ToString().find('-') == std::string::npos;
}

Dim MinDim(const Dim& a, const Dim& b) {
  if (a == b) return a;
  if (a.value() && b.value()) return std::min(*a.value(), *b.value());
  if (a.is(0) && IsNonNegative(b)) return a;
  if (b.is(0) && IsNonNegative(a)) return b;
  return a + b - Max(a, b);
}

Dim TruncatingDiv(const Dim& a, const Dim& b) {
  if (a.value() && b.value()) {
    if (*b.value() == 0) {
      Fail(ErrorCode::kInvalidModel, "the size {} is divided by 0",
           a.ToString());
    }
    if (*b.value() == -1) return Dim(0) - a;
    return *a.value() / *b.value();
  }
  if (IsNonNegative(a) && IsNonNegative(b)) return FloorDiv(a, b);
  return Dim::Unknown();
}

Dim CeilDiv(const Dim& a, int64_t b) {
  const Dim quotient = FloorDiv(a, Dim(b));
  if (quotient * Dim(b) == a) return quotient;
  return FloorDiv(a + Dim(b - 1), b);
}

std::optional<DimTensor> CombineContents(const DimTensor& a, const DimTensor& b,
                                         DimFunction f) {
  const size_t na = a.elements.size();
  const size_t nb = b.elements.size();
  if (na != nb && na != 1 && nb != 1) return std::nullopt;
  const size_t count = na == 1 ? nb : na;
  DimTensor result;
  result.scalar = a.scalar && b.scalar;
  for (size_t i = 0; i < count; ++i) {
    result.elements.push_back(
        f(a.elements[na == 1 ? 0 : i], b.elements[nb == 1 ? 0 : i]));
  }
  return result;
}

Shape UnknownDims(int64_t rank) {
  if (rank > kMaxRank) {
    Fail(ErrorCode::kUnsupported,
         "a result has {} dimensions, Squint takes up to {}", rank, kMaxRank);
  }
  return DimList(static_cast<size_t>(rank), Dim::Unknown());
}

void PassContent(InferContext& context, const Shape& shape) {
  const DimTensor* content = context.dim_tensor(0);
  if (content == nullptr || !shape.has_rank() || shape.rank() > 1) return;
  context.SetDimTensor(0, {content->elements, shape.rank() == 0});
}

SliceRange ClampSlice(int64_t start, int64_t end, int64_t step, int64_t dim) {
  if (step == 0) Fail(ErrorCode::kInvalidModel, "Slice: a step is 0");
  const auto clamp = [&](int64_t index, int64_t low, int64_t high) {
    if (index < 0) index = index < -dim ? -1 : index + dim;
    return std::clamp(index, low, high);
  };
  SliceRange range{0, step, 0};
  if (dim == 0) return range;
  if (step > 0) {
    range.begin = clamp(start, 0, dim);
    const int64_t last = clamp(end, 0, dim);
    // Divided before adding: step may be as large as int64 allows.
    if (last > range.begin) range.count = (last - range.begin - 1) / step + 1;
  } else {
    range.begin = clamp(start, 0, dim - 1);
    const int64_t last = clamp(end, -1, dim - 1);
    if (range.begin > last) {
      range.count =
          (range.begin - last - 1) / (step == INT64_MIN ? INT64_MAX : -step) +
          1;
    }
  }
  return range;
}

}  // namespace squint
