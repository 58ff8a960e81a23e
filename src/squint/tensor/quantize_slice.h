// Quantization of any part of a tensor, with the scales that belong to it.
#ifndef SQUINT_TENSOR_QUANTIZE_SLICE_H_
#define SQUINT_TENSOR_QUANTIZE_SLICE_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "squint/tensor/quant_params.h"

namespace squint {

// Which scale an element uses: index = (i / inner) over [outer, axis, inner].
struct Granularity {
  // Error{kInvalidModel} where the parameters' number does not fit `dims`.
  Granularity(const Dims& dims, const QuantParams& params);

  int64_t ScaleIndex(int64_t o, int64_t c, int64_t i) const {
    if (block == 0) return channels == 1 ? 0 : c;
    return (o * blocks + c / block) * inner + i;
  }

  int64_t outer = 1;
  int64_t channels = 1;
  int64_t inner = 1;
  int64_t block = 0;
  int64_t blocks = 1;

 private:
  void CheckCount(const Tensor& scale, const Dims& dims) const;
};

// Holds the parameters in the form that quantizing needs; of storage types
// (float16) there are none.
class SliceQuantizer {
 public:
  // Tensors of `dims`; params.dtype is a float type or an integer type.
  SliceQuantizer(const Dims& dims, const QuantParams& params);

  DType dtype() const { return dtype_; }
  // Quantizes elements [first, first + values.size()) to `out`, which begins
  // with element `first`: for types of less than 8 bits that is a multiple of
  // the elements in a byte.
  void Run(int64_t first, std::span<const float> values, std::byte* out) const;

 private:
  // Elements that lie one after the other and so do their scales (step 1),
  // or have the same one (step 0).
  struct Stretch {
    int64_t count;
    int64_t scale;
    int64_t step;
  };
  Stretch StretchAt(int64_t index) const;
  void Quantize(const Stretch& stretch, const float* values,
                int32_t* out) const;

  DType dtype_;
  Granularity granularity_;
  QuantRange range_;
  Tensor scale_;                // float32
  std::vector<int32_t> zeros_;  // empty: all 0
};

}  // namespace squint

#endif  // SQUINT_TENSOR_QUANTIZE_SLICE_H_
