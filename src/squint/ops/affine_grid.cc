// AffineGrid: evenly spaced positions in [-1, 1] of an image of two or three
// dimensions, each moved by the sample's affine matrix. Positions are listed
// from the last axis to the first, (x, y[, z]).
#include <array>
#include <vector>

#include "squint/ops/in_float64.h"
#include "squint/ops/op.h"
#include "squint/ops/window.h"

namespace squint {
namespace {

// theta is [batch, axes, axes + 1].
int CheckTheta(const Shape& theta) {
  const bool two = theta.rank() == 3 && (theta[1].is(2) || theta[2].is(3));
  const bool three = theta.rank() == 3 && (theta[1].is(3) || theta[2].is(4));
  if (theta.rank() != 3 ||
      (theta[1].value() && theta[2].value() && two == three)) {
    Fail(ErrorCode::kInvalidModel,
         "theta is {}, expected [batch,2,3] or "
         "[batch,3,4]",
         theta.ToString());
  }
  return two ? 2 : 3;
}

void InferAffineGrid(InferContext& context) {
  context.SetOutput(0, context.dtype(0), Shape());
  const Shape& theta = context.shape(0);
  const DimTensor* size = context.dim_tensor(1);
  if (theta.has_rank()) CheckTheta(theta);
  if (size == nullptr || size->elements.size() < 2) return;
  DimList dims = size->elements;
  dims.erase(dims.begin() + 1);
  dims.emplace_back(static_cast<int64_t>(size->elements.size()) - 2);
  context.SetOutput(0, context.dtype(0), Shape(std::move(dims)));
}

// Position i of `count` along one axis.
double Spaced(int64_t i, int64_t count, bool align_corners) {
  const auto n = static_cast<double>(count);
  const auto at = static_cast<double>(i);
  if (!align_corners) return (2.0 * at + 1.0) / n - 1.0;
  return count == 1 ? -1.0 : 2.0 * at / (n - 1.0) - 1.0;
}

void RunAffineGrid(RunContext& context) {
  const Tensor& theta = context.in(0);
  const auto axes = static_cast<size_t>(CheckTheta(Shape::Of(theta.dims())));
  const Dims size = context.in(1).ToInts();
  if (size.size() != axes + 2 || size[0] != theta.dim(0)) {
    Fail(ErrorCode::kInvalidModel, "size {} does not suit theta {}",
         DimsToString(size), DimsToString(theta.dims()));
  }
  const bool align_corners = context.node.Int("align_corners", 0) != 0;
  const Dims spatial(size.begin() + 2, size.end());
  Dims dims = spatial;
  dims.insert(dims.begin(), size[0]);
  dims.push_back(static_cast<int64_t>(axes));
  Tensor grid(DType::kFloat64, dims);
  double* out = grid.mutable_data<double>();
  for (int64_t sample = 0; sample < size[0] && grid.size() > 0; ++sample) {
    const double* matrix =
        theta.data<double>() + sample * static_cast<int64_t>(axes * (axes + 1));
    Dims index(axes, 0);
    do {
      std::array<double, 3> position{};
      for (size_t k = 0; k < axes; ++k) {
        position[axes - 1 - k] = Spaced(index[k], spatial[k], align_corners);
      }
      for (size_t row = 0; row < axes; ++row) {
        const double* line = matrix + row * (axes + 1);
        double sum = line[axes];
        for (size_t k = 0; k < axes; ++k) sum += line[k] * position[k];
        *out++ = sum;
      }
    } while (NextIndex(index, spatial));
  }
  context.outputs[0] = std::move(grid);
}

QuantSpec AffineGridRule(const QuantizeQuery&) {
  return QuantSpec::Float("computes positions in an image, not its content");
}

}  // namespace

extern constinit const OpDef kAffineGridOp = {
    .type = "AffineGrid",
    .since = 20,
    .infer = InferAffineGrid,
    .reference = InFloat64<RunAffineGrid>,
    .quantize = AffineGridRule,
};

}  // namespace squint
