#ifndef SQUINT_KERNELS_QGEMM_TILE_PLACE_H_
#define SQUINT_KERNELS_QGEMM_TILE_PLACE_H_

#include <cstdint>

#include "squint/kernels/qgemm/requantization.h"

namespace squint {

// Bytes whose bias and multiplier are those of their columns.
inline bool HasColumnStore(const Requantization& r) {
  return !r.is_real && r.bias != nullptr && r.bias_row == 0 &&
         r.bias_column == 1 && r.multiplier_row == 0 &&
         r.multiplier_column == 1;
}

// Where a tile goes: rows `stride` bytes apart, element (row, column) first.
struct TilePlace {
  uint8_t* out;
  int64_t stride;
  int64_t row;
  int64_t rows;
  int64_t column;
  int64_t columns;
  const Requantization& requantization;
};

}  // namespace squint

#endif  // SQUINT_KERNELS_QGEMM_TILE_PLACE_H_
