#include "squint/kernels/copy/byte_tile.h"

#include <algorithm>
#include <cstring>

#include "squint/kernels/copy/apart.h"
#include "squint/kernels/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "squint/kernels/copy/byte_tile.cc"
#include <hwy/foreach_target.h>
// After foreach_target.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace squint {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET == HWY_SCALAR

void ByteTile(const uint8_t* from, int64_t from_stride, int64_t rows,
              int64_t columns, uint8_t* to, int64_t to_stride) {
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < columns; ++c) {
      to[c * to_stride + r] = from[r * from_stride + c];
    }
  }
}

void ByteMatrix(const uint8_t* from, int64_t from_stride, int64_t rows,
                int64_t columns, uint8_t* to, int64_t to_stride) {
  ByteTile(from, from_stride, rows, columns, to, to_stride);
}

#else

using Tag = hn::FixedTag<uint8_t, kByteTile>;
using Row = hn::Vec<Tag>;

// Interleaving row i with row i + 8 four times brings element (r, c) to
// (c, r).
HWY_INLINE void Interleave(const Row (&in)[kByteTile], Row (&out)[kByteTile]) {
  const Tag d;
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i) {
    out[2 * i] = hn::InterleaveLower(d, in[i], in[i + 8]);
    out[2 * i + 1] = hn::InterleaveUpper(d, in[i], in[i + 8]);
  }
}

// `reads_whole`: kByteTile bytes may be read of each row, whatever `columns`.
HWY_INLINE void Tile(const uint8_t* from, int64_t from_stride, int64_t rows,
                     int64_t columns, bool reads_whole, uint8_t* to,
                     int64_t to_stride) {
  const Tag d;
  Row a[kByteTile];
  Row b[kByteTile];
  if (rows == kByteTile && reads_whole) {
#pragma GCC unroll 16
    for (int r = 0; r < kByteTile; ++r) {
      a[r] = hn::LoadU(d, from + r * from_stride);
    }
  } else {
    for (int r = 0; r < kByteTile; ++r) {
      HWY_ALIGN uint8_t some[kByteTile] = {};
      if (r < rows) {
        std::memcpy(some, from + r * from_stride, static_cast<size_t>(columns));
      }
      a[r] = hn::Load(d, some);
    }
  }
  Interleave(a, b);
  Interleave(b, a);
  Interleave(a, b);
  Interleave(b, a);
  if (rows == kByteTile && columns == kByteTile) {
#pragma GCC unroll 16
    for (int c = 0; c < kByteTile; ++c) {
      hn::StoreU(a[c], d, to + c * to_stride);
    }
    return;
  }
  HWY_ALIGN uint8_t all[kByteTile * kByteTile];
  for (int c = 0; c < kByteTile; ++c) hn::Store(a[c], d, all + c * kByteTile);
  for (int64_t c = 0; c < columns; ++c) {
    std::memcpy(to + c * to_stride, all + c * kByteTile,
                static_cast<size_t>(rows));
  }
}

void ByteTile(const uint8_t* from, int64_t from_stride, int64_t rows,
              int64_t columns, uint8_t* to, int64_t to_stride) {
  Tile(from, from_stride, rows, columns, columns == kByteTile, to, to_stride);
}

void ByteMatrix(const uint8_t* from, int64_t from_stride, int64_t rows,
                int64_t columns, uint8_t* to, int64_t to_stride) {
  const int64_t bytes = (rows - 1) * from_stride + columns;
  for (int64_t c = 0; c < columns; c += kByteTile) {
    for (int64_t r = 0; r < rows; r += kByteTile) {
      const int64_t last = (r + kByteTile - 1) * from_stride + c;
      Tile(from + r * from_stride + c, from_stride,
           std::min(kByteTile, rows - r), std::min(kByteTile, columns - c),
           last + kByteTile <= bytes, to + c * to_stride + r, to_stride);
    }
  }
}

// As many columns as d has lanes.
template <int kRows, class D>
HWY_INLINE void ZipColumns(D d, const uint8_t* from, int64_t stride,
                           uint8_t* to) {
  const auto a = hn::LoadU(d, from);
  const auto b = hn::LoadU(d, from + stride);
  if constexpr (kRows == 2) {
    hn::StoreInterleaved2(a, b, d, to);
    return;
  }
  const auto c = hn::LoadU(d, from + 2 * stride);
  if constexpr (kRows == 3) hn::StoreInterleaved3(a, b, c, d, to);
  if constexpr (kRows == 4) {
    const auto e = hn::LoadU(d, from + 3 * stride);
    hn::StoreInterleaved4(a, b, c, e, d, to);
  }
}

// Rows r and r + 4 become one of twice the columns, and these rows of four. At
// most 16 columns, which are interleaved as a whole.
template <class D>
HWY_INLINE void ZipEightRows(D d, const uint8_t* from, int64_t stride,
                             uint8_t* to) {
  hn::Vec<D> low[4];
  hn::Vec<D> high[4];
#pragma GCC unroll 4
  for (int r = 0; r < 4; ++r) {
    const auto a = hn::LoadU(d, from + r * stride);
    const auto b = hn::LoadU(d, from + (r + 4) * stride);
    low[r] = hn::InterleaveLower(d, a, b);
    high[r] = hn::InterleaveUpper(d, a, b);
  }
  hn::StoreInterleaved4(low[0], low[1], low[2], low[3], d, to);
  hn::StoreInterleaved4(high[0], high[1], high[2], high[3], d,
                        to + 4 * hn::Lanes(d));
}

