// DeformConv on images: a convolution whose taps read, bilinearly, where the
// offsets move them, each weighted by an optional mask. What lies outside
// the image is zero.
#include <cmath>
#include <vector>

#include "squint/ops/conv_node.h"
#include "squint/ops/in_float64.h"
#include "squint/ops/op.h"
#include "squint/ops/window.h"

namespace squint {
namespace {

constexpr size_t kX = 0, kW = 1, kOffset = 2, kBias = 3, kMask = 4;

void CheckRanks(const Shape& x, const Shape& w) {
  CheckConvRanks(x, w);
  if (w.has_rank() && w.rank() != 4) {
    Fail(ErrorCode::kUnsupported,
         "a deformable convolution with weight {}: only images (rank 4) work",
         w.ToString());
  }
}

int64_t ReadOffsetGroup(const Node& node) {
  const int64_t groups = node.Int("offset_group", 1);
  if (groups < 1) {
    Fail(ErrorCode::kInvalidModel, "offset_group is {}, expected at least 1",
         groups);
  }
  return groups;
}

void InferDeformConv(InferContext& context) {
  const Shape& x = context.shape(kX);
  const Shape& w = context.shape(kW);
  context.SetOutput(0, context.dtype(kX), Shape());
  if (!x.has_rank() || !w.has_rank()) return;
  CheckRanks(x, w);
  ReadGroup(context.node());
  ReadOffsetGroup(context.node());
  CheckConvBias(context.shape(kBias), w[0]);
  DimList dims = {x[0], w[0], Dim::Unknown(), Dim::Unknown()};
  if (const auto weight = w.values()) {
    const Window window = ReadConvWindow(context.node(), SpatialOf(*weight));
    dims[2] = WindowOutput(window, 0, x[2]);
    dims[3] = WindowOutput(window, 1, x[3]);
  }
  context.SetOutput(0, context.dtype(kX), Shape(std::move(dims)));
}

struct Deformed {
  Window window;
  int64_t group = 1;
  int64_t offset_group = 1;
  int64_t batch = 0, channels = 0, height = 0, width = 0;
  int64_t outputs = 0;
  Dims out;  // spatial

