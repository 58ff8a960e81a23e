// The register tile of four-byte dot products for qrows.h: rows as they lie
// against packed weights. No header guard: included inside a namespace, once
// for each way of multiplying, SQUINT_QUAD_PRODUCT(x, w, sum) of
// SQUINT_QUAD_OPERAND(bytes) and where there is one SQUINT_QUAD_LANE_PRODUCT(x,
// lane, w, sum), with kStoresUsual (see StoreTile).

#ifdef SQUINT_QUAD_LANE_PRODUCT
constexpr int kQuadsOfVector = 4;

// One quad of the four in each x.
template <int kLane, int kRows, int kNv>
HWY_INLINE void AddLane(const IntVector (&x)[kRows], const int32_t* weights,
                        IntVector (&sum)[kRows][kNv]) {
#pragma GCC unroll 4
  for (int v = 0; v < kNv; ++v) {
    const auto w = hn::Load(IntTag(), weights + (kLane * kNv + v) * kIntLanes);
#pragma GCC unroll 12
    for (int r = 0; r < kRows; ++r) {
      sum[r][v] = SQUINT_QUAD_LANE_PRODUCT(x[r], kLane, w, sum[r][v]);
    }
  }
}
#endif

// One more quad of each row.
template <int kRows, int kNv>
HWY_INLINE void AddQuad(const uint8_t* const (&places)[kRows], int64_t q,
                        const int32_t* weights, IntVector (&sum)[kRows][kNv]) {
  const IntTag d;
  IntVector column[kNv];
#pragma GCC unroll 4
  for (int v = 0; v < kNv; ++v) {
    column[v] = hn::Load(d, weights + (q * kNv + v) * kIntLanes);
  }
#pragma GCC unroll 12
  for (int r = 0; r < kRows; ++r) {
    int32_t quad;
    std::memcpy(&quad, places[r] + kRowQuad * q, sizeof(quad));
    const auto x = SQUINT_QUAD_OPERAND(hn::Set(d, quad));
#pragma GCC unroll 4
    for (int v = 0; v < kNv; ++v) {
      sum[r][v] = SQUINT_QUAD_PRODUCT(x, column[v], sum[r][v]);
    }
  }
}

// To the sums of each row.
template <int kRows, int kNv>
HWY_INLINE void AddRowBias(const QuadTileArgs& args,
                           IntVector (&sum)[kRows][kNv]) {
#pragma GCC unroll 12
  for (int r = 0; r < kRows; ++r) {
    const auto bias =
        hn::Set(IntTag(), args.row_bias[std::min<int64_t>(r, args.rows - 1)]);
#pragma GCC unroll 4
    for (int v = 0; v < kNv; ++v) sum[r][v] = hn::Add(sum[r][v], bias);
  }
}

// kRows x kNv vectors of sums; rows beyond args.rows repeat the last one.
template <int kRows, int kNv>
HWY_NOINLINE void QuadTile(const QuadTileArgs& args) {
  const IntTag d;
  IntVector sum[kRows][kNv];
  // Of every other quad, where one row alone has few sums under way.
  IntVector other[kRows][kNv];
#pragma GCC unroll 12
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kNv; ++v) {
      sum[r][v] = QuadStart(args, v);
      other[r][v] = hn::Zero(d);
    }
  }
  const auto* w = reinterpret_cast<const int32_t*>(args.weights);
  for (int64_t t = 0; t < args.taps; ++t) {
    const uint8_t* places[kRows];
#pragma GCC unroll 12
    for (int r = 0; r < kRows; ++r) {
      places[r] = args.places[t * args.tap_stride +
                              std::min<int64_t>(r, args.rows - 1)];
    }
    int64_t q = 0;
#ifdef SQUINT_QUAD_LANE_PRODUCT
    for (; q + kQuadsOfVector <= args.quads; q += kQuadsOfVector) {
      IntVector x[kRows];
#pragma GCC unroll 12
      for (int r = 0; r < kRows; ++r) {
        const auto* at =
            reinterpret_cast<const int32_t*>(places[r] + kRowQuad * q);
        x[r] = SQUINT_QUAD_OPERAND(hn::LoadU(d, at));
      }
      const int32_t* four = w + q * kNv * kIntLanes;
      AddLane<0>(x, four, sum);
      AddLane<1>(x, four, sum);
      AddLane<2>(x, four, sum);
      AddLane<3>(x, four, sum);
    }
#endif
    if constexpr (kRows == 1) {
      for (; q + 2 <= args.quads; q += 2) {
        AddQuad(places, q, w, sum);
        AddQuad(places, q + 1, w, other);
      }
    }
    for (; q < args.quads; ++q) AddQuad(places, q, w, sum);
    w += args.quads * kNv * kIntLanes;
  }
  if constexpr (kRows == 1) {
#pragma GCC unroll 4
    for (int v = 0; v < kNv; ++v) sum[0][v] = hn::Add(sum[0][v], other[0][v]);
  }
  if (kStoresUsual && args.row_bias != nullptr) AddRowBias(args, sum);
  StoreTile<kStoresUsual>(
      sum, {args.out, args.out_stride, args.row, args.rows, args.column,
            args.columns, args.requantization});
}

template <int kNv>
void QuadRows(QuadTileArgs args, int64_t rows) {
  constexpr int kMr = QuadMr(kNv);
  for (int64_t row = 0; row < rows;) {
    args.rows = std::min<int64_t>(kMr, rows - row);
    if (args.rows == 1) {
      QuadTile<1, kNv>(args);
    } else if (kStoresUsual && args.rows <= 3) {
      // Not for rare CPUs: 3 to 6 kB each.
      QuadTile<kStoresUsual ? 3 : 6, kNv>(args);
    } else if (args.rows <= 6) {
      QuadTile<6, kNv>(args);
    } else {
      QuadTile<kMr, kNv>(args);
    }
    row += args.rows;
    args.row += args.rows;
    args.places += args.rows;
    if (args.row_bias != nullptr) args.row_bias += args.rows;
    args.out += args.rows * args.out_stride;
  }
}

HWY_NOINLINE void QuadPanel(const QuadTileArgs& args, int64_t rows,
                            int vectors) {
  switch (vectors) {
    case 1:
      return QuadRows<1>(args, rows);
    case 2:
      return QuadRows<2>(args, rows);
#if SQUINT_QUAD_WIDE
    case 3:
      return QuadRows<3>(args, rows);
    default:
      return QuadRows<4>(args, rows);
#else
    default:
      return;  // kQuadNv vectors at most
#endif
  }
}
