// Linear and cubic Resize, axis by axis, float32.
#ifndef SQUINT_KERNELS_INTERPOLATE_INTERPOLATE_H_
#define SQUINT_KERNELS_INTERPOLATE_INTERPOLATE_H_

#include <cstdint>
#include <vector>

namespace squint {

class ThreadPool;

// Results along one axis as weighted sums: result i is the sum of `taps`
// products weight[i * taps + t] * x[index[i * taps + t]].
struct AxisTaps {
  int64_t in = 0;    // elements of the axis
  int64_t taps = 0;  // of each result; unused ones have weight 0
  std::vector<int64_t> index;
  std::vector<float> weight;

  int64_t out() const {
    return taps == 0 ? 0 : static_cast<int64_t>(index.size()) / taps;
  }
};

// x [outer, in, inner] to y [outer, out, inner]. Products are added in the
// order of the taps.
void InterpolateAxis(const AxisTaps& axis, int64_t outer, int64_t inner,
                     const float* x, float* y, ThreadPool& pool);

}  // namespace squint

#endif  // SQUINT_KERNELS_INTERPOLATE_INTERPOLATE_H_
