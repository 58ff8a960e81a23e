// Depthwise convolution of uint8, channels last, with constant int8 weights:
//   sum(p, c) = sum over taps t of x(p, t, c) * w(c, t)
// requantized by channel (qgemm/requantization.h). The zero point of x is the
// bias's business, as in qrows.h; taps in the border read `border`.
//
// Of a block of channels, columns of the image are staged first: the bytes of
// several rows of one channel side by side, four for the dot product of four
// bytes where the CPU has it, else two for vpmaddwd. All pixels whose windows
// hold a column read the same staged one, in two rows of the result at once
// where that takes less: rows of weights move within their group instead. The
// order that this gives the channels is undone when sums are narrowed, so
// weights and parameters are stored in it.
#ifndef SQUINT_KERNELS_QCONV_DEPTHWISE_LAST_H_
#define SQUINT_KERNELS_QCONV_DEPTHWISE_LAST_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "squint/kernels/conv/conv.h"

namespace squint {

class ThreadPool;

// Whether a window is none too large for the staged columns.
bool FitsDepthwiseLast(const PlaneWindow& window);

struct DepthwiseFilters {
  std::shared_ptr<std::byte[]> weights;  // for the instruction set at hand
  std::vector<int32_t> bias;             // in the order of sums, padded
  std::vector<float> multiplier;
  int64_t block = 0;  // channels
  bool clamps_by_packing = false;
};

// `weights`: [channels][kernel_h][kernel_w]; `bias`, with the input's zero
// point taken account of, and `multiplier`: one for each channel. No sum passes
// int32. Made for the instruction set that is active and used under the same,
// for windows of the same kernel, strides and dilation_h.
DepthwiseFilters PackDepthwise(const ConvShape& shape, const int8_t* weights,
                               const int32_t* bias, const float* multiplier);

struct DepthwiseLastArgs {
  const ConvShape& shape;  // groups = channels = filters
  const DepthwiseFilters& filters;
  const uint8_t* input = nullptr;  // [batch][in_h][in_w][channels]
  uint8_t border = 0;
  int32_t zero = 0;           // of the result
  uint8_t* output = nullptr;  // [batch][out_h][out_w][channels]
};
void DepthwiseLast(const DepthwiseLastArgs& args, ThreadPool& pool);

// The same by four rows at once, which instruction sets without such a
// product imitate: for tests.
DepthwiseFilters PackDepthwiseQuads(const ConvShape& shape,
                                    const int8_t* weights, const int32_t* bias,
                                    const float* multiplier);
void DepthwiseLastOfQuads(const DepthwiseLastArgs& args, ThreadPool& pool);

}  // namespace squint

#endif  // SQUINT_KERNELS_QCONV_DEPTHWISE_LAST_H_
