// Gradients of what is computed along whole rows: Softmax and
// LayerNormalization.
#include <cmath>
#include <vector>

#include "squint/base/threads.h"
#include "squint/ops/gradient.h"
#include "squint/ops/op.h"

namespace squint {
namespace {

// x as [outer, length, inner].
struct Rows {
  int64_t outer = 1;
  int64_t length = 1;
  int64_t inner = 1;
};

Rows RowsAt(const Dims& dims, int axis) {
  Rows rows;
  for (int i = 0; i < static_cast<int>(dims.size()); ++i) {
    const int64_t dim = dims[static_cast<size_t>(i)];
    (i < axis ? rows.outer : i > axis ? rows.inner : rows.length) *= dim;
  }
  return rows;
}

}  // namespace

// dx = y * (dy - sum(dy * y))
void SoftmaxGradient(GradientContext& context) {
  if (!context.wants(0)) return;
  const Tensor& y = *context.outputs[0];
  const Rows rows =
      RowsAt(y.dims(), NormalizeAxis(context.node.Int("axis", -1), y.rank()));
  Tensor result(DType::kFloat32, y.dims());
  const float* out = y.data<float>();
  const float* dy = context.gradient().data<float>();
  float* dx = result.mutable_data<float>();
  const auto row = [&](int64_t r) {
    const int64_t first =
        r / rows.inner * rows.length * rows.inner + r % rows.inner;
    double dot = 0;
    for (int64_t i = 0; i < rows.length; ++i) {
      const int64_t at = first + i * rows.inner;
      dot += static_cast<double>(dy[at]) * static_cast<double>(out[at]);
    }
    for (int64_t i = 0; i < rows.length; ++i) {
      const int64_t at = first + i * rows.inner;
      dx[at] = out[at] * (dy[at] - static_cast<float>(dot));
    }
  };
  context.pool.ParallelFor(static_cast<size_t>(rows.outer * rows.inner), 16,
                           [&](size_t begin, size_t end) {
                             for (size_t r = begin; r < end; ++r) {
                               row(static_cast<int64_t>(r));
                             }
                           });
  context.input_gradients[0] = std::move(result);
}

// With n = (x - mean) / deviation and g = dy * scale:
//   dx = (g - mean(g) - n * mean(g * n)) / deviation
void LayerNormalizationGradient(GradientContext& context) {
  const Tensor& x = context.in(0);
  const int axis = NormalizeAxis(context.node.Int("axis", -1), x.rank());
  Rows rows = RowsAt(x.dims(), axis);
  rows.length *= rows.inner;
  const auto length = static_cast<size_t>(rows.length);
  const double epsilon =
      static_cast<double>(context.node.Float("epsilon", 1e-5f));
  const std::vector<float> scale = context.in(1).ToFloats();
  const float* in = x.data<float>();
  const float* dy = context.gradient().data<float>();
  Tensor dx(DType::kFloat32, x.dims());
  std::vector<double> by_scale(length);
  std::vector<double> by_shift(length);
  std::vector<double> n(length);
  for (int64_t r = 0; r < rows.outer; ++r) {
    const float* row = in + r * rows.length;
    const float* drow = dy + r * rows.length;
    double mean = 0;
    for (size_t i = 0; i < length; ++i) mean += static_cast<double>(row[i]);
    mean /= static_cast<double>(length);
    double variance = 0;
    for (size_t i = 0; i < length; ++i) {
      n[i] = static_cast<double>(row[i]) - mean;
      variance += n[i] * n[i];
    }
    const double inverse =
        1.0 / std::sqrt(variance / static_cast<double>(length) + epsilon);
    double mean_g = 0;
    double mean_gn = 0;
    for (size_t i = 0; i < length; ++i) {
      n[i] *= inverse;
      const auto d = static_cast<double>(drow[i]);
      const double g = d * static_cast<double>(scale[i % scale.size()]);
      mean_g += g;
      mean_gn += g * n[i];
      by_scale[i] += d * n[i];
      by_shift[i] += d;
    }
    mean_g /= static_cast<double>(length);
    mean_gn /= static_cast<double>(length);
    float* out = dx.mutable_data<float>() + r * rows.length;
    for (size_t i = 0; i < length; ++i) {
      const double g = static_cast<double>(drow[i]) *
                       static_cast<double>(scale[i % scale.size()]);
      out[i] = static_cast<float>((g - mean_g - n[i] * mean_gn) * inverse);
    }
  }
  if (context.wants(0)) context.input_gradients[0] = std::move(dx);
  const auto give = [&](size_t index, const std::vector<double>& sums) {
    if (!context.wants(index)) return;
    const Dims tail(x.dims().begin() + axis, x.dims().end());
    const std::vector<float> floats(sums.begin(), sums.end());
    context.input_gradients[index] =
        SumTo(Tensor::Of<float>(tail, floats), context.in(index).dims());
  };
  give(1, by_scale);
  if (context.has(2)) give(2, by_shift);
}

}  // namespace squint
