// Depthwise convolution of uint8, channels last, with constant int8 weights:
//   sum(p, c) = sum over taps t of x(p, t, c) * w(c, t)
// requantized by channel (qgemm/requantization.h). The zero point of x is the
// bias's business, as in qrows.h; taps in the border read `border`.
//
// A block of channels, four vectors of sums, takes the bytes of several taps
// at once and puts those of one channel side by side: four taps for the dot
// product of four bytes where the CPU has it, else two for vpmaddwd. The
// order that this gives the channels is undone when the sums are narrowed, so
// weights and parameters are stored in it.
#ifndef SQUINT_KERNELS_QCONV_DEPTHWISE_LAST_H_
#define SQUINT_KERNELS_QCONV_DEPTHWISE_LAST_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "squint/kernels/conv/conv.h"

namespace squint {

class ThreadPool;

inline constexpr int64_t kMaxDepthwiseTaps = 128;

struct DepthwiseFilters {
  int64_t channels = 0;
  int64_t taps = 0;
  std::shared_ptr<std::byte[]> weights;  // for the instruction set at hand
  std::vector<int32_t> bias;             // in the order of sums, padded
  std::vector<float> multiplier;
};

// `weights`: [channels][taps], at most kMaxDepthwiseTaps; `bias`, with the
// input's zero point taken account of, and `multiplier`: one for each channel.
// Made for the instruction set that is active and used under the same.
DepthwiseFilters PackDepthwise(int64_t channels, int64_t taps,
                               const int8_t* weights, const int32_t* bias,
                               const float* multiplier);

struct DepthwiseLastArgs {
  const ConvShape& shape;  // groups = channels = filters
  const DepthwiseFilters& filters;
  const uint8_t* input = nullptr;   // [batch][in_h][in_w][channels]
  const uint8_t* border = nullptr;  // `channels` bytes
  int32_t zero = 0;                 // of the result
  uint8_t* output = nullptr;        // [batch][out_h][out_w][channels]
};
void DepthwiseLast(const DepthwiseLastArgs& args, ThreadPool& pool);

// The same by four taps at once, which instruction sets without such a
// product imitate: for tests.
DepthwiseFilters PackDepthwiseQuads(int64_t channels, int64_t taps,
                                    const int8_t* weights, const int32_t* bias,
                                    const float* multiplier);
void DepthwiseLastOfQuads(const DepthwiseLastArgs& args, ThreadPool& pool);

}  // namespace squint

#endif  // SQUINT_KERNELS_QCONV_DEPTHWISE_LAST_H_
