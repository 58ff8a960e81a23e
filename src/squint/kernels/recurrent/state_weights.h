// What the state of LSTM and GRU cells is multiplied with, in three forms:
//   kReal      float32 states and weights
//   kStored    float32 states, int8 weights with a scale for each column, or
//              for each group of states in a column
//   kIntegers  int8 states and weights, whose sums are exact
// A step reads every weight once for a row or three of states, so that its
// time is that of reading them where they do not fit the nearest cache.
//
// Weights are panels, one for each block of units, eight vectors of columns
// wide: gate 0 of the block's units, then gate 1, and so on. Panels go
// [state][column], for integers [quad of states][column][4].
//
// Panels are made for the instruction set that is active when packing and
// must be used under the same.
#ifndef SQUINT_KERNELS_RECURRENT_STATE_WEIGHTS_H_
#define SQUINT_KERNELS_RECURRENT_STATE_WEIGHTS_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "squint/kernels/gemm/gemm.h"

namespace squint {

enum class StateForm : uint8_t { kReal, kStored, kIntegers };

// Sums of so many products of int8, with what zero points add, fit int32.
inline constexpr int64_t kMaxIntegerStates = int64_t{1} << 15;

// States of a row for kIntegers lie in whole quads.
constexpr int64_t StateQuads(int64_t hidden) { return (hidden + 3) / 4; }
constexpr int64_t StateStride(int64_t hidden) { return 4 * StateQuads(hidden); }

struct StateWeights {
  int64_t hidden = 0;
  int64_t gates = 0;  // 4: LSTM; 2 and 1: the two products of GRU
  StateForm form = StateForm::kReal;
  std::shared_ptr<std::byte[]> data = nullptr;  // 64-aligned
  size_t bytes = 0;
  // kStored, kIntegers: by panel, group and column.
  std::shared_ptr<float[]> scales = nullptr;
  int64_t group = 0;  // states with one scale; kIntegers: all
  // kIntegers: the sum of each column's weights, by panel and column; whether
  // no weight is -128.
  std::shared_ptr<int32_t[]> sums = nullptr;
  bool is_symmetric = false;
};

// `r` is [hidden, gates * hidden]: what unit u of gate g gets from state k is
// element (k, g * hidden + u).
StateWeights PackStateWeights(int64_t hidden, int64_t gates, MatrixView r);

// The same matrix as int8, element (k, j) times scales[k / group][j].
struct StoredStates {
  const int8_t* data = nullptr;
  int64_t row_stride = 0;
  int64_t column_stride = 1;
  int64_t group = 0;
  const float* scales = nullptr;  // rows scale_stride apart
  int64_t scale_stride = 0;
};
StateWeights PackStoredStates(int64_t hidden, int64_t gates,
                              const StoredStates& r);
// One group; `hidden` is kMaxIntegerStates at most.
StateWeights PackIntegerStates(int64_t hidden, int64_t gates,
                               const StoredStates& r);

}  // namespace squint

#endif  // SQUINT_KERNELS_RECURRENT_STATE_WEIGHTS_H_
