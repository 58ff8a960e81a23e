// Real results of a tile's columns. Included once per Highway target.
#if defined(SQUINT_KERNELS_QGEMM_REAL_COLUMNS_INL_H_) == \
    defined(HWY_TARGET_TOGGLE)
#ifdef SQUINT_KERNELS_QGEMM_REAL_COLUMNS_INL_H_
#undef SQUINT_KERNELS_QGEMM_REAL_COLUMNS_INL_H_
#else
#define SQUINT_KERNELS_QGEMM_REAL_COLUMNS_INL_H_
#endif

#include <hwy/highway.h>

#include <cstdint>

#include "squint/kernels/qgemm/requantize-inl.h"

HWY_BEFORE_NAMESPACE();
namespace squint {
namespace HWY_NAMESPACE {

// Plain real results of kNv vectors of columns, the same parameters for all
// rows of the tile.
template <int kNv>
class RealColumns {
 public:
  // For the columns from `column` on; see HasRealColumns.
  RealColumns(const Requantization& r, int64_t column) {
    const IntTag d;
    const RealTag df;
    for (int64_t v = 0; v < kNv; ++v) {
      const int64_t at = column + v * kIntLanes;
      hn::Store(r.bias == nullptr ? hn::Zero(d)
                                  : Parameters(d, r.bias, at * r.bias_column,
                                               r.bias_column, kIntLanes),
                d, bias_ + v * kIntLanes);
      hn::Store(Parameters(df, r.multiplier, at * r.multiplier_column,
                           r.multiplier_column, kIntLanes),
                df, multiplier_ + v * kIntLanes);
      // -0 changes no number.
      hn::Store(
          r.added == nullptr ? hn::Set(df, -0.0f) : hn::LoadU(df, r.added + at),
          df, added_ + v * kIntLanes);
    }
  }

  // `at`: columns further.
  HWY_INLINE RealVector Real(IntVector sum, int64_t at) const {
    const IntTag d;
    const RealTag df;
    const auto whole = hn::Add(sum, hn::Load(d, bias_ + at));
    const auto real =
        hn::Mul(hn::ConvertTo(df, whole), hn::Load(df, multiplier_ + at));
    return hn::Add(real, hn::Load(df, added_ + at));
  }
  // out: of this vector.
  HWY_INLINE void Store(IntVector sum, int64_t at, uint8_t* out) const {
    hn::StoreU(Real(sum, at), RealTag(), reinterpret_cast<float*>(out));
  }

 private:
  HWY_ALIGN int32_t bias_[kNv * kIntLanes];
  HWY_ALIGN float multiplier_[kNv * kIntLanes];
  HWY_ALIGN float added_[kNv * kIntLanes];
};

// Real results, of a function or plain, or steps of them.
inline bool HasRealColumns(const Requantization& r) {
  return r.is_real && r.bias_row == 0 && r.multiplier_row == 0;
}

}  // namespace HWY_NAMESPACE
}  // namespace squint
HWY_AFTER_NAMESPACE();

#endif  // SQUINT_KERNELS_QGEMM_REAL_COLUMNS_INL_H_
