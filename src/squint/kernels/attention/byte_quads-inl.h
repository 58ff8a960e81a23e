// Products of two matrices of bytes by the tile of qrows.h where the CPU has a
// dot product of four bytes. The tile takes uint8 times int8, so that bytes of
// the other kind are flipped, 128 away, and leaves out the zero points:
//   sum (a - za)(b - zb) = sum ab - za sum b - zb sum a + k za zb,
// where what columns share becomes their bias and what rows share row_bias.
// Included once per Highway target.
#if defined(SQUINT_KERNELS_ATTENTION_BYTE_QUADS_INL_H_) == \
    defined(HWY_TARGET_TOGGLE)
#ifdef SQUINT_KERNELS_ATTENTION_BYTE_QUADS_INL_H_
#undef SQUINT_KERNELS_ATTENTION_BYTE_QUADS_INL_H_
#else
#define SQUINT_KERNELS_ATTENTION_BYTE_QUADS_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "squint/kernels/attention/attention.h"
#include "squint/kernels/qgemm/qgemm.h"
#include "squint/kernels/qrows/pack-inl.h"
#include "squint/kernels/qrows/quad-inl.h"

HWY_BEFORE_NAMESPACE();
namespace squint {
namespace HWY_NAMESPACE {

// Columns in whole vectors.
constexpr int64_t WholeColumns(int64_t n) {
  return (n + kIntLanes - 1) / kIntLanes * kIntLanes;
}

#if SQUINT_QUAD_DOT

constexpr int32_t kOneOfEach = 0x01010101;
constexpr uint8_t kFlip = 0x80;

// k rows, from the even of `in`, as quads: 16 columns of four rows.
HWY_INLINE void InterleaveFourRows(const uint8_t* in, int64_t stride,
                                   uint8_t* out) {
  const hn::FixedTag<uint8_t, 16> d;
  const hn::Repartition<uint16_t, decltype(d)> pairs;
  const auto a = hn::LoadU(d, in);
  const auto b = hn::LoadU(d, in + stride);
  const auto c = hn::LoadU(d, in + 2 * stride);
  const auto e = hn::LoadU(d, in + 3 * stride);
  const auto ab = hn::BitCast(pairs, hn::InterleaveLower(d, a, b));
  const auto ab_upper = hn::BitCast(pairs, hn::InterleaveUpper(d, a, b));
  const auto ce = hn::BitCast(pairs, hn::InterleaveLower(d, c, e));
  const auto ce_upper = hn::BitCast(pairs, hn::InterleaveUpper(d, c, e));
  auto* to = reinterpret_cast<uint16_t*>(out);
  hn::StoreU(hn::InterleaveLower(pairs, ab, ce), pairs, to);
  hn::StoreU(hn::InterleaveUpper(pairs, ab, ce), pairs, to + 8);
  hn::StoreU(hn::InterleaveLower(pairs, ab_upper, ce_upper), pairs, to + 16);
  hn::StoreU(hn::InterleaveUpper(pairs, ab_upper, ce_upper), pairs, to + 24);
}

// Rows from `row` on and columns from `column` on, byte by byte.
inline void PackQuadsByBytes(const ByteView& b, int64_t row, int64_t k,
                             int64_t column, int64_t columns, int64_t width,
                             uint8_t* out) {
  const auto* in = static_cast<const uint8_t*>(b.data);
  for (int64_t p = row; p < k; ++p) {
    uint8_t* to = out + p / kRowQuad * width * kRowQuad + p % kRowQuad;
    const uint8_t* from = in + p * b.row_stride;
    for (int64_t j = column; j < columns; ++j) {
      to[j * kRowQuad] = from[j * b.column_stride];
    }
  }
}

// A panel: [k / 4][width][4], zeros beyond k and `columns`.
inline void PackQuadPanel(int64_t k, int64_t columns, const ByteView& b,
                          int64_t width, uint8_t* out) {
  constexpr int64_t kSquare = 16;
  const auto* in = static_cast<const uint8_t*>(b.data);
  const int64_t step = width * kRowQuad;
  if (columns < width || k % kRowQuad != 0) {
    std::memset(out, 0, static_cast<size_t>(QuadsOf(k) * step));
  }
  if (b.row_stride == 1) {
    return Interleave<kRowQuad>(reinterpret_cast<const int8_t*>(in),
                                b.column_stride, columns, k, width,
                                reinterpret_cast<int8_t*>(out));
  }
  int64_t rows = 0;  // and columns that are done
  int64_t done = 0;
  if (b.column_stride == 1) {
    rows = k / kRowQuad * kRowQuad;
    done = columns / kSquare * kSquare;
    for (int64_t p = 0; p < rows; p += kRowQuad) {
      uint8_t* to = out + p / kRowQuad * step;
      for (int64_t j = 0; j < done; j += kSquare) {
        InterleaveFourRows(in + p * b.row_stride + j, b.row_stride,
                           to + j * kRowQuad);
      }
    }
  }
  PackQuadsByBytes(b, 0, rows, done, columns, width, out);
  PackQuadsByBytes(b, rows, k, 0, columns, width, out);
}

// The bytes of a row as uint8, zeros behind them up to a multiple of 16;
// returns their sum. `flip`: kFlip or 0.
HWY_INLINE int32_t FlipRow(const uint8_t* in, int64_t count, uint8_t flip,
                           uint8_t* out) {
  constexpr int64_t kBytes = 16;
  const hn::FixedTag<uint8_t, kBytes> d;
  const hn::Repartition<uint64_t, decltype(d)> wide;
  const auto by = hn::Set(d, flip);
  auto sums = hn::Zero(wide);
  int64_t i = 0;
  for (; i + kBytes <= count; i += kBytes) {
    const auto bytes = hn::Xor(hn::LoadU(d, in + i), by);
    hn::StoreU(bytes, d, out + i);
    sums = hn::Add(sums, hn::SumsOf8(bytes));
  }
  if (i < count) {
    HWY_ALIGN uint8_t rest[kBytes] = {};
    for (int64_t j = i; j < count; ++j) rest[j - i] = in[j] ^ flip;
    const auto bytes = hn::Load(d, rest);
    hn::StoreU(bytes, d, out + i);
    sums = hn::Add(sums, hn::SumsOf8(bytes));
  }
  return static_cast<int32_t>(hn::GetLane(hn::SumOfLanes(wide, sums)));
}

// One product of k x n bytes b that rows of bytes meet.
class QuadProduct {
 public:
  // Memory for both, 64-aligned.
  QuadProduct(const ByteProduct& p, int64_t k, int64_t n, uint8_t* panels,
              int32_t* bias)
      : result_(p.result),
        given_bias_(p.result.bias),
        given_step_(p.result.bias_column),
        k_(k),
        n_(n),
        a_flip_(p.a.is_signed ? kFlip : 0),
        b_flip_(p.b.is_signed ? 0 : kFlip),
        a_zero_(p.a.zero + a_flip_),
        b_zero_(p.b.zero - b_flip_),
        panels_(panels),
        bias_(bias) {
    result_.bias = bias;
    result_.bias_column = 1;
  }

