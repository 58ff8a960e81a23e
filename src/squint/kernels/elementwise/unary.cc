// Functions of one element.
#include "squint/kernels/elementwise/unary.h"

#include <cstring>
#include <limits>

#include "squint/base/threads.h"
#include "squint/kernels/elementwise/unary_ref.h"
#include "squint/kernels/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "squint/kernels/elementwise/unary.cc"
#include <hwy/foreach_target.h>
// After foreach_target.
#include <hwy/highway.h>

#include "squint/kernels/elementwise/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace squint {
namespace HWY_NAMESPACE {

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;
constexpr size_t kUnaryLanes = HWY_LANES(float);

// The last elements go through a buffer, so that a value's result does not
// depend on its place.
template <class F>
HWY_NOINLINE void Map(const F& f, const float* x, size_t count, float* y) {
  const D d;
  size_t i = 0;
  for (; i + kUnaryLanes <= count; i += kUnaryLanes) {
    hn::StoreU(f(d, hn::LoadU(d, x + i)), d, y + i);
  }
  if (i == count) return;
  HWY_ALIGN float rest[kUnaryLanes] = {};
  std::memcpy(rest, x + i, (count - i) * sizeof(float));
  hn::Store(f(d, hn::Load(d, rest)), d, rest);
  std::memcpy(y + i, rest, (count - i) * sizeof(float));
}

struct AbsFunction {
  HWY_INLINE V operator()(D, V x) const { return hn::Abs(x); }
};
struct CeilFunction {
  HWY_INLINE V operator()(D, V x) const { return hn::Ceil(x); }
};
struct FloorFunction {
  HWY_INLINE V operator()(D, V x) const { return hn::Floor(x); }
};
struct RoundFunction {
  HWY_INLINE V operator()(D, V x) const { return hn::Round(x); }
};
struct NegFunction {
  HWY_INLINE V operator()(D, V x) const { return hn::Neg(x); }
};
struct SqrtFunction {
  HWY_INLINE V operator()(D, V x) const { return hn::Sqrt(x); }
};
struct ReciprocalFunction {
  HWY_INLINE V operator()(D d, V x) const {
    return hn::Div(hn::Set(d, 1.0f), x);
  }
};
struct ClipFunction {
  float low, high;
  HWY_INLINE V operator()(D d, V x) const {
    return ClampKeepNaN(x, hn::Set(d, low), hn::Set(d, high));
  }
};
struct LeakyReluFunction {
  float alpha;
  HWY_INLINE V operator()(D d, V x) const {
    return hn::IfThenElse(hn::Lt(x, hn::Zero(d)), hn::Mul(hn::Set(d, alpha), x),
                          x);
  }
};
struct HardSigmoidFunction {
  float alpha, beta;
  HWY_INLINE V operator()(D d, V x) const {
    return ClampKeepNaN(hn::MulAdd(hn::Set(d, alpha), x, hn::Set(d, beta)),
                        hn::Zero(d), hn::Set(d, 1.0f));
  }
};
struct HardSwishFunction {
  HWY_INLINE V operator()(D d, V x) const {
    return hn::Mul(x, HardSigmoidFunction{1.0f / 6.0f, 0.5f}(d, x));
  }
};
struct ExpFunction {
  HWY_INLINE V operator()(D d, V x) const { return Exp(d, x); }
};
struct SigmoidFunction {
  HWY_INLINE V operator()(D d, V x) const { return Logistic(d, x); }
};
struct SiluFunction {
  float alpha;
  // Division keeps -inf at 0 times infinity out: NaN there as in the formula.
  HWY_INLINE V operator()(D d, V x) const {
    return hn::Div(
        x, hn::Add(hn::Set(d, 1.0f), Exp(d, hn::Mul(hn::Set(d, -alpha), x))));
  }
};
struct TanhFunction {
  HWY_INLINE V operator()(D d, V x) const { return Tanh(d, x); }
};
struct ErfFunction {
  HWY_INLINE V operator()(D d, V x) const { return Erf(d, x); }
};
struct GeluFunction {
  HWY_INLINE V operator()(D d, V x) const { return Gelu(d, x); }
};
struct GeluByTanhFunction {
  HWY_INLINE V operator()(D d, V x) const { return GeluByTanh(d, x); }
};

void MapScalar(UnaryKind kind, float alpha, float beta, const float* x,
               size_t count, float* y) {
  for (size_t i = 0; i < count; ++i) {
    y[i] = static_cast<float>(UnaryReference(kind, static_cast<double>(alpha),
                                             static_cast<double>(beta),
                                             static_cast<double>(x[i])));
  }
}

void UnaryRange(UnaryKind kind, float alpha, float beta, const float* x,
                size_t count, float* y) {
  switch (kind) {
    case UnaryKind::kAbs:
      return Map(AbsFunction{}, x, count, y);
    case UnaryKind::kCeil:
      return Map(CeilFunction{}, x, count, y);
    case UnaryKind::kClip:
      return Map(ClipFunction{alpha, beta}, x, count, y);
    case UnaryKind::kErf:
      return Map(ErfFunction{}, x, count, y);
    case UnaryKind::kExp:
      return Map(ExpFunction{}, x, count, y);
    case UnaryKind::kFloor:
      return Map(FloorFunction{}, x, count, y);
    case UnaryKind::kGelu:
      return Map(GeluFunction{}, x, count, y);
    case UnaryKind::kGeluByTanh:
      return Map(GeluByTanhFunction{}, x, count, y);
    case UnaryKind::kHardSigmoid:
      return Map(HardSigmoidFunction{alpha, beta}, x, count, y);
    case UnaryKind::kHardSwish:
      return Map(HardSwishFunction{}, x, count, y);
    case UnaryKind::kLeakyRelu:
      return Map(LeakyReluFunction{alpha}, x, count, y);
    case UnaryKind::kNeg:
      return Map(NegFunction{}, x, count, y);
    case UnaryKind::kReciprocal:
      return Map(ReciprocalFunction{}, x, count, y);
    case UnaryKind::kRound:
      return Map(RoundFunction{}, x, count, y);
    case UnaryKind::kSigmoid:
      return Map(SigmoidFunction{}, x, count, y);
    case UnaryKind::kSilu:
      return Map(SiluFunction{alpha}, x, count, y);
    case UnaryKind::kSqrt:
      return Map(SqrtFunction{}, x, count, y);
    case UnaryKind::kTanh:
      return Map(TanhFunction{}, x, count, y);
    case UnaryKind::kElu:
    case UnaryKind::kLog:
    case UnaryKind::kSoftplus:
      return MapScalar(kind, alpha, beta, x, count, y);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace squint
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace squint {
namespace {
HWY_EXPORT(UnaryRange);
constexpr size_t kUnaryGrain = 1 << 14;  // elements: 128 kB read and written
}  // namespace

void Unary(UnaryKind kind, float alpha, float beta, const float* x,
           int64_t count, float* y, ThreadPool& pool) {
  pool.ParallelFor(static_cast<size_t>(count), kUnaryGrain,
                   [&](size_t begin, size_t end) {
                     HWY_DYNAMIC_DISPATCH(UnaryRange)
                     (kind, alpha, beta, x + begin, end - begin, y + begin);
                   });
}

}  // namespace squint
#endif  // HWY_ONCE
