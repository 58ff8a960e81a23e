// Channels-last convolution of uint8 with constant int8 weights of 3 x 3, by
// minimal filtering F(2x2, 3x3) in integers (conv/winograd.h for the formula):
// exactly the direct sums. Transformed pixels need 11 bits, weights, times
// four, 12: vpmaddwd multiplies them as fast as bytes that were widened, and
// there are 2.25 times fewer. Sums are four times the direct ones.
#ifndef SQUINT_KERNELS_QCONV_WINOGRAD_LAST_H_
#define SQUINT_KERNELS_QCONV_WINOGRAD_LAST_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "squint/kernels/conv/conv.h"
#include "squint/kernels/qgemm/requantization.h"

namespace squint {

class ThreadPool;

// 3 x 3, stride and dilation 1, one group, sizes for which it is faster than
// the direct product on the CPU at hand, and sums that int32 holds.
bool ByteWinogradPays(const ConvShape& shape);

struct ByteWinogradWeights {
  std::shared_ptr<std::byte[]> data;  // for the instruction set at hand
  std::vector<int32_t> sums;          // of the weights of each filter
};

// `weights`: [filters][channels][3][3].
ByteWinogradWeights PackByteWinograd(const ConvShape& shape,
                                     const int8_t* weights);

struct ByteWinogradArgs {
  const ConvShape& shape;
  const ByteWinogradWeights& weights;
  // [batch][in_h][in_w] pixels of `channels` bytes, input_stride bytes apart.
  const void* input = nullptr;
  int64_t input_stride = 0;
  bool input_is_signed = false;
  const uint8_t* border = nullptr;  // `channels` bytes, as the input has them
  // By column, with the zero point of uint8 in the bias.
  Requantization requantization;
  // [batch][out_h][out_w] pixels of `filters` bytes, output_stride bytes apart.
  uint8_t* output = nullptr;
  int64_t output_stride = 0;
  void* scratch = nullptr;  // ByteWinogradScratch bytes, 64-aligned
};
size_t ByteWinogradScratch(const ConvShape& shape, int threads);
void ByteWinogradConv(const ByteWinogradArgs& args, ThreadPool& pool);

}  // namespace squint

#endif  // SQUINT_KERNELS_QCONV_WINOGRAD_LAST_H_
