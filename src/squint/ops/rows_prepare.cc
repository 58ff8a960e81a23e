// Softmax, LayerNormalization and pooling on the float kernels.
#include <algorithm>
#include <vector>

#include "squint/kernels/pool/byte_pool.h"
#include "squint/kernels/pool/pool.h"
#include "squint/kernels/rows/rows.h"
#include "squint/ops/conv_shape.h"
#include "squint/ops/prepare.h"
#include "squint/ops/qlinear_operands.h"
#include "squint/ops/row_parameter.h"
#include "squint/ops/window.h"

namespace squint {
namespace {

// A tensor seen as [outer, length, inner] around one axis.
struct AxisView {
  AxisView(const Dims& dims, int64_t axis_attribute) {
    const int axis =
        NormalizeAxis(axis_attribute, static_cast<int>(dims.size()));
    for (int i = 0; i < static_cast<int>(dims.size()); ++i) {
      const int64_t size = dims[static_cast<size_t>(i)];
      (i < axis ? outer : i == axis ? length : inner) *= size;
    }
  }
  int64_t outer = 1;
  int64_t length = 1;
  int64_t inner = 1;
};

class SoftmaxStep : public Step {
 public:
  SoftmaxStep(bool logarithm, const AxisView& view)
      : logarithm_(logarithm), view_(view) {}

  void Run(const StepArgs& args) const override {
    Softmax(logarithm_, view_.outer, view_.length, view_.inner,
            FloatInput(args, 0), FloatOutput(args), args.pool);
  }
  bool can_run_in_place() const override { return true; }

 private:
  bool logarithm_;
  AxisView view_;
};

class NormalizeStep : public Step {
 public:
  NormalizeStep(int64_t rows, int64_t length, float epsilon)
      : rows_(rows), length_(length), epsilon_(epsilon) {}

  void Run(const StepArgs& args) const override {
    NormalizeRows(rows_, length_, epsilon_, FloatInput(args, 1),
                  FloatInput(args, 2), FloatInput(args, 0), FloatOutput(args),
                  args.pool);
  }
  bool can_run_in_place() const override { return true; }

 private:
  int64_t rows_;
  int64_t length_;
  float epsilon_;
};

class ReduceStep : public Step {
 public:
  ReduceStep(ReduceKind kind, const AxisView& view)
      : kind_(kind), view_(view) {}

  void Run(const StepArgs& args) const override {
    Reduce(kind_, view_.outer, view_.length, view_.inner, FloatInput(args, 0),
           FloatOutput(args), args.pool);
  }

 private:
  ReduceKind kind_;
  AxisView view_;
};

// All spatial axes of [N, C, ...] in one.
std::unique_ptr<Step> PrepareGlobal(const PrepareContext& context,
                                    ReduceKind kind) {
  const Dims& x = context.input_dims[0];
  if (!AllFloat(context) || x.size() < 2) return nullptr;
  const Dims merged = {x[0], x[1], ElementCount(std::span(x).subspan(2))};
  return std::make_unique<ReduceStep>(kind, AxisView(merged, 2));
}

class PoolStep : public Step {
 public:
  PoolStep(const PlaneWindow& window, int64_t planes)
      : window_(window), planes_(planes) {}
  // Averages; the divisor is rows[oy] * columns[ox].
  PoolStep(const PlaneWindow& window, int64_t planes, std::vector<float> rows,
           std::vector<float> columns)
      : window_(window),
        planes_(planes),
        rows_(std::move(rows)),
        columns_(std::move(columns)) {}

  void Run(const StepArgs& args) const override {
    if (rows_.empty()) {
      MaxPool(window_, planes_, FloatInput(args, 0), FloatOutput(args),
              args.pool);
    } else {
      AveragePool(window_, planes_, rows_.data(), columns_.data(),
                  FloatInput(args, 0), FloatOutput(args), args.pool);
    }
  }

 private:
  PlaneWindow window_;
  int64_t planes_;
  std::vector<float> rows_;
  std::vector<float> columns_;
};

class BytePoolStep : public Step {
 public:
  BytePoolStep(const PlaneWindow& window, int64_t planes, bool is_signed)
      : window_(window), planes_(planes), is_signed_(is_signed) {}
  void Run(const StepArgs& args) const override {
    MaxPoolBytes(window_, planes_, is_signed_, args.inputs[0], args.outputs[0],
                 args.pool);
  }

 private:
  PlaneWindow window_;
  int64_t planes_;
  bool is_signed_;
};

struct PoolGeometry {
  Window window;
  PlaneWindow plane;
  int64_t planes;
};

std::optional<PoolGeometry> GeometryOf(const PrepareContext& context) {
  const Dims& x = context.input_dims[0];
  if ((x.size() != 3 && x.size() != 4) ||
      ElementCount(context.output_dims[0]) == 0) {
    return std::nullopt;
  }
  const Window window =
      ResolvePads(ReadWindow(context.node, context.node.Ints("kernel_shape")),
                  Dims(x.begin() + 2, x.end()), true);
  // Windows that skip elements at the start are left to the reference.
  if (*std::ranges::min_element(window.pads_begin) < 0) return std::nullopt;
  return PoolGeometry{window, PlaneWindowOf(window, x, context.output_dims[0]),
                      x[0] * x[1]};
}

// One window that is the whole image: exporters write global pools so, too.
bool IsGlobal(const PlaneWindow& w) {
  return w.out_pixels() == 1 && w.pad_top == 0 && w.pad_left == 0 &&
         w.dilation_h == 1 && w.dilation_w == 1 && w.kernel_h == w.in_h &&
         w.kernel_w == w.in_w;
}

// The reduced axes as one, where nothing but axes of size 1 lies between
// them. Axes that are not known and scalars give nullopt.
std::optional<AxisView> ReducedView(const PrepareContext& context) {
  const Dims& dims = context.input_dims[0];
  const auto rank = static_cast<int>(dims.size());
  if (rank == 0) return std::nullopt;
  std::vector<bool> reduced(dims.size(), !context.has(1));
  if (context.has(1)) {
    if (context.constants[1] == nullptr) return std::nullopt;
    const std::vector<int64_t> axes = context.constants[1]->ToInts();
    if (axes.empty()) reduced.assign(dims.size(), true);
    for (const int64_t axis : axes) {
      reduced[static_cast<size_t>(NormalizeAxis(axis, rank))] = true;
    }
  }
  Dims merged = {1, 1, 1};
  size_t part = 0;
  for (size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] == 1) continue;
    if (reduced[i] && part == 0) part = 1;
    if (!reduced[i] && part == 1) part = 2;
    if (reduced[i] && part == 2) return std::nullopt;
    merged[part] *= dims[i];
  }
  return AxisView(merged, 1);
}

