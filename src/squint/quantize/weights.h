// Scales for weights and biases: no data needed, only the numbers.
#ifndef SQUINT_QUANTIZE_WEIGHTS_H_
#define SQUINT_QUANTIZE_WEIGHTS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "squint/ops/op.h"
#include "squint/tensor/quant_params.h"

namespace squint {

class ThreadPool;

struct WeightOptions {
  DType dtype = DType::kInt8;
  bool per_channel = true;
  int axis = 0;         // output channels
  int reduce_axis = 1;  // K, along which int4 groups lie
  int64_t group = 0;    // elements along K with one scale; 0: no groups
  bool saturation_safe = false;
  int bits = 0;         // of integers in a wider signed type; 0: the type's
  bool search = false;  // least squared error also for eight bits and more
};

// The largest integer of a symmetric weight.
int32_t LargestWeight(const WeightOptions& options);

// Signed types are symmetric, unsigned ones asymmetric. Eight bits and more
// take the largest magnitude; fewer search the scale of least squared error.
// Float types have no scale: they are storage. Error{kInvalidModel} for NaN
// and infinity. Reads the weight in pieces and lets mapped pages go; `pool`
// may be null and changes no result.
QuantParams ChooseWeightParams(const Tensor& weight,
                               const WeightOptions& options,
                               ThreadPool* pool = nullptr);

// QuantizeTensor; large ones are computed when they are read, by the writer
// for example, so that a network of any size needs no memory for its result.
Tensor QuantizeWeight(const Tensor& weight, const QuantParams& params);

// int8 numbers limited to [-largest, largest].
Tensor LimitIntegers(Tensor integers, int32_t largest);

// Output channels where two neighbouring products u8 * s8 could pass int16
// get the scale at which none does: 7 bits at least. Neighbours are input
// channels 2 i and 2 i + 1, as kernels lay them, or any two where these are
// odd in number, the scale is one for all or `reduce_axis` is neither of the
// first two axes.
void NarrowSaturatingChannels(const Tensor& weight, int reduce_axis,
                              QuantParams& params);

// int32 bias at input_scale * weight scale, zero point 0. Channels where
// |bias| would pass 2^30 steps are returned with the factor by which their
// weight scale must grow first.
struct BiasParams {
  QuantParams params;
  std::vector<float> grow;  // per weight scale, 1 where nothing is needed
  bool must_grow = false;
};
BiasParams ChooseBiasParams(const Tensor& bias, float input_scale,
                            const QuantParams& weight);

}  // namespace squint

#endif  // SQUINT_QUANTIZE_WEIGHTS_H_
