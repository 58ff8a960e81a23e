// The input's part of the gates of all steps of LSTM and GRU, one matrix
// product, by the form that the weights of one direction have:
//   real      float32 weights
//   groups    stored weights that stay in 8 bits, for few rows
//   rows      8-bit weights times an input that is rounded to 8 bits as one
//             tensor by its own range (DynamicQuantizeLSTM)
#ifndef SQUINT_OPS_RECURRENT_INPUT_H_
#define SQUINT_OPS_RECURRENT_INPUT_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "squint/kernels/gemm/gemm.h"
#include "squint/kernels/gemv/gemv.h"
#include "squint/kernels/qrows/qrows.h"
#include "squint/ops/centred_matrix.h"

namespace squint {

class ThreadPool;

struct InputWeights {
  enum class Form : uint8_t { kReal, kGroups, kRows };
  Form form = Form::kReal;
  int64_t inputs = 0;
  int64_t width = 0;        // columns, gates * hidden
  std::vector<float> bias;  // [width]
  PackedMatrix real = {};
  PackedGroups groups = {};
  RowWeights rows = {};
  std::vector<float> scales = {};  // of `rows`, [width]
};

// Without bias. w is [inputs, width].
InputWeights PackRealInput(int64_t inputs, int64_t width, MatrixView w);
InputWeights PackRowInput(const CentredMatrix& w);
// Whether the kernel takes its groups.
bool FitsInputGroups(const CentredMatrix& w);
InputWeights PackGroupInput(const CentredMatrix& w);

// Rows up to which reading stored weights is faster than multiplying float32
// ones.
int64_t FewInputRows(int64_t inputs, int64_t width);

// For x of so many rows.
class InputProduct {
 public:
  InputProduct(int64_t rows, int threads) : rows_(rows), threads_(threads) {}

  size_t ScratchBytes(const InputWeights& weights) const;
  // `to`: [rows, width]; scratch is 64-aligned.
  void Run(const InputWeights& weights, const float* x, float* to,
           void* scratch, ThreadPool& pool) const;

 private:
  void RunReal(const InputWeights& weights, const float* x, float* to,
               ThreadPool& pool) const;
  void RunGroups(const InputWeights& weights, const float* x, float* to,
                 void* scratch, ThreadPool& pool) const;
  void RunRows(const InputWeights& weights, const float* x, float* to,
               void* scratch, ThreadPool& pool) const;

  int64_t rows_;
  int threads_;
};

}  // namespace squint

#endif  // SQUINT_OPS_RECURRENT_INPUT_H_