  int64_t pixels() const { return height * width; }
  int64_t positions() const { return out[0] * out[1]; }
  // First offset (`per_tap` 2) or mask (1) of a tap, in their own images.
  int64_t TapAt(int64_t sample, int64_t channel, int64_t tap,
                int64_t per_tap) const {
    const int64_t owner = channel / (channels / offset_group);
    return ((sample * offset_group + owner) * window.taps() + tap) * per_tap *
           positions();
  }
};

void ExpectDims(const char* what, const Dims& dims, const Dims& expected) {
  if (dims != expected) {
    Fail(ErrorCode::kInvalidModel, "{} is {}, expected {}", what,
         DimsToString(dims), DimsToString(expected));
  }
}

Deformed ReadDeformed(const RunContext& context) {
  const Dims& x = context.in(kX).dims();
  const Dims& w = context.in(kW).dims();
  CheckRanks(Shape::Of(x), Shape::Of(w));
  Deformed d;
  d.window = ReadConvWindow(context.node, SpatialOf(w));
  d.group = ReadGroup(context.node);
  d.offset_group = ReadOffsetGroup(context.node);
  d.batch = x[0];
  d.channels = x[1];
  d.height = x[2];
  d.width = x[3];
  d.outputs = w[0];
  d.out = WindowOutputs(d.window, SpatialOf(x));
  d.window = ResolvePads(std::move(d.window), SpatialOf(x));
  if (d.channels != w[1] * d.group || d.outputs % d.group != 0 ||
      d.channels < 1 || d.channels % d.offset_group != 0) {
    Fail(ErrorCode::kInvalidModel,
         "X {} and W {} do not suit group={} and offset_group={}",
         DimsToString(x), DimsToString(w), d.group, d.offset_group);
  }
  const int64_t taps = d.offset_group * d.window.taps();
  ExpectDims("offset", context.in(kOffset).dims(),
             {d.batch, 2 * taps, d.out[0], d.out[1]});
  if (context.has(kMask)) {
    ExpectDims("mask", context.in(kMask).dims(),
               {d.batch, taps, d.out[0], d.out[1]});
  }
  if (context.has(kBias)) {
    ExpectDims("B", context.in(kBias).dims(), {d.outputs});
  }
  return d;
}

// Bilinear, zero outside.
double PixelNear(const double* image, const Deformed& d, double y, double x) {
  const auto height = static_cast<double>(d.height);
  const auto width = static_cast<double>(d.width);
  if (!(y > -1.0 && y < height && x > -1.0 && x < width)) return 0.0;
  const auto row = static_cast<int64_t>(std::floor(y));
  const auto column = static_cast<int64_t>(std::floor(x));
  const double down = y - std::floor(y);
  const double right = x - std::floor(x);
  const auto at = [&](int64_t r, int64_t c) {
    const bool inside = r >= 0 && r < d.height && c >= 0 && c < d.width;
    return inside ? image[r * d.width + c] : 0.0;
  };
  return (1 - down) *
             ((1 - right) * at(row, column) + right * at(row, column + 1)) +
         down * ((1 - right) * at(row + 1, column) +
                 right * at(row + 1, column + 1));
}

// What one tap reads of one channel, for every output position.
std::vector<double> TapValues(const RunContext& context, const Deformed& d,
                              int64_t sample, int64_t channel, int64_t tap) {
  const double* image = context.in(kX).data<double>() +
                        (sample * d.channels + channel) * d.pixels();
  const double* offset =
      context.in(kOffset).data<double>() + d.TapAt(sample, channel, tap, 2);
  const double* mask = context.has(kMask) ? context.in(kMask).data<double>() +
                                                d.TapAt(sample, channel, tap, 1)
                                          : nullptr;
  const int64_t row =
      tap / d.window.kernel[1] * d.window.dilations[0] - d.window.pads_begin[0];
  const int64_t column =
      tap % d.window.kernel[1] * d.window.dilations[1] - d.window.pads_begin[1];
  std::vector<double> values;
  for (int64_t i = 0; i < d.positions(); ++i) {
    const int64_t y = i / d.out[1] * d.window.strides[0] + row;
    const int64_t x = i % d.out[1] * d.window.strides[1] + column;
    const double read =
        PixelNear(image, d, static_cast<double>(y) + offset[i],
                  static_cast<double>(x) + offset[d.positions() + i]);
    values.push_back(mask == nullptr ? read : mask[i] * read);
  }
  return values;
}

void RunDeformConv(RunContext& context) {
  const Deformed d = ReadDeformed(context);
  const double* w = context.in(kW).data<double>();
  const int64_t per_group = d.channels / d.group;
  const int64_t outputs = d.outputs / d.group;
  Tensor y(DType::kFloat64, {d.batch, d.outputs, d.out[0], d.out[1]});
  double* out = y.mutable_data<double>();
  for (int64_t i = 0; context.has(kBias) && i < y.size(); ++i) {
    out[i] = context.in(kBias).data<double>()[i / d.positions() % d.outputs];
  }
  for (int64_t i = 0; i < d.batch * d.channels * d.window.taps(); ++i) {
    const int64_t tap = i % d.window.taps();
    const int64_t channel = i / d.window.taps() % d.channels;
    const int64_t sample = i / d.window.taps() / d.channels;
    const std::vector<double> values =
        TapValues(context, d, sample, channel, tap);
    const int64_t first = channel / per_group * outputs;
    for (int64_t m = first; m < first + outputs; ++m) {
      const double weight =
          w[(m * per_group + channel % per_group) * d.window.taps() + tap];
      double* plane = out + (sample * d.outputs + m) * d.positions();
      for (const double value : values) *plane++ += weight * value;
    }
  }
  context.outputs[0] = std::move(y);
}

QuantSpec DeformConvRule(const QuantizeQuery&) {
  return QuantSpec::Float(
      "reads between pixels, at computed places: no integer product");
}

}  // namespace

extern constinit const OpDef kDeformConvOp = {
    .type = "DeformConv",
    .since = 19,
    .infer = InferDeformConv,
    .reference = InFloat64<RunDeformConv>,
    .quantize = DeformConvRule,
};

}  // namespace squint
