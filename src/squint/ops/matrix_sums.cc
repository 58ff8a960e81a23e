#include "squint/ops/matrix_sums.h"

#include <algorithm>
#include <utility>

#include "squint/ops/window.h"

namespace squint {
namespace {

void CheckInner(const Dim& a, const Dim& b) {
  if (a.value() && b.value() && !(a == b)) {
    Fail(ErrorCode::kInvalidModel,
         "the inner sizes of a matrix product differ: {} and {}", a.ToString(),
         b.ToString());
  }
}

Shape BatchOf(const Shape& shape) {
  DimList dims = shape.dims();
  dims.resize(dims.size() - std::min<size_t>(dims.size(), 2));
  return Shape(std::move(dims));
}

// Element offsets of the matrices of one operand, in the order of the
// broadcast batch.
std::vector<int64_t> MatrixOffsets(const Dims& operand, const Dims& batch) {
  const size_t own = operand.size() < 2 ? 0 : operand.size() - 2;
  const Dims strides = StridesOf(operand);
  std::vector<int64_t> offsets;
  if (ElementCount(batch) == 0) return offsets;
  Dims index(batch.size(), 0);
  do {
    int64_t offset = 0;
    for (size_t axis = 0; axis < own; ++axis) {
      const int64_t at = index[batch.size() - own + axis];
      if (operand[axis] != 1) offset += at * strides[axis];
    }
    offsets.push_back(offset);
  } while (NextIndex(index, batch));
  return offsets;
}

// sums[m, n] += a[m, k] * b[k, n] in the type of the sums.
template <typename In, typename Sum>
void AddProduct(const In* a, const In* b, int64_t m, int64_t k, int64_t n,
                Sum* sums) {
  for (int64_t i = 0; i < m; ++i) {
    Sum* row = sums + i * n;
    for (int64_t p = 0; p < k; ++p) {
      const Sum left = static_cast<Sum>(a[i * k + p]);
      const In* right = b + p * n;
      for (int64_t j = 0; j < n; ++j) {
        row[j] += left * static_cast<Sum>(right[j]);
      }
    }
  }
}

// numpy.matmul into `sums`, zeros of the result's size.
template <typename In, typename Sum>
void AddMatMul(const Tensor& a, const Tensor& b, Sum* sums) {
  const Dims batch = *BroadcastShapes(BatchOf(Shape::Of(a.dims())),
                                      BatchOf(Shape::Of(b.dims())))
                          ->values();
  const int64_t m = a.rank() > 1 ? a.dim(a.rank() - 2) : 1;
  const int64_t k = a.dim(a.rank() - 1);
  const int64_t n = b.rank() > 1 ? b.dim(b.rank() - 1) : 1;
  const std::vector<int64_t> a_at = MatrixOffsets(a.dims(), batch);
  const std::vector<int64_t> b_at = MatrixOffsets(b.dims(), batch);
  for (size_t i = 0; i < a_at.size(); ++i) {
    AddProduct(a.data<In>() + a_at[i], b.data<In>() + b_at[i], m, k, n,
               sums + static_cast<int64_t>(i) * m * n);
  }
}

Dims MatMulDims(const Tensor& a, const Tensor& b) {
  return *MatMulShape(Shape::Of(a.dims()), Shape::Of(b.dims())).values();
}

}  // namespace

void AddMatrixProduct(const float* a, const float* b, int64_t m, int64_t k,
                      int64_t n, double* sums) {
  AddProduct(a, b, m, k, n, sums);
}

Shape MatMulShape(const Shape& a, const Shape& b) {
  if (!a.has_rank() || !b.has_rank()) return Shape();
  if (a.rank() == 0 || b.rank() == 0) {
    Fail(ErrorCode::kInvalidModel,
         "a matrix product needs a rank of at least 1, got {} and {}",
         a.ToString(), b.ToString());
  }
  CheckInner(a[a.rank() - 1], b[std::max(b.rank() - 2, 0)]);
  const auto batch = BroadcastShapes(BatchOf(a), BatchOf(b));
  if (!batch) {
    Fail(ErrorCode::kInvalidModel, "the batches of {} and {} do not broadcast",
         a.ToString(), b.ToString());
  }
  DimList dims = batch->dims();
  if (a.rank() > 1) dims.push_back(a[a.rank() - 2]);
  if (b.rank() > 1) dims.push_back(b[b.rank() - 1]);
  return Shape(std::move(dims));
}

MatrixSums MatMulSums(const Tensor& a, const Tensor& b) {
  MatrixSums result;
  result.dims = MatMulDims(a, b);
  result.sums.resize(static_cast<size_t>(ElementCount(result.dims)));
  AddMatMul<float>(a, b, result.sums.data());
  return result;
}

Tensor WideMatMul(const Tensor& a, const Tensor& b) {
  if (a.dtype() == DType::kFloat64) {
    Tensor product(DType::kFloat64, MatMulDims(a, b));
    AddMatMul<double>(a, b, product.mutable_data<double>());
    return product;
  }
  // The low bits of a sum are those of its low bits: 64 serve every type.
  Tensor sums(DType::kUint64, MatMulDims(a, b));
  AddMatMul<int64_t>(a.CastTo(DType::kInt64), b.CastTo(DType::kInt64),
                     sums.mutable_data<uint64_t>());
  return sums.CastTo(a.dtype());
}

Tensor Transposed(const Tensor& matrix) {
  const int64_t rows = matrix.dim(0);
  const int64_t columns = matrix.dim(1);
  Tensor result(DType::kFloat32, {columns, rows});
  const float* in = matrix.data<float>();
  float* out = result.mutable_data<float>();
  for (int64_t c = 0; c < columns; ++c) {
    for (int64_t r = 0; r < rows; ++r) out[c * rows + r] = in[r * columns + c];
  }
  return result;
}

Tensor ToFloat32(const std::vector<double>& sums, Dims dims) {
  Tensor result(DType::kFloat32, std::move(dims));
  std::transform(sums.begin(), sums.end(), result.mutable_data<float>(),
                 [](double sum) { return static_cast<float>(sum); });
  return result;
}

}  // namespace squint
