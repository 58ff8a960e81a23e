// A register tile that computes and stores nothing else, for peak.h. No header
// guard: included inside a namespace, once for each way of multiplying,
// SQUINT_PEAK_PRODUCT(row, column, sum).

// kRows x kNv vectors of sums over kPeakSteps steps, `passes` times.
template <class D, int kRows, int kNv>
HWY_NOINLINE void PeakTile(int64_t passes, const hn::TFromD<D>* rows,
                           const hn::TFromD<D>* panel, hn::TFromD<D>* sums) {
  const D d;
  constexpr int64_t kWidth = hn::MaxLanes(D());
  hn::Vec<D> sum[kRows][kNv];
#pragma GCC unroll 12
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kNv; ++v) sum[r][v] = hn::Zero(d);
  }
  for (int64_t pass = 0; pass < passes; ++pass) {
    for (int64_t step = 0; step < kPeakSteps; ++step) {
      hn::Vec<D> column[kNv];
#pragma GCC unroll 4
      for (int v = 0; v < kNv; ++v) {
        column[v] = hn::Load(d, panel + (step * kNv + v) * kWidth);
      }
#pragma GCC unroll 12
      for (int r = 0; r < kRows; ++r) {
        const auto row = hn::Set(d, rows[step * kRows + r]);
#pragma GCC unroll 4
        for (int v = 0; v < kNv; ++v) {
          sum[r][v] = SQUINT_PEAK_PRODUCT(row, column[v], sum[r][v]);
        }
      }
    }
  }
#pragma GCC unroll 12
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kNv; ++v) {
      hn::Store(sum[r][v], d, sums + (r * kNv + v) * kWidth);
    }
  }
}
