#include "squint/kernels/soft_rounding/soft_rounding.h"

#include <algorithm>

#include "squint/base/threads.h"
#include "squint/kernels/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "squint/kernels/soft_rounding/soft_rounding.cc"
#include <hwy/foreach_target.h>
// After foreach_target.
#include <hwy/highway.h>

#include "squint/kernels/elementwise/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace squint {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <class D, class V>
HWY_INLINE V Stretched(D d, V sigmoid) {
  return hn::MulAdd(hn::Set(d, 1.2f), sigmoid, hn::Set(d, -0.1f));
}

// x^(power - 1) for an even power.
template <class V>
HWY_INLINE V OddPower(V x, int power) {
  const V square = hn::Mul(x, x);
  V result = x;
  for (int p = 2; p < power; p += 2) result = hn::Mul(result, square);
  return result;
}

template <class D>
HWY_INLINE void StepVector(D d, const SoftRoundingArgs& args, int64_t i) {
  const auto zero = hn::Zero(d);
  const auto one = hn::Set(d, 1.0f);
  const auto low = hn::Set(d, args.lowest);
  const auto high = hn::Set(d, args.highest);
  const auto floor = hn::LoadU(d, args.floor + i);
  const auto scale = hn::LoadU(d, args.scale + i);
  const auto v = hn::LoadU(d, args.v + i);

  const auto sigmoid = Logistic(d, v);
  const auto raw = Stretched(d, sigmoid);
  const auto h = hn::Min(hn::Max(raw, zero), one);
  const auto steps = hn::Add(floor, h);
  const auto inside = hn::And(hn::Ge(steps, low), hn::Le(steps, high));
  const auto loss = hn::IfThenElseZero(
      inside, hn::Mul(hn::LoadU(d, args.gradient + i), scale));
  const auto side = hn::Sub(hn::Add(h, h), one);
  const auto pull =
      hn::Mul(hn::Set(d, -2.0f * static_cast<float>(args.power) * args.pull),
              OddPower(side, args.power));
  const auto open = hn::And(hn::Gt(raw, zero), hn::Lt(raw, one));
  const auto slope =
      hn::Mul(hn::Set(d, 1.2f), hn::Mul(sigmoid, hn::Sub(one, sigmoid)));
  const auto g = hn::IfThenElseZero(open, hn::Mul(slope, hn::Add(loss, pull)));

  const auto first = hn::MulAdd(hn::Set(d, 0.9f), hn::LoadU(d, args.first + i),
                                hn::Mul(hn::Set(d, 0.1f), g));
  const auto second =
      hn::MulAdd(hn::Set(d, 0.999f), hn::LoadU(d, args.second + i),
                 hn::Mul(hn::Set(d, 0.001f), hn::Mul(g, g)));
  const auto root =
      hn::Sqrt(hn::Mul(second, hn::Set(d, args.second_correction)));
  const auto step = hn::Div(hn::Mul(hn::Set(d, args.rate), first),
                            hn::Add(root, hn::Set(d, 1e-12f)));
  const auto moved = hn::Sub(v, step);
  const auto rounded =
      hn::Min(hn::Max(Stretched(d, Logistic(d, moved)), zero), one);

  hn::StoreU(first, d, args.first + i);
  hn::StoreU(second, d, args.second + i);
  hn::StoreU(moved, d, args.v + i);
  hn::StoreU(
      hn::Mul(scale, hn::Min(hn::Max(hn::Add(floor, rounded), low), high)), d,
      args.weight + i);
}

void StepRange(const SoftRoundingArgs& args, int64_t begin, int64_t end) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = begin;
  for (; i + lanes <= end; i += lanes) StepVector(d, args, i);
  const hn::CappedTag<float, 1> single;
  for (; i < end; ++i) StepVector(single, args, i);
}

}  // namespace HWY_NAMESPACE
}  // namespace squint
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace squint {

HWY_EXPORT(StepRange);

void StepSoftRounding(const SoftRoundingArgs& args, ThreadPool& pool) {
  const auto step_range = HWY_DYNAMIC_DISPATCH(StepRange);
  pool.ParallelFor(static_cast<size_t>(args.count), 4096,
                   [&](size_t begin, size_t end) {
                     step_range(args, static_cast<int64_t>(begin),
                                static_cast<int64_t>(end));
                   });
}

}  // namespace squint
#endif  // HWY_ONCE
