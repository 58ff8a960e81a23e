// The truth of unary.h, in double.
#ifndef SQUINT_KERNELS_ELEMENTWISE_UNARY_REF_H_
#define SQUINT_KERNELS_ELEMENTWISE_UNARY_REF_H_

#include <cmath>

#include "squint/kernels/elementwise/unary.h"

namespace squint {

inline double ClipReference(double x, double low, double high) {
  if (std::isnan(x)) return x;
  return std::fmin(std::fmax(x, low), high);
}

inline double UnaryReference(UnaryKind kind, double alpha, double beta,
                             double x) {
  switch (kind) {
    case UnaryKind::kAbs:
      return std::fabs(x);
    case UnaryKind::kCeil:
      return std::ceil(x);
    case UnaryKind::kClip:
      return ClipReference(x, alpha, beta);
    case UnaryKind::kElu:
      return x < 0 ? alpha * std::expm1(x) : x;
    case UnaryKind::kErf:
      return std::erf(x);
    case UnaryKind::kExp:
      return std::exp(x);
    case UnaryKind::kFloor:
      return std::floor(x);
    case UnaryKind::kGelu:
      return 0.5 * x * (1.0 + std::erf(x * M_SQRT1_2));
    case UnaryKind::kGeluByTanh:
      return 0.5 * x *
             (1.0 + std::tanh(std::sqrt(M_2_PI) * (x + 0.044715 * x * x * x)));
    case UnaryKind::kHardSigmoid:
      return ClipReference(alpha * x + beta, 0, 1);
    case UnaryKind::kHardSwish:
      return x * ClipReference(x / 6 + 0.5, 0, 1);
    case UnaryKind::kLeakyRelu:
      return x < 0 ? alpha * x : x;
    case UnaryKind::kLog:
      return std::log(x);
    case UnaryKind::kNeg:
      return -x;
    case UnaryKind::kReciprocal:
      return 1 / x;
    case UnaryKind::kRound:
      return std::nearbyint(x);
    case UnaryKind::kSigmoid:
      return 1 / (1 + std::exp(-x));
    case UnaryKind::kSilu:
      return x / (1 + std::exp(-alpha * x));
    case UnaryKind::kSoftplus:
      return std::fmax(x, 0.0) + std::log1p(std::exp(-std::fabs(x)));
    case UnaryKind::kSqrt:
      return std::sqrt(x);
    case UnaryKind::kTanh:
      return std::tanh(x);
  }
  return NAN;
}

}  // namespace squint

#endif  // SQUINT_KERNELS_ELEMENTWISE_UNARY_REF_H_
