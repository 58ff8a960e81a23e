// Transposition of bytes, square by square in registers.
#ifndef SQUINT_KERNELS_COPY_BYTE_TILE_H_
#define SQUINT_KERNELS_COPY_BYTE_TILE_H_

#include <cstdint>

namespace squint {

inline constexpr int64_t kByteTile = 16;

// to[c * to_stride + r] = from[r * from_stride + c] for r < rows, c < columns,
// both at most kByteTile.
void TransposeByteTile(const uint8_t* from, int64_t from_stride, int64_t rows,
                       int64_t columns, uint8_t* to, int64_t to_stride);

// The same for any number of rows and columns.
void TransposeByteMatrix(const uint8_t* from, int64_t from_stride, int64_t rows,
                         int64_t columns, uint8_t* to, int64_t to_stride);

// Matrices whose columns come to lie one behind the other: planes of an image
// that become pixels, groups of channels that are shuffled.
struct FewRows {
  int64_t rows;
  int64_t columns;
  int64_t row_stride;
  int64_t from_step;  // from one matrix to the next
  int64_t to_step;
};

// to[i * to_step + c * rows + r] =
//     from[i * from_step + r * row_stride + c]
// for i < matrices, r < rows, c < columns. Made for 2, 3, 4 and 8 rows, good
// below kByteTile rows or columns.
void InterleaveBytes(const FewRows& shape, int64_t matrices,
                     const uint8_t* from, uint8_t* to);

}  // namespace squint

#endif  // SQUINT_KERNELS_COPY_BYTE_TILE_H_
