// Depthwise convolution, float32, NCHW: output channel c * multiplier + i is
// input channel c convolved with its own filter. A worker stages one channel
// (or a band of it) into a buffer on its stack and slides vectors along the
// rows; for stride 1 several output rows share the loaded input rows.
#ifndef SQUINT_KERNELS_DEPTHWISE_DEPTHWISE_H_
#define SQUINT_KERNELS_DEPTHWISE_DEPTHWISE_H_

#include <cstdint>

#include "squint/kernels/conv/conv.h"

namespace squint {

class ThreadPool;

// groups == channels, few filters for each (with many, the matrix product of
// conv.h is faster), and at least one output row's input fits the buffer.
bool DepthwiseFits(const ConvShape& shape);

struct DepthwiseArgs {
  const ConvShape& shape;
  const float* weights = nullptr;  // as in the file: [filters][1][kh][kw]
  const float* bias = nullptr;     // one per filter, or null
  float low = -std::numeric_limits<float>::infinity();
  float high = std::numeric_limits<float>::infinity();
  const float* input = nullptr;
  float* output = nullptr;
};
void Depthwise(const DepthwiseArgs& args, ThreadPool& pool);

}  // namespace squint

#endif  // SQUINT_KERNELS_DEPTHWISE_DEPTHWISE_H_
