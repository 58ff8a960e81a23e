// Pooling regions of an image to a fixed size: RoiAlign averages (or takes
// the maximum of) bilinear samples, MaxRoiPool takes the maximum of the
// pixels in each cell of a rounded grid.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "squint/ops/in_float64.h"
#include "squint/ops/index.h"
#include "squint/ops/integer_sums.h"
#include "squint/ops/op.h"
#include "squint/ops/quant_rules.h"

namespace squint {
namespace {

// ---- what both have in common

// Images [batch, channels, height, width] and the cells of a region.
struct RoiSizes {
  int64_t batch, channels, height, width;
  int64_t regions;
  int64_t rows, columns;  // cells of one region

  int64_t pixels() const { return height * width; }
  Dims out() const { return {regions, channels, rows, columns}; }
};

void CheckCells(int64_t rows, int64_t columns) {
  if (rows < 1 || columns < 1) {
    Fail(ErrorCode::kInvalidModel,
         "a region is pooled to {} x {} cells, expected at least 1 x 1", rows,
         columns);
  }
}

void CheckRegions(const Shape& x, const Shape& regions, int64_t width) {
  const bool good_x = !x.has_rank() || x.rank() == 4;
  const bool good_regions =
      !regions.has_rank() ||
      (regions.rank() == 2 && (!regions[1].value() || regions[1].is(width)));
  if (!good_x || !good_regions) {
    Fail(ErrorCode::kInvalidModel,
         "X is {} and rois {}, expected rank 4 and [any,{}]", x.ToString(),
         regions.ToString(), width);
  }
}

void InferRegions(InferContext& context, int64_t width, int64_t rows,
                  int64_t columns) {
  const Shape& x = context.shape(0);
  const Shape& regions = context.shape(1);
  CheckRegions(x, regions, width);
  CheckCells(rows, columns);
  context.SetOutput(
      0, context.dtype(0),
      Shape({regions.has_rank() ? regions[0] : Dim::Unknown(),
             x.has_rank() ? x[1] : Dim::Unknown(), rows, columns}));
}

RoiSizes SizesOf(const RunContext& context, int64_t width, int64_t rows,
                 int64_t columns) {
  const Dims& x = context.in(0).dims();
  const Dims& regions = context.in(1).dims();
  CheckRegions(Shape::Of(x), Shape::Of(regions), width);
  CheckCells(rows, columns);
  return {x[0], x[1], x[2], x[3], regions[0], rows, columns};
}

// ---- RoiAlign

// Beyond so many samples along one axis of one cell a region is broken.
constexpr double kMaxSamples = 1024;

struct AlignOptions {
  int64_t rows, columns;
  int64_t samples;  // per cell and axis; 0: one for each pixel
  double scale;     // from the regions' coordinates to the image's
  bool half_pixel;
  bool max;
};

AlignOptions ReadAlign(const Node& node) {
  const std::string mode = node.String("mode", "avg");
  const std::string pixel =
      node.String("coordinate_transformation_mode", "half_pixel");
  AlignOptions options{node.Int("output_height", 1),
                       node.Int("output_width", 1),
                       node.Int("sampling_ratio", 0),
                       static_cast<double>(node.Float("spatial_scale", 1.0f)),
                       pixel == "half_pixel",
                       mode == "max"};
  if (mode != "avg" && mode != "max") {
    Fail(ErrorCode::kInvalidModel, "mode is '{}', expected avg or max", mode);
  }
  if (pixel != "half_pixel" && pixel != "output_half_pixel") {
    Fail(ErrorCode::kInvalidModel,
         "coordinate_transformation_mode is '{}', expected half_pixel or "
         "output_half_pixel",
         pixel);
  }
  if (options.samples < 0 ||
      static_cast<double>(options.samples) > kMaxSamples) {
    Fail(ErrorCode::kInvalidModel, "sampling_ratio is {}, expected 0 to {}",
         options.samples, kMaxSamples);
  }
  return options;
}

void InferRoiAlign(InferContext& context) {
  const AlignOptions options = ReadAlign(context.node());
  InferRegions(context, 4, options.rows, options.columns);
}

// One axis of a region: cells of `cell` pixels from `start` on.
struct Span {
  double start = 0;
  double cell = 0;
  int64_t samples = 0;  // per cell

