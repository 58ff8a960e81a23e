#include "squint/kernels/copy/byte_tile.h"

#include <algorithm>
#include <cstring>

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

#endif

void FewRows(const uint8_t* from, int64_t stride, int64_t rows, int64_t columns,
             uint8_t* to) {
  int64_t c = 0;
#if HWY_TARGET != HWY_SCALAR
  const hn::ScalableTag<uint8_t> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto row = [&](int64_t r) {
    return hn::LoadU(d, from + r * stride + c);
  };
  for (; c + lanes <= columns; c += lanes) {
    uint8_t* out = to + c * rows;
    if (rows == 2) {
      hn::StoreInterleaved2(row(0), row(1), d, out);
    } else if (rows == 3) {
      hn::StoreInterleaved3(row(0), row(1), row(2), d, out);
    } else {
      hn::StoreInterleaved4(row(0), row(1), row(2), row(3), d, out);
    }
  }
#endif
  for (; c < columns; ++c) {
    for (int64_t r = 0; r < rows; ++r) {
      to[c * rows + r] = from[r * stride + c];
    }
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
HWY_EXPORT(FewRows);
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

void InterleaveBytes(const uint8_t* from, int64_t from_stride, int64_t rows,
                     int64_t columns, uint8_t* to) {
  HWY_DYNAMIC_DISPATCH(FewRows)(from, from_stride, rows, columns, to);
}

}  // namespace squint
#endif  // HWY_ONCE
