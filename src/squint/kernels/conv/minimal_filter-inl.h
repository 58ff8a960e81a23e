// The transformations of F(2x2, 3x3) along one axis, of vectors of any type
// (winograd.h). Included once per Highway target.
#if defined(SQUINT_KERNELS_CONV_MINIMAL_FILTER_INL_H_) == \
    defined(HWY_TARGET_TOGGLE)
#ifdef SQUINT_KERNELS_CONV_MINIMAL_FILTER_INL_H_
#undef SQUINT_KERNELS_CONV_MINIMAL_FILTER_INL_H_
#else
#define SQUINT_KERNELS_CONV_MINIMAL_FILTER_INL_H_
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace squint {
namespace HWY_NAMESPACE {

constexpr int kFilterSide = 4;  // of a tile of inputs
constexpr int kFilterProducts = kFilterSide * kFilterSide;

// Bt in.
template <class V>
HWY_INLINE void TransformInputs(const V (&in)[kFilterSide],
                                V (&out)[kFilterSide]) {
  namespace hn = hwy::HWY_NAMESPACE;
  out[0] = hn::Sub(in[0], in[2]);
  out[1] = hn::Add(in[1], in[2]);
  out[2] = hn::Sub(in[2], in[1]);
  out[3] = hn::Sub(in[1], in[3]);
}

// At in.
template <class V>
HWY_INLINE void TransformSums(const V (&in)[kFilterSide], V (&out)[2]) {
  namespace hn = hwy::HWY_NAMESPACE;
  out[0] = hn::Add(in[0], hn::Add(in[1], in[2]));
  out[1] = hn::Sub(hn::Sub(in[1], in[2]), in[3]);
}

// Both axes: columns[x][y], as rows are loaded, to out[y][x].
template <class V>
HWY_INLINE void TransformTile(const V (&in)[kFilterSide][kFilterSide],
                              V (&out)[kFilterSide][kFilterSide]) {
  V columns[kFilterSide][kFilterSide];
#pragma GCC unroll 4
  for (int x = 0; x < kFilterSide; ++x) TransformInputs(in[x], columns[x]);
#pragma GCC unroll 4
  for (int y = 0; y < kFilterSide; ++y) {
    const V row[kFilterSide] = {columns[0][y], columns[1][y], columns[2][y],
                                columns[3][y]};
    TransformInputs(row, out[y]);
  }
}

// Both axes of the sums, in[x][y], to out[y][x].
template <class V>
HWY_INLINE void TransformTileSums(const V (&in)[kFilterSide][kFilterSide],
                                  V (&out)[2][2]) {
  V columns[kFilterSide][2];
#pragma GCC unroll 4
  for (int x = 0; x < kFilterSide; ++x) TransformSums(in[x], columns[x]);
#pragma GCC unroll 2
  for (int y = 0; y < 2; ++y) {
    const V row[kFilterSide] = {columns[0][y], columns[1][y], columns[2][y],
                                columns[3][y]};
    TransformSums(row, out[y]);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace squint
HWY_AFTER_NAMESPACE();

#endif  // SQUINT_KERNELS_CONV_MINIMAL_FILTER_INL_H_
