// Matrix product C = clamp(A B + bias), float32, batched.
//
// The register tile computes kMr rows x kNr columns (8 x 48 with AVX-512).
// It reads A as *left panels* [k][kMr] (kMr rows interleaved, so that one
// step of k is one contiguous load) and B as *right panels* [k][kNr]. Weights
// are packed into panels once; activations are packed piece by piece into a
// buffer on the worker's stack just before they are used, so that nothing is
// allocated and the data are warm. K is cut into equal blocks of at most
// kMaxKBlock steps whose panel fits the L2 cache; the partial sums of earlier
// blocks wait in C. Blocks depend on K only, K is never split between threads,
// and a row is summed in the same order however many stand beside it: a
// result is the same for every thread count, and a row of A gives the same row
// of C alone and among others (for one layout of A, and as Gemv).
//
// Panels are made for the instruction set that is active when packing and
// must be used under the same.
#ifndef SQUINT_KERNELS_GEMM_GEMM_H_
#define SQUINT_KERNELS_GEMM_GEMM_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>

namespace squint {

class ThreadPool;

// kFloat32: factors as they are.
// kBf16: factors rounded to bfloat16, half to even, so that products are exact;
// they are added to the sum in float32 one by one, of two neighbouring k the
// second one first, as the CPU's instruction for two of them does. Where it has
// none the same is made of float32, no faster than kFloat32. The error of a
// result is at most 2^-8 of its sum of absolute products, beside that of
// kFloat32. (The instruction takes numbers below 2^-126 for zeros.)
enum class Products : uint8_t { kFloat32, kBf16 };

// Panels of one matrix or of several of equal size one after the other; for
// kBf16 pairs in the room of a float each (pairs-inl.h).
struct PackedMatrix {
  std::shared_ptr<float[]> data;  // 64-aligned
  int64_t matrix_floats = 0;      // from one matrix to the next
  size_t bytes = 0;
  Products products = Products::kFloat32;
};

// element(i, j) = data[i * row_stride + j * column_stride]
struct MatrixView {
  const float* data = nullptr;
  int64_t row_stride = 0;
  int64_t column_stride = 1;
};

// Packs `count` matrices of m x k (left) or k x n (right), `step` floats
// apart, for use as A or B.
PackedMatrix PackLeft(int64_t m, int64_t k, MatrixView a, int64_t count = 1,
                      int64_t step = 0, Products products = Products::kFloat32);
PackedMatrix PackRight(int64_t k, int64_t n, MatrixView b, int64_t count = 1,
                       int64_t step = 0,
                       Products products = Products::kFloat32);

// What happens to a sum before it is stored:
//   c(i, j) = min(max(sum + bias[i * bias_row + j * bias_column]
//                     + added[i * added_stride + j], low), high)
// A NaN sum stays NaN.
struct Epilogue {
  const float* bias = nullptr;  // null: none
  int64_t bias_row = 0;
  int64_t bias_column = 0;  // 0 or 1
  float low = -std::numeric_limits<float>::infinity();
  float high = std::numeric_limits<float>::infinity();
  // Of Gemm and Gemv alone, in products without a batch; null: none.
  const float* added = nullptr;
  int64_t added_stride = 0;
};

struct GemmArgs {
  int64_t m = 0;
  int64_t n = 0;
  int64_t k = 0;  // may be 0: C is the clamped bias
  MatrixView a;   // read unless packed_a is set
  MatrixView b;
  const PackedMatrix* packed_a = nullptr;  // for the same products
  const PackedMatrix* packed_b = nullptr;
  float* c = nullptr;    // row-major, rows c_stride floats apart; overlaps no
  int64_t c_stride = 0;  // input
  Epilogue epilogue = {};
  // Product i of the batch reads A at a_offsets[i] floats (matrices, when
  // packed) past its start, B likewise (null: 0), and writes C c_step floats
  // further each time.
  int64_t batch = 1;
  const int64_t* a_offsets = nullptr;
  const int64_t* b_offsets = nullptr;
  int64_t c_step = 0;
  Products products = Products::kFloat32;
};

void Gemm(const GemmArgs& args, ThreadPool& pool);

// One row, m = 1, with B as it stands in memory, rows b_stride floats apart: it
// is read once, so memory bandwidth is the limit and packing would only cost.
// y has n floats, the same as Gemm's.
void Gemv(int64_t k, int64_t n, const float* x, const float* b,
          int64_t b_stride, float* y, const Epilogue& epilogue,
          ThreadPool& pool);

}  // namespace squint

#endif  // SQUINT_KERNELS_GEMM_GEMM_H_
