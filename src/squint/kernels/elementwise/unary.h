// Functions of one float32 element. Vectorized ones are within about 1e-6
// relative of the exact value (Gelu and SiLU: of x), the others are computed
// in double. NaN stays NaN.
#ifndef SQUINT_KERNELS_ELEMENTWISE_UNARY_H_
#define SQUINT_KERNELS_ELEMENTWISE_UNARY_H_

#include <cstdint>

namespace squint {

class ThreadPool;

enum class UnaryKind : uint8_t {
  kAbs,
  kCeil,
  kClip,  // min(max(x, alpha), beta)
  kElu,   // x < 0 ? alpha (e^x - 1) : x
  kErf,
  kExp,
  kFloor,
  kGelu,         // x Phi(x)
  kGeluByTanh,   // its approximation with tanh
  kHardSigmoid,  // min(max(alpha x + beta, 0), 1)
  kHardSwish,    // x min(max(x / 6 + 1/2, 0), 1)
  kLeakyRelu,    // x < 0 ? alpha x : x
  kLog,
  kNeg,
  kReciprocal,
  kRound,  // half to even
  kSigmoid,
  kSilu,      // x sigmoid(alpha x)
  kSoftplus,  // log(1 + e^x)
  kSqrt,
  kTanh,
};

// y may be x.
void Unary(UnaryKind kind, float alpha, float beta, const float* x,
           int64_t count, float* y, ThreadPool& pool);

}  // namespace squint

#endif  // SQUINT_KERNELS_ELEMENTWISE_UNARY_H_
