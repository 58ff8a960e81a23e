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

// to[c * rows + r] = from[r * from_stride + c] for r < rows, c < columns: 2 to
// kFewRows rows side by side, as the planes of an image become pixels.
inline constexpr int64_t kFewRows = 4;
void InterleaveBytes(const uint8_t* from, int64_t from_stride, int64_t rows,
                     int64_t columns, uint8_t* to);

}  // namespace squint

#endif  // SQUINT_KERNELS_COPY_BYTE_TILE_H_
