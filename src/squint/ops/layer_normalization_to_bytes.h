// What the node of a LayerNormalization and what stands around it reads.
#ifndef SQUINT_OPS_LAYER_NORMALIZATION_TO_BYTES_H_
#define SQUINT_OPS_LAYER_NORMALIZATION_TO_BYTES_H_

#include <cstddef>

namespace squint {

// squint::LayerNormalizationToBytes: attributes `axis` and `epsilon`. Outputs:
// the bytes; before them the real results, where something else reads them.
struct NormalizationInputs {
  static constexpr size_t kX = 0;
  static constexpr size_t kScale = 1;
  static constexpr size_t kBias = 2;   // or absent
  static constexpr size_t kAdded = 3;  // to x, as large; or absent
  // Of the real results on their way to bytes, broadcast to x; or absent.
  static constexpr size_t kFactor = 4;
  static constexpr size_t kResultScale = 5;
  static constexpr size_t kResultZero = 6;
  static constexpr size_t kCount = 7;
};

}  // namespace squint

#endif  // SQUINT_OPS_LAYER_NORMALIZATION_TO_BYTES_H_
