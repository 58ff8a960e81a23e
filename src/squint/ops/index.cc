#include "squint/ops/index.h"

#include <algorithm>
#include <span>

#include "squint/base/error.h"

namespace squint {
namespace {

// The shared axes may differ only in what is not known yet.
void CheckBatchDims(const Shape& data, const Shape& indices,
                    int64_t batch_dims) {
  const int limit = std::min(data.rank(), indices.rank());
  if (batch_dims < 0 || batch_dims >= limit) {
    Fail(ErrorCode::kInvalidModel,
         "batch_dims is {}, expected 0 to {} for data {} and indices {}",
         batch_dims, limit - 1, data.ToString(), indices.ToString());
  }
  for (int axis = 0; axis < static_cast<int>(batch_dims); ++axis) {
    const auto a = data[axis].value();
    const auto b = indices[axis].value();
    if (a && b && *a != *b) {
      Fail(ErrorCode::kInvalidModel,
           "data {} and indices {} differ in batch axis {}", data.ToString(),
           indices.ToString(), axis);
    }
  }
}

int64_t Product(const Dims& dims, size_t begin, size_t end) {
  return ElementCount(std::span(dims).subspan(begin, end - begin));
}

}  // namespace

int64_t CheckedIndex(int64_t index, int64_t dim) {
  if (index < -dim || index >= dim) {
    Fail(ErrorCode::kInvalidModel, "index {} is outside an axis of {}", index,
         dim);
  }
  return index < 0 ? index + dim : index;
}

std::vector<int64_t> ElementOffsets(const Dims& data, const Tensor& indices,
                                    int axis) {
  if (indices.dims().size() != data.size()) {
    Fail(ErrorCode::kInvalidModel, "data {} and indices {} differ in rank",
         DimsToString(data), DimsToString(indices.dims()));
  }
  const Dims strides = StridesOf(data);
  const Dims index_strides = StridesOf(indices.dims());
  const std::vector<int64_t> wanted = indices.ToInts();
  std::vector<int64_t> offsets;
  offsets.reserve(wanted.size());
  for (int64_t i = 0; i < indices.size(); ++i) {
    int64_t offset = 0;
    for (size_t k = 0; k < data.size(); ++k) {
      const int64_t own = i / index_strides[k] % indices.dims()[k];
      const bool chosen = static_cast<int>(k) == axis;
      const int64_t position = chosen ? wanted[static_cast<size_t>(i)] : own;
      offset += CheckedIndex(position, data[k]) * strides[k];
    }
    offsets.push_back(offset);
  }
  return offsets;
}

Shape SlicesShape(const Shape& data, const Shape& indices, int64_t batch_dims) {
  if (!data.has_rank() || !indices.has_rank()) return {};
  CheckBatchDims(data, indices, batch_dims);
  const auto width = indices.dims().back().value();
  if (!width) return {};
  if (*width < 1 || *width > data.rank() - batch_dims) {
    Fail(ErrorCode::kInvalidModel,
         "indices {} hold tuples of {}, expected 1 to {} for data {}",
         indices.ToString(), *width, data.rank() - batch_dims, data.ToString());
  }
  DimList dims(indices.dims().begin(), indices.dims().end() - 1);
  dims.insert(dims.end(), data.dims().begin() + batch_dims + *width,
              data.dims().end());
  return Shape(std::move(dims));
}

IndexedSlices SlicesOf(const Dims& data, const Tensor& indices,
                       int64_t batch_dims) {
  SlicesShape(Shape::Of(data), Shape::Of(indices.dims()), batch_dims);
  const auto first = static_cast<size_t>(batch_dims);
  const auto width = static_cast<size_t>(indices.dims().back());
  const Dims strides = StridesOf(data);
  const std::vector<int64_t> tuples = indices.ToInts();
  const size_t count = tuples.size() / width;
  const auto batches = static_cast<size_t>(Product(data, 0, first));
  const int64_t batch_size = Product(data, first, data.size());
  IndexedSlices slices;
  slices.size = Product(data, first + width, data.size());
  for (size_t i = 0; i < count; ++i) {
    int64_t offset = static_cast<int64_t>(i / (count / batches)) * batch_size;
    for (size_t k = 0; k < width; ++k) {
      offset += CheckedIndex(tuples[i * width + k], data[first + k]) *
                strides[first + k];
    }
    slices.offsets.push_back(offset);
  }
  return slices;
}

}  // namespace squint
