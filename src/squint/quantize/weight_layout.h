// How a constant weight of a Conv, Gemm or MatMul lies in memory: output and
// input channels by index arithmetic, for methods that reason per channel.
#ifndef SQUINT_QUANTIZE_WEIGHT_LAYOUT_H_
#define SQUINT_QUANTIZE_WEIGHT_LAYOUT_H_

#include <cstdint>
#include <optional>

#include "squint/graph/graph.h"

namespace squint {

struct WeightLayout {
  int64_t outputs = 0;
  int64_t inputs = 0;  // per group
  int64_t window = 1;  // kernel positions
  int64_t groups = 1;
  bool output_major = true;  // [out, in, window]; else [in, out]

  int64_t Index(int64_t output, int64_t input, int64_t position) const {
    return output_major ? (output * inputs + input) * window + position
                        : input * outputs + output;
  }
};

// None for other operators, MatMul weights that are no matrix, and Gemm with
// a transposed or scaled input.
std::optional<WeightLayout> LayoutOf(const Node& node, const Tensor& weight);

}  // namespace squint

#endif  // SQUINT_QUANTIZE_WEIGHT_LAYOUT_H_
