// Product of float32 rows with a weight that stays in 2, 4 or 8 bits:
//   y(i, j) = clamp(sum over groups g of scale(g, j) *
//                   (sum over k in g of x(i, k) * (q(k, j) - zero(g, j)))
//                   + bias(i, j))
//
// One row reads every weight once, so the time is that of reading them: they
// lie in *panels* of kGemvNr columns, one stream of memory each, group after
// group: the scales of the columns, their zero points where these differ, then
// words of 32 bits, each with 32 / bits neighbouring k of one column. A field
// of a word is not shifted down: `word & mask` is q * 2^(bits * field), which
// converts to float exactly, and x(k) is multiplied by 2^-(bits * field)
// beforehand, exactly too (x below 1e-30 aside). So a vector of weights takes
// three instructions: and, convert, multiply-add. Zero point and scale come
// once per group,
//   scale * (sum of x * q - zero * sum of x),
// but for 8 bits, whose zero points are subtracted one by one (group-inl.h).
//
// Several rows share the decoding: each weight is multiplied with up to four of
// them, and a group stays in the L1 cache for all rows of a task. The order of
// the sums is that of one row, so that a row's result does not depend on those
// beside it, nor on the number of threads.
//
// Panels are made for the instruction set that is active and must be used
// under the same.
#ifndef SQUINT_KERNELS_GEMV_GEMV_H_
#define SQUINT_KERNELS_GEMV_GEMV_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "squint/kernels/gemm/gemm.h"

namespace squint {

class ThreadPool;

// Groups are multiples of it: the fields of a word of 2-bit numbers.
inline constexpr int64_t kGroupUnit = 16;
// Larger groups are cut; a scale for all of K is applied to pieces of this
// size.
inline constexpr int64_t kMaxGroup = 256;

// The weight as it is stored.
struct GroupedWeight {
  int64_t k = 0;
  int64_t n = 0;
  int bits = 4;  // 2, 4 or 8
  bool is_signed = false;
  // Packed, low bits of a byte first: q(p, j) is number
  // p * row_step + j * column_step.
  const void* data = nullptr;
  int64_t row_step = 0;
  int64_t column_step = 1;
  // Rows of K with one scale, a multiple of kGroupUnit; 0: all of them.
  int64_t group = 0;
  // Of group g and column j: scales[g * scale_row + j * scale_column], and
  // zeros at the same place (null: 0), in the range of the stored type.
  const float* scales = nullptr;
  int64_t scale_row = 0;
  int64_t scale_column = 1;
  const int32_t* zeros = nullptr;
};

// Panels of one weight.
struct PackedGroups {
  std::shared_ptr<uint8_t[]> data;  // 64-aligned
  int64_t k = 0;
  int64_t n = 0;
  int bits = 4;
  int64_t group = 0;         // at most kMaxGroup
  bool half_scales = false;  // float16: where that is exact for all
  bool has_zeros = false;    // uint8 each; else `zero` for all
  int32_t zero = 0;          // stored integers count from the lowest of their
                             // type, and zero points with them
  int64_t panel_bytes = 0;
  size_t bytes = 0;
};

PackedGroups PackGroups(const GroupedWeight& weight);

struct GroupedGemvArgs {
  int64_t m = 0;
  const float* x = nullptr;  // m x k, rows x_stride floats apart
  int64_t x_stride = 0;
  const PackedGroups& weight;
  float* y = nullptr;  // m x n, rows y_stride floats apart
  int64_t y_stride = 0;
  Epilogue epilogue = {};
  float* scratch = nullptr;  // GroupedGemvScratch() floats, 64-aligned
};

int64_t GroupedGemvScratch(int64_t m, const PackedGroups& weight);
void GroupedGemv(const GroupedGemvArgs& args, ThreadPool& pool);

}  // namespace squint

#endif  // SQUINT_KERNELS_GEMV_GEMV_H_