// From column c on, as far as there are so many; what is left of a matrix that
// has so many is done with some of those before it once more, unless half as
// many suffice. The first column that is left.
template <int kRows, int kWidth>
HWY_INLINE int64_t ZipRows(const uint8_t* from, int64_t stride, int64_t c,
                           int64_t columns, uint8_t* to) {
  const hn::CappedTag<uint8_t, kWidth> d;
  constexpr int64_t kSmallest = 8;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  while (c < columns && columns >= lanes) {
    if (c + lanes > columns) {
      if (columns - c <= lanes / 2 && lanes > kSmallest) break;
      c = columns - lanes;
    }
    if constexpr (kRows == 8) {
      ZipEightRows(d, from + c, stride, to + c * kRows);
    } else {
      ZipColumns<kRows>(d, from + c, stride, to + c * kRows);
    }
    c += lanes;
  }
  return c;
}

// kByteTile columns of at most as many rows. A column is stored with what
// belongs to those behind it, which follow; `exact`: not behind the last one.
HWY_INLINE void ZipTile(const uint8_t* from, int64_t stride, int64_t rows,
                        bool exact, uint8_t* to) {
  const Tag d;
  Row a[kByteTile];
  Row b[kByteTile];
  for (int r = 0; r < kByteTile; ++r) {
    a[r] = r < rows ? hn::LoadU(d, from + r * stride) : hn::Zero(d);
  }
  Interleave(a, b);
  Interleave(b, a);
  Interleave(a, b);
  Interleave(b, a);
  HWY_ALIGN uint8_t all[kByteTile * kByteTile];
  uint8_t* out = exact ? all : to;
#pragma GCC unroll 16
  for (int c = 0; c < kByteTile; ++c) hn::StoreU(a[c], d, out + c * rows);
  if (exact) std::memcpy(to, all, static_cast<size_t>(kByteTile * rows));
}

HWY_INLINE void ZipTiles(const FewRows& shape, const uint8_t* from,
                         uint8_t* to) {
  for (int64_t c = 0; c < shape.columns; c += kByteTile) {
    c = std::min(c, shape.columns - kByteTile);
    ZipTile(from + c, shape.row_stride, shape.rows,
            c + 2 * kByteTile > shape.columns, to + c * shape.rows);
  }
}

#endif

// The longer side is the inner loop. By value: a byte that is stored might be
// any of the sizes.
HWY_INLINE void EachByte(FewRows s, const uint8_t* from, uint8_t* to) {
  if (s.columns >= s.rows) {
    for (int64_t r = 0; r < s.rows; ++r) {
      CopyApart(from + r * s.row_stride, 1, s.columns, to + r, s.rows);
    }
  } else {
    for (int64_t c = 0; c < s.columns; ++c) {
      CopyApart(from + c, s.row_stride, s.rows, to + c * s.rows, 1);
    }
  }
}

// Other numbers of rows.
HWY_INLINE void AnyRows(const FewRows& shape, int64_t matrices,
                        const uint8_t* from, uint8_t* to) {
  for (int64_t i = 0; i < matrices; ++i) {
#if HWY_TARGET == HWY_SCALAR
    EachByte(shape, from, to);
#else
    if (shape.rows <= kByteTile && shape.columns >= kByteTile) {
      ZipTiles(shape, from, to);
    } else {
      EachByte(shape, from, to);
    }
#endif
    from += shape.from_step;
    to += shape.to_step;
  }
}

template <int kRows>
HWY_INLINE void FewRowsOf(const FewRows& shape, int64_t matrices,
                          const uint8_t* from, uint8_t* to) {
  const int64_t columns = shape.columns;
  const int64_t stride = shape.row_stride;
  for (int64_t i = 0; i < matrices; ++i) {
    int64_t c = 0;
#if HWY_TARGET != HWY_SCALAR
    if constexpr (kRows < 8 && HWY_LANES(uint8_t) >= 32) {
      c = ZipRows<kRows, 32>(from, stride, c, columns, to);
    }
    c = ZipRows<kRows, 16>(from, stride, c, columns, to);
    c = ZipRows<kRows, 8>(from, stride, c, columns, to);
#endif
    for (; c < columns; ++c) {
      for (int64_t r = 0; r < kRows; ++r)
        to[c * kRows + r] = from[r * stride + c];
    }
    from += shape.from_step;
    to += shape.to_step;
  }
}

void ZipFewRows(const FewRows& shape, int64_t matrices, const uint8_t* from,
                uint8_t* to) {
  switch (shape.rows) {
    case 2:
      return FewRowsOf<2>(shape, matrices, from, to);
    case 3:
      return FewRowsOf<3>(shape, matrices, from, to);
    case 4:
      return FewRowsOf<4>(shape, matrices, from, to);
    case 8:
      return FewRowsOf<8>(shape, matrices, from, to);
    default:
      return AnyRows(shape, matrices, from, to);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace squint
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace squint {
namespace {
HWY_EXPORT(ByteTile);
HWY_EXPORT(ByteMatrix);
HWY_EXPORT(ZipFewRows);
}  // namespace

void TransposeByteTile(const uint8_t* from, int64_t from_stride, int64_t rows,
                       int64_t columns, uint8_t* to, int64_t to_stride) {
  HWY_DYNAMIC_DISPATCH(ByteTile)
  (from, from_stride, rows, columns, to, to_stride);
}

void TransposeByteMatrix(const uint8_t* from, int64_t from_stride, int64_t rows,
                         int64_t columns, uint8_t* to, int64_t to_stride) {
  HWY_DYNAMIC_DISPATCH(ByteMatrix)
  (from, from_stride, rows, columns, to, to_stride);
}

void InterleaveBytes(const FewRows& shape, int64_t matrices,
                     const uint8_t* from, uint8_t* to) {
  HWY_DYNAMIC_DISPATCH(ZipFewRows)(shape, matrices, from, to);
}

}  // namespace squint
#endif  // HWY_ONCE
