// Functions of two elements.
#include "squint/kernels/elementwise/binary.h"

#include <algorithm>
#include <cmath>

#include "squint/base/threads.h"
#include "squint/kernels/elementwise/pieces.h"
#include "squint/kernels/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "squint/kernels/elementwise/binary.cc"
#include <hwy/foreach_target.h>
// After foreach_target.
#include <hwy/highway.h>

#include "squint/kernels/clamp-inl.h"

HWY_BEFORE_NAMESPACE();
namespace squint {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;
constexpr int64_t kBinaryLanes = HWY_LANES(float);

struct AddFunction {
  HWY_INLINE V operator()(V a, V b) const { return hn::Add(a, b); }
  float Scalar(float a, float b) const { return a + b; }
};
struct AddClampedFunction {
  float low, high;
  HWY_INLINE V operator()(V a, V b) const {
    return ClampKeepNaN(hn::Add(a, b), hn::Set(D(), low), hn::Set(D(), high));
  }
  float Scalar(float a, float b) const {
    return ClampScalarKeepNaN(a + b, low, high);
  }
};
struct SubFunction {
  HWY_INLINE V operator()(V a, V b) const { return hn::Sub(a, b); }
  float Scalar(float a, float b) const { return a - b; }
};
struct MulFunction {
  HWY_INLINE V operator()(V a, V b) const { return hn::Mul(a, b); }
  float Scalar(float a, float b) const { return a * b; }
};
struct DivFunction {
  HWY_INLINE V operator()(V a, V b) const { return hn::Div(a, b); }
  float Scalar(float a, float b) const { return a / b; }
};
struct MaxFunction {
  HWY_INLINE V operator()(V a, V b) const {
    return hn::IfThenElse(hn::Or(hn::IsNaN(a), hn::Gt(a, b)), a, b);
  }
  float Scalar(float a, float b) const { return a != a || a > b ? a : b; }
};
struct MinFunction {
  HWY_INLINE V operator()(V a, V b) const {
    return hn::IfThenElse(hn::Or(hn::IsNaN(a), hn::Lt(a, b)), a, b);
  }
  float Scalar(float a, float b) const { return a != a || a < b ? a : b; }
};

// One operand as a vector: contiguous, or one value throughout.
struct Contiguous {
  const float* data;
  HWY_INLINE V Load(int64_t i) const { return hn::LoadU(D(), data + i); }
  float At(int64_t i) const { return data[i]; }
};
struct Fixed {
  float value;
  HWY_INLINE V Load(int64_t) const { return hn::Set(D(), value); }
  float At(int64_t) const { return value; }
};

template <class F, class A, class B>
HWY_NOINLINE void RowOf(const F& f, A a, B b, int64_t count, float* y) {
  int64_t i = 0;
  for (; i + kBinaryLanes <= count; i += kBinaryLanes) {
    hn::StoreU(f(a.Load(i), b.Load(i)), D(), y + i);
  }
  for (; i < count; ++i) y[i] = f.Scalar(a.At(i), b.At(i));
}

template <class F>
HWY_INLINE void Row(const F& f, const float* a, int64_t a_stride,
                    const float* b, int64_t b_stride, int64_t count, float* y) {
  if (a_stride == 1 && b_stride == 1) {
    RowOf(f, Contiguous{a}, Contiguous{b}, count, y);
  } else if (a_stride == 1) {
    RowOf(f, Contiguous{a}, Fixed{*b}, count, y);
  } else if (b_stride == 1) {
    RowOf(f, Fixed{*a}, Contiguous{b}, count, y);
  } else {
    std::fill_n(y, count, f.Scalar(*a, *b));
  }
}

void PowRow(const float* a, int64_t a_stride, const float* b, int64_t b_stride,
            int64_t count, float* y) {
  const bool square = b_stride == 0 && *b == 2.0f;
  for (int64_t i = 0; i < count; ++i) {
    const float base = a[i * a_stride];
    y[i] = square ? base * base
                  : static_cast<float>(
                        std::pow(static_cast<double>(base),
                                 static_cast<double>(b[i * b_stride])));
  }
}

// Strides of the last axis are 0 or 1.
void BinaryRow(BinaryKind kind, const float* a, int64_t a_stride,
               const float* b, int64_t b_stride, int64_t count, float* y) {
  switch (kind) {
    case BinaryKind::kAdd:
      return Row(AddFunction{}, a, a_stride, b, b_stride, count, y);
    case BinaryKind::kSub:
      return Row(SubFunction{}, a, a_stride, b, b_stride, count, y);
    case BinaryKind::kMul:
      return Row(MulFunction{}, a, a_stride, b, b_stride, count, y);
    case BinaryKind::kDiv:
      return Row(DivFunction{}, a, a_stride, b, b_stride, count, y);
    case BinaryKind::kMax:
      return Row(MaxFunction{}, a, a_stride, b, b_stride, count, y);
    case BinaryKind::kMin:
      return Row(MinFunction{}, a, a_stride, b, b_stride, count, y);
    case BinaryKind::kPow:
      return PowRow(a, a_stride, b, b_stride, count, y);
  }
}

void AddClampedRow(float low, float high, const float* a, int64_t a_stride,
                   const float* b, int64_t b_stride, int64_t count, float* y) {
  Row(AddClampedFunction{low, high}, a, a_stride, b, b_stride, count, y);
}

void AffineRow(const ChannelAffineArgs& args, int64_t channel, const float* x,
               float* y) {
  const D d;
  const float scale = args.scale[channel];
  const float shift = args.shift[channel];
  const V s = hn::Set(d, scale);
  const V t = hn::Set(d, shift);
  const V low = hn::Set(d, args.low);
  const V high = hn::Set(d, args.high);
  int64_t i = 0;
  for (; i + kBinaryLanes <= args.inner; i += kBinaryLanes) {
    const V v = hn::Add(hn::Mul(hn::LoadU(d, x + i), s), t);
    hn::StoreU(ClampKeepNaN(v, low, high), d, y + i);
  }
  for (; i < args.inner; ++i) {
    y[i] = ClampScalarKeepNaN(x[i] * scale + shift, args.low, args.high);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace squint
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace squint {
namespace {

HWY_EXPORT(BinaryRow);
HWY_EXPORT(AddClampedRow);
HWY_EXPORT(AffineRow);

// The stride of an axis, counted from the last, or 0 where the operand has
// one element there. `step` is the product of the axes behind it.
int64_t StrideAt(std::span<const int64_t> dims, size_t from_last,
                 int64_t* step) {
  if (from_last >= dims.size()) return 0;
  const int64_t size = dims[dims.size() - 1 - from_last];
  const int64_t stride = size == 1 ? 0 : *step;
  *step *= size;
  return stride;
}

}  // namespace

// Axes are collected from the last to the first, then reversed.
BroadcastPlan::BroadcastPlan(std::span<const int64_t> out,
                             std::span<const int64_t> a,
                             std::span<const int64_t> b) {
  int64_t a_step = 1;
  int64_t b_step = 1;
  for (size_t i = 0; i < out.size(); ++i) {
    const int64_t length = out[out.size() - 1 - i];
    const int64_t sa = StrideAt(a, i, &a_step);
    const int64_t sb = StrideAt(b, i, &b_step);
    if (length == 1) continue;
    const auto last = static_cast<size_t>(axes - 1);
    if (axes > 0 && sa == a_stride[last] * size[last] &&
        sb == b_stride[last] * size[last]) {
      size[last] *= length;
      continue;
    }
    if (axes == kMaxAxes) {
      valid = false;
      return;
    }
    const auto next = static_cast<size_t>(axes++);
    size[next] = length;
    a_stride[next] = sa;
    b_stride[next] = sb;
  }
  if (axes == 0) {
    axes = 1;
    size[0] = 1;
  }
  std::reverse(size.begin(), size.begin() + axes);
  std::reverse(a_stride.begin(), a_stride.begin() + axes);
  std::reverse(b_stride.begin(), b_stride.begin() + axes);
  for (int i = 0; i + 1 < axes; ++i) rows *= size[static_cast<size_t>(i)];
}

void Binary(BinaryKind kind, const BroadcastPlan& plan, const float* a,
            const float* b, float* y, ThreadPool& pool) {
  ForEachPiece(plan, pool,
               [&](int64_t i, int64_t a_stride, int64_t j, int64_t b_stride,
                   int64_t count, int64_t k) {
                 HWY_DYNAMIC_DISPATCH(BinaryRow)
                 (kind, a + i, a_stride, b + j, b_stride, count, y + k);
               });
}

void AddClamped(const BroadcastPlan& plan, const float* a, const float* b,
                float low, float high, float* y, ThreadPool& pool) {
  ForEachPiece(plan, pool,
               [&](int64_t i, int64_t a_stride, int64_t j, int64_t b_stride,
                   int64_t count, int64_t k) {
                 HWY_DYNAMIC_DISPATCH(AddClampedRow)
                 (low, high, a + i, a_stride, b + j, b_stride, count, y + k);
               });
}

void ChannelAffine(const ChannelAffineArgs& args, const float* x, float* y,
                   ThreadPool& pool) {
  const int64_t grain = std::max<int64_t>(1, kPiece / args.inner);
  pool.ParallelFor(static_cast<size_t>(args.outer * args.channels),
                   static_cast<size_t>(grain), [&](size_t begin, size_t end) {
                     for (auto i = static_cast<int64_t>(begin);
                          i < static_cast<int64_t>(end); ++i) {
                       HWY_DYNAMIC_DISPATCH(AffineRow)
                       (args, i % args.channels, x + i * args.inner,
                        y + i * args.inner);
                     }
                   });
}

}  // namespace squint
#endif  // HWY_ONCE
