// One step of LSTM and GRU cells in float32. The product of the state with its
// weights, the gates' functions and the new state are one pass: the gates of
// a unit are neighbours in the packed weights, so that their sums meet at
// once. Gates, cell and the state that is carried on are float32 in every form
// of the product.
//
// Blocks of units are what threads share; a unit's sum runs over the state in
// order, so that a result is the same for every thread count. Steps too small
// to pay for waking a thread run on the caller's.
#ifndef SQUINT_KERNELS_RECURRENT_RECURRENT_H_
#define SQUINT_KERNELS_RECURRENT_RECURRENT_H_

#include <cstdint>

#include "squint/kernels/recurrent/state_weights.h"

namespace squint {

class ThreadPool;

// States rounded to 8 bits: of sample i, (q - zeros[i]) * scales[i].
struct IntegerStates {
  const int8_t* data = nullptr;  // rows StateStride(hidden) bytes apart
  const float* scales = nullptr;
  const int32_t* zeros = nullptr;
};

// All arrays are [samples][hidden] and contiguous, but `input`.
struct CellStep {
  int64_t samples = 1;
  // The input's part of every gate with its biases: the gates of a sample
  // stand `hidden` floats apart, samples `input_stride`.
  const float* input = nullptr;
  int64_t input_stride = 0;
  // The state as it is multiplied: `integers` where the weights are.
  const float* product = nullptr;
  IntegerStates integers = {};
  const float* h = nullptr;  // the state as it is carried on
  float* next = nullptr;     // the new state; neither of the two above
};

// i, o, f = sigmoid, g = tanh of input + product R, gates in this order;
// c = f c + i g in place; next = o tanh(c). Does not read `h`.
void LstmStep(const StateWeights& r, const CellStep& step, float* c,
              ThreadPool& pool);

// Update and reset gate: sigmoid(input + product R).
void GruGates(const StateWeights& r, const CellStep& step, float* update,
              float* reset, ThreadPool& pool);
// n = tanh(input[2] + product R); next = n + update (h - n). With `reset`,
// n = tanh(input[2] + reset (product R + late_bias)).
void GruState(const StateWeights& r, const CellStep& step, const float* update,
              const float* reset, const float* late_bias, ThreadPool& pool);

}  // namespace squint

#endif  // SQUINT_KERNELS_RECURRENT_RECURRENT_H_