  double At(int64_t index, int64_t sample) const {
    return start + static_cast<double>(index) * cell +
           (static_cast<double>(sample) + 0.5) * cell /
               static_cast<double>(samples);
  }
};

Span SpanOf(const AlignOptions& options, double begin, double end,
            int64_t cells) {
  const double shift = options.half_pixel ? 0.5 : 0.0;
  Span span;
  span.start = begin * options.scale - shift;
  double length = (end - begin) * options.scale;
  if (!options.half_pixel) length = std::max(length, 1.0);
  span.cell = length / static_cast<double>(cells);
  span.samples = options.samples;
  if (span.samples > 0) return span;
  const double wanted = std::ceil(span.cell);
  if (!(std::fabs(wanted) <= kMaxSamples)) {
    Fail(ErrorCode::kInvalidModel,
         "a region from {} to {} has cells of {} pixels", begin, end,
         span.cell);
  }
  span.samples = static_cast<int64_t>(wanted);
  return span;
}

// The four neighbours of a position, weights zero outside the image.
struct Corners {
  std::array<int64_t, 4> at{};
  std::array<double, 4> weight{};
};

// The pixels below and above a position in [-1, size], clamped to the axis.
struct Neighbours {
  int64_t low = 0;
  int64_t high = 0;
  double fraction = 0;  // towards high
};

Neighbours NeighboursOf(double position, int64_t size) {
  position = std::max(position, 0.0);
  const auto low = std::min(static_cast<int64_t>(position), size - 1);
  if (low == size - 1) return {low, low, 0.0};
  return {low, low + 1, position - static_cast<double>(low)};
}

Corners CornersOf(double y, double x, const RoiSizes& s) {
  const auto inside = [](double position, int64_t size) {
    return position >= -1.0 && position <= static_cast<double>(size);
  };
  if (s.pixels() == 0 || !inside(y, s.height) || !inside(x, s.width)) {
    return {};
  }
  const Neighbours v = NeighboursOf(y, s.height);
  const Neighbours h = NeighboursOf(x, s.width);
  return {{v.low * s.width + h.low, v.low * s.width + h.high,
           v.high * s.width + h.low, v.high * s.width + h.high},
          {(1 - v.fraction) * (1 - h.fraction), (1 - v.fraction) * h.fraction,
           v.fraction * (1 - h.fraction), v.fraction * h.fraction}};
}

// One cell of one channel. The maximum is that of the weighted neighbours,
// as ONNX defines it, not of the samples.
double PoolSamples(const double* image, const std::vector<Corners>& samples,
                   bool max) {
  if (samples.empty()) return 0.0;
  double sum = 0.0;
  double largest = -std::numeric_limits<double>::infinity();
  for (const Corners& c : samples) {
    for (size_t k = 0; k < 4; ++k) {
      const double part =
          c.weight[k] == 0.0 ? 0.0 : c.weight[k] * image[c.at[k]];
      sum += part;
      largest = std::max(largest, part);
    }
  }
  return max ? largest : sum / static_cast<double>(samples.size());
}

std::vector<Corners> CellSamples(const Span& v, const Span& h, int64_t row,
                                 int64_t column, const RoiSizes& s) {
  std::vector<Corners> samples;
  for (int64_t i = 0; i < v.samples; ++i) {
    for (int64_t j = 0; j < h.samples; ++j) {
      samples.push_back(CornersOf(v.At(row, i), h.At(column, j), s));
    }
  }
  return samples;
}

void RunRoiAlign(RunContext& context) {
  const AlignOptions options = ReadAlign(context.node);
  const RoiSizes s = SizesOf(context, 4, options.rows, options.columns);
  const std::vector<int64_t> owners = context.in(2).ToInts();
  if (static_cast<int64_t>(owners.size()) != s.regions) {
    Fail(ErrorCode::kInvalidModel, "{} batch_indices for {} regions",
         owners.size(), s.regions);
  }
  Tensor y(DType::kFloat64, s.out());
  double* out = y.mutable_data<double>();
  for (int64_t region = 0; region < s.regions; ++region) {
    const double* box = context.in(1).data<double>() + region * 4;
    const Span h = SpanOf(options, box[0], box[2], s.columns);
    const Span v = SpanOf(options, box[1], box[3], s.rows);
    const int64_t sample =
        CheckedIndex(owners[static_cast<size_t>(region)], s.batch);
    const double* images =
        context.in(0).data<double>() + sample * s.channels * s.pixels();
    for (int64_t cell = 0; cell < s.rows * s.columns; ++cell) {
      const std::vector<Corners> samples =
          CellSamples(v, h, cell / s.columns, cell % s.columns, s);
      for (int64_t c = 0; c < s.channels; ++c) {
        out[(region * s.channels + c) * s.rows * s.columns + cell] =
            PoolSamples(images + c * s.pixels(), samples, options.max);
      }
    }
  }
  context.outputs[0] = std::move(y);
}

// Until opset 15 pixels were not shifted.
void UpgradeRoiAlign(UpgradeContext& context) {
  if (context.from >= 16) return;
  context.node().Set("coordinate_transformation_mode",
                     std::string("output_half_pixel"));
}

// ---- MaxRoiPool

Dims PooledShape(const Node& node) {
  Dims shape = node.Ints("pooled_shape");
  if (shape.size() != 2) {
    Fail(ErrorCode::kInvalidModel, "pooled_shape is {}, expected two sizes",
         DimsToString(shape));
  }
  return shape;
}

void InferMaxRoiPool(InferContext& context) {
  const Dims cells = PooledShape(context.node());
  InferRegions(context, 5, cells[0], cells[1]);
}

// Pixels [begin, end) of a cell along one axis.
struct PixelRange {
  int64_t begin = 0;
  int64_t end = 0;
};

PixelRange CellPixels(double first, double last, int64_t cell, int64_t cells,
                      int64_t size) {
  const double length = std::max(last - first + 1.0, 1.0);
  const double step = length / static_cast<double>(cells);
  const auto clamp = [&](double position) {
    return static_cast<int64_t>(
        std::clamp(position, 0.0, static_cast<double>(size)));
  };
  const auto at = static_cast<double>(cell);
  return {clamp(std::floor(at * step) + first),
          clamp(std::ceil((at + 1.0) * step) + first)};
}

// Zero for a cell outside the image.
double MaxOf(const double* image, const PixelRange& v, const PixelRange& h,
             int64_t width) {
  if (v.begin >= v.end || h.begin >= h.end) return 0.0;
  double largest = -std::numeric_limits<double>::infinity();
  for (int64_t row = v.begin; row < v.end; ++row) {
    for (int64_t column = h.begin; column < h.end; ++column) {
      largest = std::max(largest, image[row * width + column]);
    }
  }
  return largest;
}

void RunMaxRoiPool(RunContext& context) {
  const Dims cells = PooledShape(context.node);
  const RoiSizes s = SizesOf(context, 5, cells[0], cells[1]);
  const auto scale =
      static_cast<double>(context.node.Float("spatial_scale", 1.0f));
  Tensor y(DType::kFloat64, s.out());
  double* out = y.mutable_data<double>();
  for (int64_t region = 0; region < s.regions; ++region) {
    const double* roi = context.in(1).data<double>() + region * 5;
    std::array<double, 4> edge{};  // x1, y1, x2, y2 in whole pixels
    for (size_t k = 0; k < 4; ++k) edge[k] = std::round(roi[k + 1] * scale);
    if (!std::all_of(roi, roi + 5,
                     [](double v) { return std::fabs(v) <= 1e9; })) {
      Fail(ErrorCode::kInvalidModel, "region {} is no region of an image",
           region);
    }
    const int64_t sample = CheckedIndex(static_cast<int64_t>(roi[0]), s.batch);
    for (int64_t c = 0; c < s.channels; ++c) {
      const double* image =
          context.in(0).data<double>() + (sample * s.channels + c) * s.pixels();
      for (int64_t cell = 0; cell < s.rows * s.columns; ++cell) {
        *out++ = MaxOf(
            image,
            CellPixels(edge[1], edge[3], cell / s.columns, s.rows, s.height),
            CellPixels(edge[0], edge[2], cell % s.columns, s.columns, s.width),
            s.width);
      }
    }
  }
  context.outputs[0] = std::move(y);
}

}  // namespace

extern constinit const OpDef kMaxRoiPoolOp = {
    .type = "MaxRoiPool",
    .since = 1,
    .infer = InferMaxRoiPool,
    .reference = InFloat64<RunMaxRoiPool>,
    .integer_reference = DequantizedReference<InFloat64<RunMaxRoiPool>>,
    .quantize = ActivationRule,
};
extern constinit const OpDef kRoiAlignOp = {
    .type = "RoiAlign",
    .since = 16,
    .infer = InferRoiAlign,
    .reference = InFloat64<RunRoiAlign>,
    .integer_reference = DequantizedReference<InFloat64<RunRoiAlign>>,
    .quantize = ActivationRule,
    .upgrade = UpgradeRoiAlign,
};

}  // namespace squint