  uint8_t a_flip() const { return a_flip_; }
  bool has_row_bias() const { return b_zero_ != 0; }
  // Of a row of uint8s with this sum.
  int32_t RowBias(int32_t sum) const { return -b_zero_ * sum; }

  void Pack(const ByteView& b) const {
    ByteView from = b;
    for (int64_t column = 0; column < n_; column += kQuadNr) {
      const int vectors = QuadVectors(column, n_);
      from.data =
          static_cast<const uint8_t*>(b.data) + column * b.column_stride;
      uint8_t* panel = panels_ + column * QuadsOf(k_) * kRowQuad;
      PackQuadPanel(k_, std::min<int64_t>(kQuadNr, n_ - column), from,
                    vectors * kIntLanes, panel);
      for (int v = 0; v < vectors; ++v)
        FinishColumns(column, v, vectors, panel);
    }
  }

  // Rows of a as uint8s, k in whole quads to read; row_bias: null or one for
  // each. Results of whole vectors of columns if there is `room`.
  void Multiply(const uint8_t* const* rows, int64_t count,
                const int32_t* row_bias, bool room, uint8_t* c,
                int64_t c_stride) const {
    const int64_t columns = room ? WholeColumns(n_) : n_;
    for (int64_t column = 0; column < n_; column += kQuadNr) {
      QuadDotPanel({.taps = 1,
                    .quads = QuadsOf(k_),
                    .places = rows,
                    .tap_stride = count,
                    .weights = reinterpret_cast<const std::byte*>(
                        panels_ + column * QuadsOf(k_) * kRowQuad),
                    .start = nullptr,
                    .row = 0,
                    .rows = 0,
                    .column = column,
                    .columns = std::min<int64_t>(kQuadNr, columns - column),
                    .out = c + column * result_.result_bytes(),
                    .out_stride = c_stride,
                    .requantization = result_,
                    .row_bias = row_bias},
                   count, QuadVectors(column, n_));
    }
  }

 private:
  // Vector v of a panel: int8s, and the bias that they make.
  void FinishColumns(int64_t panel_column, int v, int vectors,
                     uint8_t* panel) const {
    const IntTag d;
    const auto ones = hn::Set(d, kOneOfEach);
    const auto flip = hn::Set(d, static_cast<int32_t>(0x01010101u * b_flip_));
    auto* at = reinterpret_cast<int32_t*>(panel) + v * kIntLanes;
    auto sum = hn::Zero(d);
    const int64_t whole = k_ / kRowQuad;
    for (int64_t q = 0; q < QuadsOf(k_); ++q, at += vectors * kIntLanes) {
      // Behind k zeros remain.
      const auto by =
          q < whole ? flip
                    : hn::And(flip, hn::Set(d, (1 << (k_ % kRowQuad * 8)) - 1));
      const auto w = hn::Xor(hn::Load(d, at), by);
      hn::Store(w, d, at);
      sum = QuadDotImitated(ones, w, sum);
    }
    const int64_t column = panel_column + v * kIntLanes;
    const auto fixed = hn::Set(d, static_cast<int32_t>(k_ * a_zero_ * b_zero_));
    auto bias =
        hn::Add(hn::Mul(sum, hn::Set(d, SQUINT_QUAD_LOWER - a_zero_)), fixed);
    if (given_bias_ != nullptr) {
      const int64_t count = std::min<int64_t>(kIntLanes, n_ - column);
      bias = hn::Add(bias, Parameters(d, given_bias_, column * given_step_,
                                      given_step_, count));
    }
    hn::Store(bias, d, bias_ + column);
  }

  Requantization result_;
  const int32_t* given_bias_;  // null: none
  int64_t given_step_;
  int64_t k_;
  int64_t n_;
  uint8_t a_flip_;
  uint8_t b_flip_;
  int32_t a_zero_;  // of the flipped bytes
  int32_t b_zero_;
  uint8_t* panels_;
  int32_t* bias_;
};

#endif  // SQUINT_QUAD_DOT

}  // namespace HWY_NAMESPACE
}  // namespace squint
HWY_AFTER_NAMESPACE();

#endif  // SQUINT_KERNELS_ATTENTION_BYTE_QUADS_INL_H_
