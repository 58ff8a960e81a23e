// Det: determinants of square matrices, by elimination with row pivots.
#include <algorithm>
#include <cmath>
#include <utility>

#include "squint/ops/op.h"
#include "squint/ops/quant_rules.h"

namespace squint {
namespace {

void CheckSquare(const Shape& x) {
  const bool matrix = x.rank() >= 2;
  const bool known =
      matrix && x[x.rank() - 1].value() && x[x.rank() - 2].value();
  if (!matrix || (known && !(x[x.rank() - 1] == x[x.rank() - 2]))) {
    Fail(ErrorCode::kInvalidModel, "input {} holds no square matrices",
         x.ToString());
  }
}

void InferDet(InferContext& context) {
  const Shape& x = context.shape(0);
  Shape out;
  if (x.has_rank()) {
    CheckSquare(x);
    out = Shape(DimList(x.dims().begin(), x.dims().end() - 2));
  }
  context.SetOutput(0, context.dtype(0), out);
}

// Of the n x n matrix, which is overwritten; 1 for n = 0.
double Determinant(double* matrix, int64_t n) {
  double product = 1;
  for (int64_t k = 0; k < n; ++k) {
    int64_t pivot = k;
    for (int64_t i = k + 1; i < n; ++i) {
      if (std::fabs(matrix[i * n + k]) > std::fabs(matrix[pivot * n + k])) {
        pivot = i;
      }
    }
    if (matrix[pivot * n + k] == 0) return 0;
    double* row = matrix + k * n;
    if (pivot != k) {
      std::swap_ranges(row, row + n, matrix + pivot * n);
      product = -product;
    }
    product *= row[k];
    for (int64_t i = k + 1; i < n; ++i) {
      double* below = matrix + i * n;
      const double factor = below[k] / row[k];
      for (int64_t j = k; j < n; ++j) below[j] -= factor * row[j];
    }
  }
  return product;
}

void RunDet(RunContext& context) {
  const Tensor& x = context.in(0);
  CheckSquare(Shape::Of(x.dims()));
  const int64_t n = x.dim(x.rank() - 1);
  Tensor matrices = x.CastTo(DType::kFloat64).Clone();
  Tensor y(DType::kFloat64, Dims(x.dims().begin(), x.dims().end() - 2));
  for (int64_t i = 0; i < y.size(); ++i) {
    y.mutable_data<double>()[i] =
        Determinant(matrices.mutable_data<double>() + i * n * n, n);
  }
  context.outputs[0] = y.CastTo(x.dtype());
}

QuantSpec DetRule(const QuantizeQuery&) {
  return QuantSpec::Float(
      "sums products of as many numbers as there are rows, which cancel");
}

}  // namespace

extern constinit const OpDef kDetOp = {
    .type = "Det",
    .since = 11,
    .infer = InferDet,
    .reference = RunDet,
    .quantize = DetRule,
};

}  // namespace squint
