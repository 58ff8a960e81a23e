// Two-dimensional convolution, float32, NCHW, with groups:
//   y[f] = clamp(sum over c, ky, kx of w[f][c][ky][kx] * x[c][...] + bias[f])
// as a matrix product per image and group: A are the filters (packed once),
// B the image seen as (channels * taps) x (output pixels). B never exists:
// its panels are copied from the image as the tile needs them, from the input
// itself for 1x1 convolutions, else from a staged copy (window.h) in which
// each row of a panel is a few contiguous runs.
#ifndef SQUINT_KERNELS_CONV_CONV_H_
#define SQUINT_KERNELS_CONV_CONV_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "squint/kernels/conv/window.h"
#include "squint/kernels/gemm/gemm.h"

namespace squint {

class ThreadPool;

struct ConvShape {
  PlaneWindow window;
  int64_t batch = 1;
  int64_t channels = 1;  // of the input; groups divides both
  int64_t filters = 1;
  int64_t groups = 1;

  int64_t group_channels() const { return channels / groups; }
  int64_t group_filters() const { return filters / groups; }
  int64_t depth() const { return group_channels() * window.taps(); }  // K
};

// What can be told from the shape alone.
struct ConvPlan {
  explicit ConvPlan(const ConvShape& shape);
  ConvShape shape;
  StagedPlane staged;
  bool staging = false;
  std::vector<int64_t> offsets;  // of row k of B in the staged image
  size_t scratch_bytes = 0;
};

// Weights as the file has them: [filters][channels / groups][kh][kw]. Depend
// on the shape only by the dimensions of the weights.
PackedMatrix PackConvWeights(const ConvShape& shape, const float* weights);
// The same for products of bfloat16.
PackedMatrix PackConvBf16(const ConvShape& shape, const float* weights);

// One convolution, as its plan makes it.
template <class Plan>
struct PlannedConv {
  const Plan& plan;
  const PackedMatrix& weights;  // they say how products are made
  const float* bias = nullptr;  // one per filter, or null
  float low = -std::numeric_limits<float>::infinity();
  float high = std::numeric_limits<float>::infinity();
  const float* input = nullptr;
  float* output = nullptr;
  float* scratch = nullptr;  // plan.scratch_bytes
};
using ConvArgs = PlannedConv<ConvPlan>;
void Conv(const ConvArgs& args, ThreadPool& pool);

}  // namespace squint

#endif  // SQUINT_KERNELS_CONV_CONV_H_
