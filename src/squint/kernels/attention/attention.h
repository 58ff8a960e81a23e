// Attention in one pass:
//   y = softmax(s(q k)) v
// for each matrix of a stack, where s scales the scores and adds a mask. The
// products are those of floats (gemm.h) or of 8-bit integers (qgemm.h).
//
// Scores are made, normalized and multiplied with v for a block of rows of q
// at a time, so that they never leave the cache; k and v of a matrix are
// packed into panels once for all blocks that one task computes. Blocks cut
// rows, never sums: each number is what the kernels of the products, of sums
// and of softmax make of it one after the other, bit for bit, for any number
// of threads.
#ifndef SQUINT_KERNELS_ATTENTION_ATTENTION_H_
#define SQUINT_KERNELS_ATTENTION_ATTENTION_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include "squint/kernels/qelementwise/qelementwise.h"
#include "squint/kernels/qgemm/requantization.h"
#include "squint/kernels/rows/score_factor.h"

namespace squint {

class ThreadPool;

// A stack of matrices of float32, uint8 or int8. Of matrix b:
//   element(i, j) = data[offsets[b] + i * row_stride + j * column_stride]
struct MatrixStack {
  const void* data = nullptr;
  const int64_t* offsets = nullptr;
  int64_t row_stride = 0;
  int64_t column_stride = 1;
};

// How the bytes of an operand become int16.
struct ByteOperand {
  int32_t zero = 0;
  bool is_signed = false;
};

// A product of bytes; that of floats is none.
struct ByteProduct {
  ByteOperand a;
  ByteOperand b;
  Requantization result;  // one multiplier, no bias
};

// What stands between scores of 8 bits and their softmax: a line that is
// what a table says (byte_lines.h), the sum of bytes with the mask, and the
// real numbers of what comes out.
struct ByteScores {
  bool is_signed = false;  // the product's bytes
  struct Line {
    float slope = 1;
    float intercept = 0;
    float low = 0;
    float high = 0;
  };
  std::optional<Line> line;
  ByteAddition addition;  // own: the first operand; with a mask only
  bool scores_first = true;
  ByteGrid grid;
};

struct AttentionArgs {
  int64_t batch = 0;
  int64_t rows = 0;
  int64_t keys = 0;
  int64_t size = 0;
  int64_t value_size = 0;
  MatrixStack q;  // rows x size, columns contiguous
  MatrixStack k;  // size x keys
  MatrixStack v;  // keys x value_size, columns contiguous
  // Null: products of floats.
  const ByteProduct* first = nullptr;
  const ByteProduct* second = nullptr;  // of bytes of `probabilities` and v
  // Set where the first product makes bytes. `byte_mask` joins them, unless it
  // has no data; its strides may be 0.
  const ByteScores* byte_scores = nullptr;
  MatrixStack byte_mask;
  // What becomes of real scores, then: the factor, and a mask of float32.
  ScoreFactor factor;
  MatrixStack mask;
  ByteGrid probabilities;
  // Of matrix b: the row i is y + y_offsets[b] + i * y_stride, in elements.
  void* y = nullptr;
  const int64_t* y_offsets = nullptr;
  int64_t y_stride = 0;
  void* scratch = nullptr;  // AttentionScratch bytes, 64-aligned
};

// For a pool of so many threads; sizes, products and byte_scores are read.
size_t AttentionScratch(const AttentionArgs& args, int threads);

void Attention(const AttentionArgs& args, ThreadPool& pool);

}  // namespace squint

#endif  // SQUINT_KERNELS_ATTENTION_ATTENTION_H_