struct ReduceRow {
  std::string_view type;
  ReduceKind kind;
};
constexpr ReduceRow kReduceRows[] = {
    {"ReduceSum", ReduceKind::kSum},
    {"ReduceMean", ReduceKind::kMean},
    {"ReduceMax", ReduceKind::kMax},
    {"ReduceMin", ReduceKind::kMin},
};

}  // namespace

std::unique_ptr<Step> PrepareSoftmax(const PrepareContext& context) {
  const Dims& dims = context.input_dims[0];
  if (!AllFloat(context) || dims.empty()) return nullptr;
  const AxisView view(dims, context.node.Int("axis", -1));
  return std::make_unique<SoftmaxStep>(context.node.Is("LogSoftmax"), view);
}

std::unique_ptr<Step> PrepareLayerNormalization(const PrepareContext& context) {
  const Dims& dims = context.input_dims[0];
  if (!AllFloat(context) || dims.empty() ||
      context.node.output(1) != kNoValue ||
      context.node.output(2) != kNoValue) {
    return nullptr;
  }
  const int64_t attribute = context.node.Int("axis", -1);
  const int axis = NormalizeAxis(attribute, static_cast<int>(dims.size()));
  const AxisView view(dims, attribute);
  const int64_t length = view.length * view.inner;
  for (size_t i = 1; i < 3; ++i) {
    if (context.has(i) && (ElementCount(context.input_dims[i]) != length ||
                           !LiesAlongRow(context.input_dims[i], dims, axis))) {
      return nullptr;
    }
  }
  return std::make_unique<NormalizeStep>(view.outer, length,
                                         context.node.Float("epsilon", 1e-5f));
}

std::unique_ptr<Step> PrepareGlobalAveragePool(const PrepareContext& context) {
  return PrepareGlobal(context, ReduceKind::kMean);
}

std::unique_ptr<Step> PrepareGlobalMaxPool(const PrepareContext& context) {
  return PrepareGlobal(context, ReduceKind::kMax);
}

std::unique_ptr<Step> PrepareMaxPool(const PrepareContext& context) {
  if (context.node.output(1) != kNoValue) return nullptr;
  const auto geometry = GeometryOf(context);
  if (!geometry) return nullptr;
  const DType dtype = context.input_dtypes[0];
  if (IsByte(dtype)) {
    return std::make_unique<BytePoolStep>(geometry->plane, geometry->planes,
                                          dtype == DType::kInt8);
  }
  if (!AllFloat(context)) return nullptr;
  if (IsGlobal(geometry->plane)) {
    return PrepareGlobal(context, ReduceKind::kMax);
  }
  if (!FitsBand(geometry->plane)) return nullptr;
  return std::make_unique<PoolStep>(geometry->plane, geometry->planes);
}

std::unique_ptr<Step> PrepareAveragePool(const PrepareContext& context) {
  const auto geometry = GeometryOf(context);
  if (!geometry || !AllFloat(context)) return nullptr;
  // Padding behind the image is not seen here and may count.
  const bool padded = *std::ranges::max_element(geometry->window.pads_end) > 0;
  if (IsGlobal(geometry->plane) && !padded) {
    return PrepareGlobal(context, ReduceKind::kMean);
  }
  if (!FitsBand(geometry->plane)) return nullptr;
  const bool include_pads = context.node.Int("count_include_pad", 0) != 0;
  const PlaneWindow& plane = geometry->plane;
  const size_t last = geometry->window.rank() - 1;
  std::vector<float> columns =
      TapCounts(geometry->window, last, plane.in_w, plane.out_w, include_pads);
  columns.resize(columns.size() + kStagingSlack, 1.0f);
  std::vector<float> rows(1, 1.0f);
  if (last > 0) {
    rows =
        TapCounts(geometry->window, 0, plane.in_h, plane.out_h, include_pads);
  }
  return std::make_unique<PoolStep>(plane, geometry->planes, std::move(rows),
                                    std::move(columns));
}

std::unique_ptr<Step> PrepareReduce(const PrepareContext& context) {
  const DType dtype = context.input_dtypes[0];
  const Dims& dims = context.input_dims[0];
  if (dtype != DType::kFloat32 || ElementCount(dims) == 0 ||
      context.node.Int("noop_with_empty_axes", 0) != 0) {
    return nullptr;
  }
  const auto view = ReducedView(context);
  if (!view) return nullptr;
  for (const ReduceRow& row : kReduceRows) {
    if (row.type == context.node.op_type) {
      return std::make_unique<ReduceStep>(row.kind, *view);
    }
  }
  return nullptr;
}

}  // namespace squint
