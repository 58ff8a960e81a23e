// Functions of two float32 elements with broadcasting. A plan merges
// neighbouring axes that both operands walk alike, so that equal shapes become
// one long row, [C,1,1] against [N,C,H,W] rows of H * W with one operand fixed,
// and a last-axis vector rows of that length: each runs at full vector speed.
#ifndef SQUINT_KERNELS_ELEMENTWISE_BINARY_H_
#define SQUINT_KERNELS_ELEMENTWISE_BINARY_H_

#include <array>
#include <cstdint>
#include <limits>
#include <span>

namespace squint {

class ThreadPool;

enum class BinaryKind : uint8_t {
  kAdd,
  kSub,
  kMul,
  kDiv,
  kMax,  // NaN wins
  kMin,
  kPow,
};

struct BroadcastPlan {
  static constexpr int kMaxAxes = 8;
  // Dimensions of the output and of two operands that broadcast to it
  // (aligned at the last axis). valid is false beyond kMaxAxes merged axes.
  BroadcastPlan(std::span<const int64_t> out, std::span<const int64_t> a,
                std::span<const int64_t> b);
  bool valid = true;
  int axes = 0;
  int64_t rows = 1;  // product of all axes but the last
  std::array<int64_t, kMaxAxes> size = {};
  std::array<int64_t, kMaxAxes> a_stride = {};
  std::array<int64_t, kMaxAxes> b_stride = {};
};

// y = min(max(a + b, low), high), NaN kept; y may be an operand that is not
// broadcast.
void AddClamped(const BroadcastPlan& plan, const float* a, const float* b,
                float low, float high, float* y, ThreadPool& pool);

// y may be an operand that is not broadcast.
void Binary(BinaryKind kind, const BroadcastPlan& plan, const float* a,
            const float* b, float* y, ThreadPool& pool);

// y[o][c][i] = min(max(x[o][c][i] * scale[c] + shift[c], low), high), NaN
// kept.
struct ChannelAffineArgs {
  int64_t outer = 1;
  int64_t channels = 1;
  int64_t inner = 1;
  const float* scale = nullptr;
  const float* shift = nullptr;
  float low = -std::numeric_limits<float>::infinity();
  float high = std::numeric_limits<float>::infinity();
};
// y may be x.
void ChannelAffine(const ChannelAffineArgs& args, const float* x, float* y,
                   ThreadPool& pool);

}  // namespace squint

#endif  // SQUINT_KERNELS_ELEMENTWISE_BINARY_H_
