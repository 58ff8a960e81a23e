// Matrix product of 8-bit integers with an 8-bit or a float32 result:
//   sum(i, j) = sum over k of (a(i, k) - a_zero(i)) * (b(k, j) - b_zero(j))
// requantized (requantization.h).
//
// Operands are widened to int16 with their zero points taken off, so that one
// instruction multiplies two neighbouring k and adds the products in int32
// (vpmaddwd): twice the products of a float multiply-add, exact whatever the
// numbers, unlike vpmaddubsw, which saturates, and with no correction for
// zero points. A lies in rows of int16, B in *panels*: [k / 2][kNr][2], two
// neighbouring k of each of kNr columns side by side. Both are padded to even
// k with zeros. Weights are widened once.
//
// Exact for k up to kMaxQuantizedDepth. Panels are made for the instruction
// set that is active and must be used under the same.
#ifndef SQUINT_KERNELS_QGEMM_QGEMM_H_
#define SQUINT_KERNELS_QGEMM_QGEMM_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "squint/kernels/qgemm/requantization.h"

namespace squint {

class ThreadPool;

// 255 * 255 * k stays below 2^31.
inline constexpr int64_t kMaxQuantizedDepth = 33025;

// element(i, j) = data[i * row_stride + j * column_stride], uint8 or int8.
struct ByteView {
  const void* data = nullptr;
  bool is_signed = false;
  int64_t row_stride = 0;
  int64_t column_stride = 1;
  // The zero point of row i of A, of column j of B: zeros[i * zero_step].
  const int32_t* zeros = nullptr;
  int64_t zero_step = 0;
};

// int16s of one matrix, or of several of equal size one after the other.
struct WideMatrix {
  std::shared_ptr<int16_t[]> data;  // 64-aligned
  int64_t matrix_elements = 0;      // from one matrix to the next
  size_t bytes = 0;
};

// int16s that A of m x k takes, that B of k x n takes.
int64_t WideRowsSize(int64_t m, int64_t k);
int64_t WidePanelsSize(int64_t k, int64_t n);
// Widens A, of m x k, or B, of k x n, into `out`.
void WidenRows(int64_t m, int64_t k, const ByteView& a, int16_t* out,
               ThreadPool& pool);
void WidenPanels(int64_t k, int64_t n, const ByteView& b, int16_t* out,
                 ThreadPool& pool);
// The same into memory of their own, for weights: `count` matrices, `step`
// elements apart; matrix c has its zero points at zeros[c * zeros_step].
WideMatrix WideRows(int64_t m, int64_t k, ByteView a, int64_t count = 1,
                    int64_t step = 0, int64_t zeros_step = 0);
WideMatrix WidePanels(int64_t k, int64_t n, ByteView b, int64_t count = 1,
                      int64_t step = 0, int64_t zeros_step = 0);

struct QuantizedGemmArgs {
  int64_t m = 0;
  int64_t n = 0;
  int64_t k = 0;
  const int16_t* a = nullptr;  // rows
  const int16_t* b = nullptr;  // panels
  void* c = nullptr;           // row-major, rows c_stride bytes apart
  int64_t c_stride = 0;
  Requantization requantization;
  // Product i of the batch reads matrix a_index[i] of A and b_index[i] of B
  // (null: 0), and writes C c_step bytes further each time.
  int64_t batch = 1;
  const int64_t* a_index = nullptr;
  const int64_t* b_index = nullptr;
  int64_t c_step = 0;
};

void QuantizedGemm(const QuantizedGemmArgs& args, ThreadPool& pool);

}  // namespace squint

#endif  // SQUINT_KERNELS_QGEMM_QGEMM_H_
