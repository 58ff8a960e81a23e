// The register tile of pairs (pairs-inl.h). No header guard: included inside a
// namespace, once for each way of multiplying: SQUINT_PAIR_PRODUCT(factor, row,
// sum) of SQUINT_PAIR_FACTOR(pairs) on both sides.

// kMr x (kVectors * kLanes) sums over k pairs; b has b_stride floats from pair
// to pair. Rows that do not exist repeat the last one.
template <int kVectors>
HWY_NOINLINE void PairTile(int64_t k, const LeftRows& left,
                           const float* HWY_RESTRICT b, int64_t b_stride,
                           const TileOutput& out) {
  const FloatTag d;
  FloatVector sum[kMr][kVectors];
  const float* HWY_RESTRICT a[kMr];
#pragma GCC unroll 8
  for (int r = 0; r < kMr; ++r) {
    a[r] = left.data + std::min<int64_t>(r, out.rows - 1) * left.row_stride;
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) sum[r][v] = hn::Zero(d);
  }
  for (int64_t p = 0; p < k; ++p) {
    decltype(SQUINT_PAIR_FACTOR(hn::Zero(d))) row[kVectors];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      row[v] = SQUINT_PAIR_FACTOR(hn::LoadU(d, b + v * kLanes));
    }
#pragma GCC unroll 8
    for (int r = 0; r < kMr; ++r) {
      const auto factor = SQUINT_PAIR_FACTOR(hn::Set(d, a[r][p]));
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        sum[r][v] = SQUINT_PAIR_PRODUCT(factor, row[v], sum[r][v]);
      }
    }
    b += b_stride;
  }
  StoreTile<kVectors>(sum, out);
}

inline void PairTileFor(int64_t k, const LeftRows& left, const float* b,
                        int64_t b_stride, const TileOutput& out) {
  if (out.columns <= kLanes) return PairTile<1>(k, left, b, b_stride, out);
  if (out.columns <= 2 * kLanes) return PairTile<2>(k, left, b, b_stride, out);
  PairTile<kNv>(k, left, b, b_stride, out);
}
