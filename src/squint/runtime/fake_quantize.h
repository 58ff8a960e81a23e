// The simulated execution's arithmetic: a real tensor becomes the reals that
// its quantized form stands for. Equal, bit for bit, to
// DequantizeTensor(QuantizeTensor(real)), but in one vectorizable pass.
#ifndef SQUINT_RUNTIME_FAKE_QUANTIZE_H_
#define SQUINT_RUNTIME_FAKE_QUANTIZE_H_

#include <cstddef>

#include "squint/tensor/quant_params.h"

namespace squint {

class ThreadPool;

// float32 `in` to `out`, which may be the same memory. Dynamic kinds take
// their scales from the data: one for the tensor or one per row of the last
// axis.
void FakeQuantize(const float* in, float* out, const Dims& dims,
                  const QuantParams& params, ThreadPool& pool);

// DynamicQuantizeLinear's choice for reals in [low, high], for any integer
// type: float32 arithmetic, range widened to include zero, scale 1 when that
// range is empty.
ScaleZero DynamicScale(float low, float high, DType dtype);

}  // namespace squint

#endif  // SQUINT_RUNTIME_FAKE_QUANTIZE_H_
