// Two-dimensional convolution of 8-bit integers, NCHW, with groups, as the
// matrix product of qgemm.h: A are the filters (widened once), the panels of
// B are made from the image as the tile needs them: from the bytes themselves
// for 1x1 convolutions, else from a staged copy (conv/window.h) in int16.
// Depthwise convolutions go plane by plane.
#ifndef SQUINT_KERNELS_QCONV_QCONV_H_
#define SQUINT_KERNELS_QCONV_QCONV_H_

#include <cstddef>
#include <cstdint>

#include "squint/kernels/conv/conv.h"
#include "squint/kernels/qgemm/qgemm.h"

namespace squint {

// 8-bit weights as the file has them: [filters][channels / groups][kh][kw];
// filter f has its zero point at zeros[f * zero_step].
WideMatrix WidenConvWeights(const ConvShape& shape, const void* weights,
                            bool is_signed, const int32_t* zeros,
                            int64_t zero_step);

struct QuantizedConvArgs {
  const ConvPlan& plan;
  const WideMatrix& weights;
  Requantization requantization;  // rows are filters
  const void* input = nullptr;    // uint8 or int8
  bool input_is_signed = false;
  int32_t input_zero = 0;  // padding is this number
  void* output = nullptr;
  int16_t* scratch = nullptr;  // QuantizedConvScratch(plan) bytes
};
size_t QuantizedConvScratch(const ConvPlan& plan);
void QuantizedConv(const QuantizedConvArgs& args, ThreadPool& pool);

// groups == channels and at least one output row's input fits the stack.
bool QuantizedDepthwiseFits(const ConvShape& shape);
// Weights as for QuantizedConv; no scratch.
void QuantizedDepthwise(const QuantizedConvArgs& args, ThreadPool& pool);

}  // namespace squint

#endif  // SQUINT_KERNELS_QCONV_QCONV_H_
