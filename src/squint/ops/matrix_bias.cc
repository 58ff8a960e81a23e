#include "squint/ops/matrix_bias.h"

#include "squint/ops/prepare.h"

namespace squint {

std::optional<MatrixBias> MatrixBias::Of(const PrepareContext& context) {
  MatrixBias bias;
  if (!context.has(2)) return bias;
  bias.present = true;
  const Dims& c = context.input_dims[2];
  const int64_t columns = c.empty() ? 1 : c.back();
  const int64_t rows = c.size() < 2 ? 1 : c[0];
  bias.row = rows == 1 ? 0 : columns;
  bias.column = columns == 1 ? 0 : 1;
  const float beta = context.node.Float("beta", 1.0f);
  if (beta == 1.0f) return bias;
  if (context.constants[2] == nullptr) return std::nullopt;
  const auto values = context.constants[2]->values<float>();
  bias.scaled.assign(values.begin(), values.end());
  for (float& v : bias.scaled) v *= beta;
  return bias;
}

Epilogue MatrixBias::EpilogueFor(const StepArgs& args,
                                 std::pair<float, float> clamp) const {
  const float* data = nullptr;
  if (present) data = scaled.empty() ? FloatInput(args, 2) : scaled.data();
  return {data, row, column, clamp.first, clamp.second};
}

}  // namespace squint
