// The sums of quads of sums-inl.h. No header guard: included inside a
// namespace, once for each way of multiplying: SQUINT_STATE_PRODUCT(x, w, sum)
// of SQUINT_STATE_OPERAND(bytes).

// kRows rows of states, x_stride bytes apart, times kNv vectors of columns.
template <int kRows, int kNv>
HWY_NOINLINE void QuadSums(int64_t quads, const int8_t* HWY_RESTRICT x,
                           int64_t x_stride, const int8_t* HWY_RESTRICT weights,
                           int32_t* HWY_RESTRICT sums) {
  const IntTag d;
  IntVector sum[kRows][kNv];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
    for (int v = 0; v < kNv; ++v) sum[r][v] = hn::Zero(d);
  }
  for (int64_t q = 0; q < quads; ++q, weights += 4 * kPanelColumns) {
    IntVector operand[kRows];
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      int32_t quad;
      std::memcpy(&quad, x + r * x_stride + 4 * q, sizeof(quad));
      operand[r] = SQUINT_STATE_OPERAND(hn::Set(d, quad));
    }
#pragma GCC unroll 8
    for (int v = 0; v < kNv; ++v) {
      const auto w = hn::Load(
          d, reinterpret_cast<const int32_t*>(weights) + v * kCellLanes);
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
        sum[r][v] = SQUINT_STATE_PRODUCT(operand[r], w, sum[r][v]);
      }
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
    for (int v = 0; v < kNv; ++v) {
      hn::Store(sum[r][v], d, sums + r * kPanelColumns + v * kCellLanes);
    }
  }
}

// All columns of a panel; fewer vectors at once for more rows, so that all
// sums stay in registers.
template <int kRows>
void PanelQuads(int64_t quads, const int8_t* x, int64_t x_stride,
                const int8_t* panel, int32_t* sums) {
  constexpr int kNv = kRows == 1 ? kCellVectors : kCellVectors / 2;
  for (int from = 0; from < kCellVectors; from += kNv) {
    const int64_t column = from * kCellLanes;
    QuadSums<kRows, kNv>(quads, x, x_stride, panel + 4 * column, sums + column);
  }
}
