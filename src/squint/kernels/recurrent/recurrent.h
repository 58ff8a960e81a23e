// One step of LSTM and GRU cells, float32. The product of the state with its
// weights, the gates' functions and the new state are one pass: the gates of
// a unit are neighbours in the packed weights, so that their sums meet in
// registers and never go to memory.
//
// Packed weights are panels [hidden][panel], one for each block of units;
// a panel's row holds gate 0 of the block's units, then gate 1, and so on.
// Blocks are what threads share; a unit's sum runs over the state in order,
// so that a result is the same for every thread count. Steps too small to pay
// for waking a thread run on the caller's.
//
// Panels are made for the instruction set that is active when packing and
// must be used under the same.
#ifndef SQUINT_KERNELS_RECURRENT_RECURRENT_H_
#define SQUINT_KERNELS_RECURRENT_RECURRENT_H_

#include <cstdint>
#include <memory>

#include "squint/kernels/gemm/gemm.h"

namespace squint {

class ThreadPool;

struct StateWeights {
  std::shared_ptr<float[]> data;  // 64-aligned
  int64_t hidden = 0;
  int64_t gates = 0;  // 4: LSTM; 2 and 1: the two products of GRU
};

// `r` is [hidden, gates * hidden]: what unit u of gate g gets from state k is
// element (k, g * hidden + u).
StateWeights PackStateWeights(int64_t hidden, int64_t gates, MatrixView r);

// All arrays are [samples][hidden] and contiguous, but `input`.
struct CellStep {
  int64_t samples = 1;
  // The input's part of every gate with its biases: the gates of a sample
  // stand `hidden` floats apart, samples `input_stride`.
  const float* input = nullptr;
  int64_t input_stride = 0;
  const float* product = nullptr;  // the state as it is multiplied
  const float* h = nullptr;        // the state as it is carried on
  float* next = nullptr;           // the new state; neither of the two above
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
