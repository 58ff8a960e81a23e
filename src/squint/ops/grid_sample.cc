// GridSample: reads an image of any number of dimensions at the positions of
// a grid, given in [-1, 1] from the last axis to the first. Each axis has
// one (nearest), two (linear) or four (cubic) taps; a sample is the sum over
// all their products.
#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <string>
#include <vector>

#include "squint/ops/integer_sums.h"
#include "squint/ops/op.h"
#include "squint/ops/quant_rules.h"

namespace squint {
namespace {

constexpr int kMaxAxes = 6;  // taps grow as 4 to the power of this

enum class SampleMode : uint8_t { kNearest, kLinear, kCubic };
enum class Outside : uint8_t { kZeros, kBorder, kReflection };

struct Sampling {
  SampleMode mode;
  Outside outside;
  bool align_corners;
};

Sampling ReadSampling(const Node& node) {
  const std::string mode = node.String("mode", "linear");
  const std::string outside = node.String("padding_mode", "zeros");
  Sampling s{};
  s.align_corners = node.Int("align_corners", 0) != 0;
  if (mode == "nearest") {
    s.mode = SampleMode::kNearest;
  } else if (mode == "linear") {
    s.mode = SampleMode::kLinear;
  } else if (mode == "cubic") {
    s.mode = SampleMode::kCubic;
  } else {
    Fail(ErrorCode::kInvalidModel,
         "mode is '{}', expected nearest, linear or cubic", mode);
  }
  if (outside == "zeros") {
    s.outside = Outside::kZeros;
  } else if (outside == "border") {
    s.outside = Outside::kBorder;
  } else if (outside == "reflection") {
    s.outside = Outside::kReflection;
  } else {
    Fail(ErrorCode::kInvalidModel,
         "padding_mode is '{}', expected zeros, border or reflection", outside);
  }
  return s;
}

// x [batch, channels, ...], grid [batch, ..., number of spatial axes].
void CheckShapes(const Shape& x, const Shape& grid) {
  const bool known = x.has_rank() && grid.has_rank();
  const auto differ = [](const Dim& a, const Dim& b) {
    return a.value() && b.value() && *a.value() != *b.value();
  };
  if ((x.has_rank() && (x.rank() < 3 || x.rank() > kMaxAxes + 2)) ||
      (known && (x.rank() != grid.rank() || differ(x[0], grid[0]) ||
                 differ(grid.dims().back(), x.rank() - 2)))) {
    Fail(ErrorCode::kInvalidModel,
         "X is {} and grid {}, expected [batch,channels,...] and "
         "[batch,...,axes] with 1 to {} axes",
         x.ToString(), grid.ToString(), kMaxAxes);
  }
}

void InferGridSample(InferContext& context) {
  ReadSampling(context.node());
  const Shape& x = context.shape(0);
  const Shape& grid = context.shape(1);
  CheckShapes(x, grid);
  Shape out;
  if (grid.has_rank() && grid.rank() >= 3) {
    DimList dims = {grid[0], x.has_rank() ? x[1] : Dim::Unknown()};
    dims.insert(dims.end(), grid.dims().begin() + 1, grid.dims().end() - 1);
    out = Shape(std::move(dims));
  }
  context.SetOutput(0, context.dtype(0), out);
}

// ---- positions along one axis of `size` pixels

// The borders of an axis: the outer pixels' centres or their outer edges.
struct Borders {
  double low;
  double high;
};

Borders BordersOf(const Sampling& s, int64_t size) {
  const auto length = static_cast<double>(size);
  return s.align_corners ? Borders{0.0, length - 1.0}
                         : Borders{-0.5, length - 0.5};
}

// From [-1, 1] to pixels, in the grid's own type: where a position falls
// between two pixels, rounding decides.
template <typename T>
double ToPixels(const Sampling& s, T position, int64_t size) {
  const auto length = static_cast<T>(size);
  const T pixel = s.align_corners ? (position + T{1}) / T{2} * (length - T{1})
                                  : ((position + T{1}) * length - T{1}) / T{2};
  return static_cast<double>(s.mode == SampleMode::kNearest ? std::rint(pixel)
                                                            : pixel);
}

double Reflected(double position, const Borders& borders) {
  const double range = borders.high - borders.low;
  if (!(range > 0.0) || !std::isfinite(position)) return borders.low;
  const double beyond =
      position < borders.low ? borders.low - position : position - borders.high;
  if (beyond <= 0.0) return position;
  const double rest = std::fmod(beyond, range);
  const bool even = std::fmod(std::floor(beyond / range), 2.0) == 0.0;
  return (position < borders.low) == even ? borders.low + rest
                                          : borders.high - rest;
}

// What the padding mode makes of a position outside the borders. Any number
// comes back as one that fits an integer.
double Bounded(const Sampling& s, double position, int64_t size) {
  const Borders borders = BordersOf(s, size);
  const auto length = static_cast<double>(size);
  if (position >= borders.low && position <= borders.high) return position;
  if (s.outside == Outside::kReflection) return Reflected(position, borders);
  if (s.outside == Outside::kBorder) {
    return std::isnan(position) ? 0.0 : std::clamp(position, 0.0, length - 1);
  }
  // So far outside that no tap reaches in.
  const bool near = position > -4.0 && position < length + 4.0;
  return near ? position : -4.0;
}

// The pixel that stands for one outside; -1: zero.
int64_t PixelAt(const Sampling& s, int64_t pixel, int64_t size) {
  if (pixel >= 0 && pixel < size) return pixel;
  if (s.outside == Outside::kZeros) return -1;
  if (s.outside == Outside::kBorder) {
    return std::clamp<int64_t>(pixel, 0, size - 1);
  }
  const double reflected =
      Reflected(static_cast<double>(pixel), BordersOf(s, size));
  return std::clamp<int64_t>(static_cast<int64_t>(reflected), 0, size - 1);
}

// Keys' kernel with a = -0.75 at the four pixels around a fraction t.
std::array<double, 4> CubicWeights(double t) {
  constexpr double kA = -0.75;
  const auto inner = [](double d) {
    return ((kA + 2) * d - (kA + 3)) * d * d + 1;
  };
  const auto outer = [](double d) {
    return ((kA * d - 5 * kA) * d + 8 * kA) * d - 4 * kA;
  };
  return {outer(1 + t), inner(t), inner(1 - t), outer(2 - t)};
}

struct Tap {
  int64_t offset;  // in the image, in elements
  double weight;
};

std::vector<Tap> AxisTaps(const Sampling& s, double position, int64_t size,
                          int64_t stride) {
  std::vector<Tap> taps;
  const auto add = [&](int64_t pixel, double weight) {
    const int64_t at = PixelAt(s, pixel, size);
    if (at >= 0) taps.push_back({at * stride, weight});
  };
  const double x = Bounded(s, position, size);
  const auto low = static_cast<int64_t>(std::floor(x));
  const double fraction = x - std::floor(x);
  if (s.mode == SampleMode::kNearest) {
    // A reflected position may lie between two pixels.
    add(static_cast<int64_t>(x), 1.0);
  } else if (s.mode == SampleMode::kLinear) {
    add(low, 1.0 - fraction);
    add(low + 1, fraction);
  } else {
    const std::array<double, 4> weights = CubicWeights(fraction);
    for (int64_t k = 0; k < 4; ++k) {
      add(low - 1 + k, weights[static_cast<size_t>(k)]);
    }
  }
  return taps;
}

// ---- the run

// All taps of one grid position, products over the axes.
template <typename T>
std::vector<Tap> SampleTaps(const Sampling& s, const T* position,
                            const Dims& image, const Dims& strides) {
  std::vector<Tap> taps = {{0, 1.0}};
  for (size_t axis = 0; axis < image.size(); ++axis) {
    const T along = position[image.size() - 1 - axis];
    const std::vector<Tap> more = AxisTaps(s, ToPixels(s, along, image[axis]),
                                           image[axis], strides[axis]);
    std::vector<Tap> joined;
    for (const Tap& a : taps) {
      for (const Tap& b : more) {
        joined.push_back({a.offset + b.offset, a.weight * b.weight});
      }
    }
    taps = std::move(joined);
  }
  return taps;
}

template <typename T>
Tensor SampleGrid(const Sampling& s, const Tensor& x, const Tensor& grid) {
  const Dims image(x.dims().begin() + 2, x.dims().end());
  const Dims strides = StridesOf(image);
  const int64_t pixels = ElementCount(image);
  const int64_t axes = grid.dims().back();
  const int64_t channels = x.dim(1);
  Dims dims = {x.dim(0), channels};
  dims.insert(dims.end(), grid.dims().begin() + 1, grid.dims().end() - 1);
  const int64_t positions = ElementCount(std::span(dims).subspan(2));
  Tensor y(DType::kFloat64, dims);
  if (pixels == 0) return y;
  double* out = y.mutable_data<double>();
  for (int64_t i = 0; i < x.dim(0) * positions; ++i) {
    const int64_t sample = i / positions;
    const std::vector<Tap> taps =
        SampleTaps<T>(s, grid.data<T>() + i * axes, image, strides);
    for (int64_t c = 0; c < channels; ++c) {
      const double* plane = x.data<double>() + (sample * channels + c) * pixels;
      double sum = 0.0;
      for (const Tap& tap : taps) sum += tap.weight * plane[tap.offset];
      out[(sample * channels + c) * positions + i % positions] = sum;
    }
  }
  return y;
}

void RunGridSample(RunContext& context) {
  const Tensor& x = context.in(0);
  const Tensor& grid = context.in(1);
  const Sampling s = ReadSampling(context.node);
  CheckShapes(Shape::Of(x.dims()), Shape::Of(grid.dims()));
  const Tensor reals = x.CastTo(DType::kFloat64);
  const Tensor y =
      grid.dtype() == DType::kFloat64
          ? SampleGrid<double>(s, reals, grid)
          : SampleGrid<float>(s, reals, grid.CastTo(DType::kFloat32));
  context.outputs[0] = y.CastTo(x.dtype());
}

// Until opset 19 the modes were named for images.
void UpgradeGridSample(UpgradeContext& context) {
  if (context.from >= 20) return;
  Node& node = context.node();
  const std::string mode = node.String("mode", "bilinear");
  if (mode == "bilinear") node.Set("mode", std::string("linear"));
  if (mode == "bicubic") node.Set("mode", std::string("cubic"));
}

}  // namespace

extern constinit const OpDef kGridSampleOp = {
    .type = "GridSample",
    .since = 20,
    .infer = InferGridSample,
    .reference = RunGridSample,
    .integer_reference = DequantizedReference<RunGridSample>,
    .quantize = ActivationRule,
    .upgrade = UpgradeGridSample,
};

}  // namespace squint
