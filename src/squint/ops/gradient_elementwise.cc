// Gradients of operators that work element by element.
#include <algorithm>
#include <cmath>
#include <limits>

#include "squint/base/threads.h"
#include "squint/ops/broadcast.h"
#include "squint/ops/gradient.h"
#include "squint/ops/unary.h"

namespace squint {
namespace {

constexpr size_t kGrain = 16384;  // elements of one piece of work

// dx[i] = dy[i] * slope(x[i], y[i])
template <typename Slope>
void MapGradient(GradientContext& context, const Slope& slope) {
  if (!context.wants(0)) return;
  Tensor result(DType::kFloat32, context.in(0).dims());
  const float* x = context.in(0).data<float>();
  const float* y = context.outputs[0]->data<float>();
  const float* dy = context.gradient().data<float>();
  float* dx = result.mutable_data<float>();
  context.pool.ParallelFor(static_cast<size_t>(result.size()), kGrain,
                           [&](size_t begin, size_t end) {
                             for (size_t i = begin; i < end; ++i) {
                               dx[i] = dy[i] * slope(x[i], y[i]);
                             }
                           });
  context.input_gradients[0] = std::move(result);
}

// out(x, y) for every element of the result, then summed to input `index`.
template <typename Product>
void PairGradient(GradientContext& context, size_t index,
                  const Product& product) {
  if (!context.wants(index)) return;
  const Tensor& dy = context.gradient();
  const float* a = context.in(0).data<float>();
  const float* b = context.in(1).data<float>();
  Tensor result(DType::kFloat32, dy.dims());
  float* out = result.mutable_data<float>();
  const float* g = dy.data<float>();
  ForEachBroadcastRow<2>(
      dy.dims(), {&context.in(0).dims(), &context.in(1).dims()},
      [&](const BroadcastRow<2>& row) {
        for (int64_t i = 0; i < row.length; ++i) {
          out[row.out + i] =
              g[row.out + i] * product(a[row.offset[0] + i * row.stride[0]],
                                       b[row.offset[1] + i * row.stride[1]]);
        }
      });
  context.input_gradients[index] = SumTo(result, context.in(index).dims());
}

// The bound of a Clip, `absent` where it has none.
float Bound(const GradientContext& context, size_t i, float absent) {
  const bool given = context.has(i) && context.in(i).size() > 0;
  return given ? context.in(i).ToFloats()[0] : absent;
}

float NormalDensity(float x) {
  constexpr float kInverseRootOfTwoPi = 0.3989422804f;
  return kInverseRootOfTwoPi * std::exp(-0.5f * x * x);
}

float GeluSlope(float x) {
  constexpr float kInverseRootOfTwo = 0.7071067812f;
  return 0.5f * (1.0f + std::erf(x * kInverseRootOfTwo)) + x * NormalDensity(x);
}

float GeluByTanhSlope(float x) {
  constexpr float kRoot = 0.7978845608f;  // of 2 / pi
  const float t = std::tanh(kRoot * (x + 0.044715f * x * x * x));
  return 0.5f * (1.0f + t) +
         0.5f * x * (1.0f - t * t) * kRoot * (1.0f + 0.134145f * x * x);
}

}  // namespace

void AddGradient(GradientContext& context) {
  for (size_t i = 0; i < 2; ++i) {
    if (!context.wants(i)) continue;
    context.input_gradients[i] =
        SumTo(context.gradient(), context.in(i).dims());
  }
}

void SubGradient(GradientContext& context) {
  PairGradient(context, 0, [](float, float) { return 1.0f; });
  PairGradient(context, 1, [](float, float) { return -1.0f; });
}

void MulGradient(GradientContext& context) {
  PairGradient(context, 0, [](float, float b) { return b; });
  PairGradient(context, 1, [](float a, float) { return a; });
}

void DivGradient(GradientContext& context) {
  PairGradient(context, 0, [](float, float b) { return 1.0f / b; });
  PairGradient(context, 1, [](float a, float b) { return -a / (b * b); });
}

void PReluGradient(GradientContext& context) {
  PairGradient(context, 0,
               [](float x, float slope) { return x < 0.0f ? slope : 1.0f; });
  PairGradient(context, 1, [](float x, float) { return x < 0.0f ? x : 0.0f; });
}

void ReluGradient(GradientContext& context) {
  MapGradient(context, [](float x, float) { return x > 0.0f ? 1.0f : 0.0f; });
}

void LeakyReluGradient(GradientContext& context) {
  const float alpha = context.node.Float("alpha", 0.01f);
  MapGradient(context, [=](float x, float) { return x < 0.0f ? alpha : 1.0f; });
}

void EluGradient(GradientContext& context) {
  const float alpha = context.node.Float("alpha", 1.0f);
  MapGradient(context,
              [=](float x, float y) { return x < 0.0f ? y + alpha : 1.0f; });
}

void ClipGradient(GradientContext& context) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const float low = Bound(context, 1, -kInfinity);
  const float high = Bound(context, 2, kInfinity);
  MapGradient(context, [=](float x, float) {
    return x > low && x < high ? 1.0f : 0.0f;
  });
}

void SigmoidGradient(GradientContext& context) {
  MapGradient(context, [](float, float y) { return y * (1.0f - y); });
}

void TanhGradient(GradientContext& context) {
  MapGradient(context, [](float, float y) { return 1.0f - y * y; });
}

void ExpGradient(GradientContext& context) {
  MapGradient(context, [](float, float y) { return y; });
}

void ErfGradient(GradientContext& context) {
  constexpr float kTwoByRootOfPi = 1.1283791671f;
  MapGradient(context,
              [](float x, float) { return kTwoByRootOfPi * std::exp(-x * x); });
}

void HardSigmoidGradient(GradientContext& context) {
  const float alpha = context.node.Float("alpha", 0.2f);
  MapGradient(context, [=](float, float y) {
    return y > 0.0f && y < 1.0f ? alpha : 0.0f;
  });
}

void HardSwishGradient(GradientContext& context) {
  MapGradient(context, [](float x, float) {
    return x <= -3.0f ? 0.0f : x >= 3.0f ? 1.0f : x / 3.0f + 0.5f;
  });
}

void SiluGradient(GradientContext& context) {
  MapGradient(context, [](float x, float y) {
    const float gate = 1.0f / (1.0f + std::exp(-x));
    return gate + y * (1.0f - gate);
  });
}

void GeluGradient(GradientContext& context) {
  if (context.node.String("approximate", "none") == "tanh") {
    MapGradient(context, [](float x, float) { return GeluByTanhSlope(x); });
  } else {
    MapGradient(context, [](float x, float) { return GeluSlope(x); });
  }
}

}  // namespace squint
