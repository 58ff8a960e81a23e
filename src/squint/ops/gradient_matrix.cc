// Gradients of MatMul and Gemm: two more products on the float kernel.
#include <vector>

#include "squint/kernels/gemm/gemm.h"
#include "squint/ops/batch_offsets.h"
#include "squint/ops/gradient.h"

namespace squint {
namespace {

// A matrix in memory, and the same seen transposed.
struct Matrix {
  const float* data;
  int64_t rows;
  int64_t columns;
  bool transposed = false;

  MatrixView view() const {
    return transposed ? MatrixView{data, 1, rows}
                      : MatrixView{data, columns, 1};
  }
  Matrix T() const { return {data, columns, rows, !transposed}; }
};

void Multiply(const Matrix& a, const Matrix& b, float* c, ThreadPool& pool) {
  Gemm({.m = a.rows,
        .n = b.columns,
        .k = a.columns,
        .a = a.view(),
        .b = b.view(),
        .c = c,
        .c_stride = b.columns},
       pool);
}

Tensor Product(const Matrix& a, const Matrix& b, Dims dims, ThreadPool& pool) {
  Tensor c(DType::kFloat32, std::move(dims));
  Multiply(a, b, c.mutable_data<float>(), pool);
  return c;
}

Tensor Scaled(Tensor tensor, float factor) {
  if (factor == 1.0f) return tensor;
  float* values = tensor.mutable_data<float>();
  for (int64_t i = 0; i < tensor.size(); ++i) values[i] *= factor;
  return tensor;
}

// Rank 1 becomes a row (left) or a column (right), as MatMul reads it.
Dims MatrixDims(const Dims& dims, bool left) {
  if (dims.size() > 1) return dims;
  return left ? Dims{1, dims[0]} : Dims{dims[0], 1};
}

Matrix MatrixAt(const Tensor& tensor, const Dims& dims, int64_t offset) {
  return {tensor.data<float>() + offset, dims[dims.size() - 2], dims.back()};
}

void AddTo(float* to, const std::vector<float>& from) {
  for (size_t i = 0; i < from.size(); ++i) to[i] += from[i];
}

// Products of stacks: each operand's gradient is summed over the batch that it
// was broadcast to.
void BatchedGradient(GradientContext& context, size_t index, const Dims& a,
                     const Dims& b) {
  const Dims stack_a(a.begin(), a.end() - 2);
  const Dims stack_b(b.begin(), b.end() - 2);
  const Dims batch = BroadcastBatch(stack_a, stack_b);
  const int64_t m = a[a.size() - 2];
  const int64_t k = a.back();
  const int64_t n = b.back();
  const std::vector<int64_t> a_offsets = BatchOffsets(stack_a, batch, m * k);
  const std::vector<int64_t> b_offsets = BatchOffsets(stack_b, batch, k * n);
  Tensor result(DType::kFloat32, context.in(index).dims());
  std::vector<float> part(static_cast<size_t>(index == 0 ? m * k : k * n));
  for (size_t i = 0; i < a_offsets.size(); ++i) {
    const Matrix dy{
        context.gradient().data<float>() + static_cast<int64_t>(i) * m * n, m,
        n};
    if (index == 0) {
      Multiply(dy, MatrixAt(context.in(1), b, b_offsets[i]).T(), part.data(),
               context.pool);
    } else {
      Multiply(MatrixAt(context.in(0), a, a_offsets[i]).T(), dy, part.data(),
               context.pool);
    }
    AddTo(result.mutable_data<float>() +
              (index == 0 ? a_offsets[i] : b_offsets[i]),
          part);
  }
  context.input_gradients[index] = std::move(result);
}

}  // namespace

void MatMulGradient(GradientContext& context) {
  const Dims a = MatrixDims(context.in(0).dims(), true);
  const Dims b = MatrixDims(context.in(1).dims(), false);
  if (b.size() > 2) {
    for (size_t i = 0; i < 2; ++i) {
      if (context.wants(i)) BatchedGradient(context, i, a, b);
    }
    return;
  }
  // One matrix on the right: the left stack is one tall matrix.
  const int64_t k = b[0];
  const int64_t rows = k == 0 ? 0 : context.in(0).size() / k;
  const Matrix left{context.in(0).data<float>(), rows, k};
  const Matrix right = MatrixAt(context.in(1), b, 0);
  const Matrix dy{context.gradient().data<float>(), rows, b[1]};
  if (context.wants(0)) {
    context.input_gradients[0] =
        Product(dy, right.T(), context.in(0).dims(), context.pool);
  }
  if (context.wants(1)) {
    context.input_gradients[1] =
        Product(left.T(), dy, context.in(1).dims(), context.pool);
  }
}

// Y = alpha A' B' + beta C
void GemmGradient(GradientContext& context) {
  const Node& node = context.node;
  const float alpha = node.Float("alpha", 1.0f);
  const bool flip_a = node.Int("transA", 0) != 0;
  const bool flip_b = node.Int("transB", 0) != 0;
  const Matrix a = MatrixAt(context.in(0), context.in(0).dims(), 0);
  const Matrix b = MatrixAt(context.in(1), context.in(1).dims(), 0);
  const Matrix dy = MatrixAt(context.gradient(), context.gradient().dims(), 0);
  const Matrix right = flip_b ? b.T() : b;
  const Matrix left = flip_a ? a.T() : a;
  const auto give = [&](size_t index, const Matrix& x, const Matrix& y) {
    if (!context.wants(index)) return;
    context.input_gradients[index] =
        Scaled(Product(x, y, context.in(index).dims(), context.pool), alpha);
  };
  flip_a ? give(0, right, dy.T()) : give(0, dy, right.T());
  flip_b ? give(1, dy.T(), left) : give(1, left.T(), dy);
  if (context.wants(2) && context.has(2)) {
    Tensor sum = SumTo(context.gradient(), context.in(2).dims()).Clone();
    context.input_gradients[2] =
        Scaled(std::move(sum), node.Float("beta", 1.0f));
  }
}

}  // namespace squint
