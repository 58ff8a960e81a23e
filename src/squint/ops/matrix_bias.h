// Gemm's C as what is added to the sums of a matrix product.
#ifndef SQUINT_OPS_MATRIX_BIAS_H_
#define SQUINT_OPS_MATRIX_BIAS_H_

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "squint/kernels/gemm/gemm.h"
#include "squint/ops/op.h"

namespace squint {

// The node's third input, or that constant times beta.
struct MatrixBias {
  bool present = false;
  std::vector<float> scaled;  // empty: as it comes
  int64_t row = 0;
  int64_t column = 0;

  // Nullopt where a beta has no constant to be multiplied with.
  static std::optional<MatrixBias> Of(const PrepareContext& context);

  Epilogue EpilogueFor(const StepArgs& args,
                       std::pair<float, float> clamp) const;
};

}  // namespace squint

#endif  // SQUINT_OPS_MATRIX_BIAS_H_
