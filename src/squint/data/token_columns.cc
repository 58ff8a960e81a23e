#include "squint/data/token_columns.h"

#include <algorithm>
#include <utility>

namespace squint {
namespace {

// Ids as int64 in rows of `length` tokens.
struct Ids {
  Dims dims;
  std::vector<int64_t> values;
  int64_t length = 0;
  int64_t rows = 0;
};

Ids IdsOf(const Tensor& tensor) {
  if (tensor.rank() == 0) {
    Fail(ErrorCode::kInvalidArgument, "token ids need at least one axis");
  }
  Ids ids;
  ids.dims = tensor.dims();
  ids.values = tensor.ToInts();
  ids.length = ids.dims.back();
  ids.rows = ids.length == 0 ? 0 : tensor.size() / ids.length;
  return ids;
}

// Tokens [begin, end) of every row.
Tensor Cut(const Ids& ids, int64_t begin, int64_t end) {
  Dims dims = ids.dims;
  dims.back() = end - begin;
  std::vector<int64_t> values;
  for (int64_t row = 0; row < ids.rows; ++row) {
    const auto first = ids.values.begin() + row * ids.length;
    values.insert(values.end(), first + begin, first + end);
  }
  return Tensor::Of<int64_t>(std::move(dims), values);
}

Tensor Mapped(const Tensor& tensor, auto f) {
  Ids ids = IdsOf(tensor);
  std::ranges::transform(ids.values, ids.values.begin(), f);
  return Tensor::Of<int64_t>(std::move(ids.dims), ids.values);
}

Tensor Trimmed(const Tensor& tensor, int64_t padding) {
  const Ids ids = IdsOf(tensor);
  int64_t end = 0;
  for (size_t i = 0; i < ids.values.size(); ++i) {
    if (ids.values[i] == padding) continue;
    end = std::max(end, static_cast<int64_t>(i) % ids.length + 1);
  }
  if (end == 0) {
    Fail(ErrorCode::kInvalidArgument, "holds nothing but padding ({})",
         padding);
  }
  return Cut(ids, 0, end);
}

Tensor Shortened(const Tensor& tensor, int64_t first, int64_t last) {
  const Ids ids = IdsOf(tensor);
  if (ids.length <= first + last) {
    Fail(ErrorCode::kInvalidArgument,
         "has {} tokens, too few to shift the target by {}", ids.length,
         first + last);
  }
  return Cut(ids, first, ids.length - last);
}

}  // namespace

ColumnRef TrimPadding(ColumnRef ids, int64_t padding) {
  return MakeMappedColumn(std::move(ids), [=](const Tensor& tensor) {
    return Trimmed(tensor, padding);
  });
}

ColumnRef ReplacePadding(ColumnRef ids, int64_t padding, int64_t fill) {
  return MakeMappedColumn(std::move(ids), [=](const Tensor& tensor) {
    return Mapped(tensor,
                  [=](int64_t id) { return id == padding ? fill : id; });
  });
}

ColumnRef MaskOf(ColumnRef ids, int64_t padding) {
  return MakeMappedColumn(std::move(ids), [=](const Tensor& tensor) {
    return Mapped(tensor, [=](int64_t id) { return id != padding ? 1 : 0; });
  });
}

ColumnRef WithoutLast(ColumnRef ids, int64_t count) {
  return MakeMappedColumn(std::move(ids), [=](const Tensor& tensor) {
    return Shortened(tensor, 0, count);
  });
}

ColumnRef WithoutFirst(ColumnRef ids, int64_t count) {
  return MakeMappedColumn(std::move(ids), [=](const Tensor& tensor) {
    return Shortened(tensor, count, 0);
  });
}

ColumnRef LikeWithValue(ColumnRef ids, double value, DType dtype) {
  return MakeMappedColumn(std::move(ids), [=](const Tensor& tensor) {
    Tensor result(DType::kFloat64, tensor.dims());
    std::fill_n(result.mutable_data<double>(), result.size(), value);
    return result.CastTo(dtype);
  });
}

}  // namespace squint
