#include "squint/fixed/steps/pair_shape.h"

#include <vector>

#include "squint/fixed/operation.h"
#include "squint/ops/broadcast.h"

namespace squint {
namespace {

constexpr size_t kAxes = 4;  // loops of squint_pair

// An axis of the result and the steps of both operands along it.
struct Axis {
  int64_t size = 1;
  int64_t a = 0;
  int64_t b = 0;
};

// As few axes as say the same.
std::vector<Axis> MergedAxes(const Dims& a, const Dims& b, const Dims& y) {
  const Dims a_steps = BroadcastStrides(a, y);
  const Dims b_steps = BroadcastStrides(b, y);
  std::vector<Axis> axes;
  for (size_t i = 0; i < y.size(); ++i) {
    if (y[i] == 1) continue;
    const Axis next = {y[i], a_steps[i], b_steps[i]};
    if (!axes.empty() && axes.back().a == next.a * next.size &&
        axes.back().b == next.b * next.size) {
      axes.back() = {axes.back().size * next.size, next.a, next.b};
    } else {
      axes.push_back(next);
    }
  }
  Require(axes.size() <= kAxes, "it broadcasts along too many axes");
  axes.insert(axes.begin(), kAxes - axes.size(), Axis());
  return axes;
}

}  // namespace

squint_pair PairShape(const Dims& a, const Dims& b, const Dims& y) {
  const std::vector<Axis> axes = MergedAxes(a, b, y);
  return {.size_0 = Size(axes[0].size),
          .size_1 = Size(axes[1].size),
          .size_2 = Size(axes[2].size),
          .size_3 = Size(axes[3].size),
          .a_0 = Size(axes[0].a),
          .a_1 = Size(axes[1].a),
          .a_2 = Size(axes[2].a),
          .a_3 = Size(axes[3].a),
          .b_0 = Size(axes[0].b),
          .b_1 = Size(axes[1].b),
          .b_2 = Size(axes[2].b),
          .b_3 = Size(axes[3].b),
          .zero_a = 0,
          .zero_b = 0};
}

}  // namespace squint
