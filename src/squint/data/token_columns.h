// Columns of token ids of varying length: padding, shifting, masks. Ids are
// integers, the last axis counts tokens.
#ifndef SQUINT_DATA_TOKEN_COLUMNS_H_
#define SQUINT_DATA_TOKEN_COLUMNS_H_

#include <cstdint>

#include "squint/data/column.h"

namespace squint {

// Cuts the trailing tokens that are `padding` in every row.
ColumnRef TrimPadding(ColumnRef ids, int64_t padding);
// Puts `fill` where the ids are `padding`.
ColumnRef ReplacePadding(ColumnRef ids, int64_t padding, int64_t fill);
// 1 where the ids are not `padding`, 0 where they are.
ColumnRef MaskOf(ColumnRef ids, int64_t padding);
// All tokens but the last (first) `count` of each row.
ColumnRef WithoutLast(ColumnRef ids, int64_t count);
ColumnRef WithoutFirst(ColumnRef ids, int64_t count);
// `value` in the shape of the ids.
ColumnRef LikeWithValue(ColumnRef ids, double value, DType dtype);

}  // namespace squint

#endif  // SQUINT_DATA_TOKEN_COLUMNS_H_
