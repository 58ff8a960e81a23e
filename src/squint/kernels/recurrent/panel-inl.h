// The panels of state_weights.h. Included once per Highway target.
#if defined(SQUINT_KERNELS_RECURRENT_PANEL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SQUINT_KERNELS_RECURRENT_PANEL_INL_H_
#undef SQUINT_KERNELS_RECURRENT_PANEL_INL_H_
#else
#define SQUINT_KERNELS_RECURRENT_PANEL_INL_H_
#endif

#include <hwy/highway.h>

#include <cstdint>

HWY_BEFORE_NAMESPACE();
namespace squint {
namespace HWY_NAMESPACE {

constexpr int64_t kCellLanes = HWY_LANES(float);
// Sums in flight: enough to hide the latency of multiply-add, few enough for
// 16 registers.
constexpr int kCellVectors = 8;
constexpr int64_t kPanelColumns = kCellVectors * kCellLanes;

// Vectors of units in a panel of this many gates.
constexpr int UnitVectors(int64_t gates) {
  return static_cast<int>(kCellVectors / gates);
}
constexpr int64_t UnitsOf(int64_t gates) {
  return UnitVectors(gates) * kCellLanes;
}
inline int64_t BlocksOf(int64_t hidden, int64_t gates) {
  return (hidden + UnitsOf(gates) - 1) / UnitsOf(gates);
}

}  // namespace HWY_NAMESPACE
}  // namespace squint
HWY_AFTER_NAMESPACE();

#endif  // SQUINT_KERNELS_RECURRENT_PANEL_INL_H_
