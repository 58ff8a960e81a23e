// ConvTranspose: every input element adds its weighted kernel to the output.
// Weights are [input channels, output channels / group, kernel].
#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "squint/base/threads.h"
#include "squint/kernels/gemm/gemm.h"
#include "squint/ops/conv_node.h"
#include "squint/ops/in_float32.h"
#include "squint/ops/integer_sums.h"
#include "squint/ops/matrix_sums.h"
#include "squint/ops/op.h"
#include "squint/ops/prepare.h"
#include "squint/ops/window.h"

namespace squint {
namespace {

struct TransposedWindow {
  Window window;
  Dims output_padding;
  Dims output_shape;  // spatial; empty unless the node says it
};

TransposedWindow ReadTransposed(const Node& node, const Dims& kernel) {
  TransposedWindow result;
  result.window = ReadConvWindow(node, kernel);
  result.output_padding = node.Ints("output_padding");
  if (result.output_padding.empty()) {
    result.output_padding.assign(kernel.size(), 0);
  }
  result.output_shape = node.Ints("output_shape");
  // Exporters also write batch and channels in front.
  if (result.output_shape.size() == kernel.size() + 2) {
    result.output_shape = SpatialOf(result.output_shape);
  }
  for (const Dims* list : {&result.output_padding, &result.output_shape}) {
    const bool good = list->size() == kernel.size() &&
                      std::all_of(list->begin(), list->end(), [](int64_t v) {
                        return v >= 0 && v < int64_t{1} << 31;
                      });
    if (!list->empty() && !good) {
      Fail(ErrorCode::kInvalidModel,
           "output_padding {} and output_shape {} do not suit the kernel {}",
           DimsToString(result.output_padding),
           DimsToString(result.output_shape), DimsToString(kernel));
    }
  }
  return result;
}

// Size before padding is cut off.
Dim FullSize(const TransposedWindow& t, size_t axis, const Dim& input) {
  return (input - Dim(1)) * Dim(t.window.strides[axis]) +
         Dim(t.output_padding[axis] + t.window.extent(axis));
}

Dim OutputSize(const TransposedWindow& t, size_t axis, const Dim& input) {
  if (!t.output_shape.empty()) return t.output_shape[axis];
  const AutoPad pad = t.window.auto_pad;
  if (pad == AutoPad::kSameUpper || pad == AutoPad::kSameLower) {
    // A window shorter than the stride leaves nothing after the last input.
    const int64_t stride = t.window.strides[axis];
    const bool reaches =
        t.output_padding[axis] + t.window.extent(axis) >= stride;
    return reaches ? input * Dim(stride) : FullSize(t, axis, input);
  }
  const Dim size = FullSize(t, axis, input) -
                   Dim(t.window.pads_begin[axis] + t.window.pads_end[axis]);
  if (size.value() && *size.value() < 1) {
    Fail(ErrorCode::kInvalidModel,
         "the pads leave {} positions on spatial axis {}", *size.value(), axis);
  }
  return size;
}

// Pads that follow from a given output size: SAME_UPPER puts the larger half
// at the end, everything else at the start.
void ResolveTransposedPads(TransposedWindow& t, const Dims& input,
                           const Dims& output) {
  Window& window = t.window;
  const bool same = window.auto_pad == AutoPad::kSameUpper ||
                    window.auto_pad == AutoPad::kSameLower;
  if (!same && t.output_shape.empty()) return;
  for (size_t axis = 0; axis < window.rank(); ++axis) {
    const int64_t full = *FullSize(t, axis, input[axis]).value();
    const int64_t total = std::max<int64_t>(full - output[axis], 0);
    const int64_t begin =
        window.auto_pad == AutoPad::kSameUpper ? total / 2 : total - total / 2;
    window.pads_begin[axis] = begin;
    window.pads_end[axis] = total - begin;
  }
  window.auto_pad = AutoPad::kNotSet;
}

void CheckSizes(const Dim& channels, const Shape& weight, int64_t group) {
  const auto c = channels.value();
  const auto w = weight[0].value();
  if (weight[0].is(0) || weight[1].is(0)) {
    Fail(ErrorCode::kInvalidModel, "the weight has no channels: {}",
         weight.ToString());
  }
  if (w && *w % group != 0) {
    Fail(ErrorCode::kInvalidModel, "group={} does not divide {} input channels",
         group, *w);
  }
  if (c && w && *c != *w) {
    Fail(ErrorCode::kInvalidModel,
         "the weight {} expects {} input channels, got {}", weight.ToString(),
         *w, *c);
  }
}

void InferConvTranspose(InferContext& context) {
  const Shape& x = context.shape(0);
  const Shape& w = context.shape(1);
  context.SetOutput(0, context.dtype(0), Shape());
  if (!w.has_rank()) return;
  CheckConvRanks(x, w);
  const int rank = w.rank();
  const int64_t group = ReadGroup(context.node());
  CheckSizes(x.has_rank() ? x[1] : Dim::Unknown(), w, group);
  DimList out(static_cast<size_t>(rank), Dim::Unknown());
  out[1] = w[1] * Dim(group);
  CheckConvBias(context.shape(2), out[1]);
  if (x.has_rank()) out[0] = x[0];
  const auto w_dims = w.values();
  if (x.has_rank() && w_dims) {
    const TransposedWindow t =
        ReadTransposed(context.node(), SpatialOf(*w_dims));
    for (size_t axis = 0; axis < t.window.rank(); ++axis) {
      out[axis + 2] = OutputSize(t, axis, x.dims()[axis + 2]);
    }
  }
  context.SetOutput(0, context.dtype(0), Shape(std::move(out)));
}

struct Geometry {
  TransposedWindow transposed;
  int64_t group = 1;
  Dims in;
  Dims out;
  Dims out_dims;
};

Geometry GeometryOf(const Node& node, const Dims& x, const Dims& w) {
  Geometry g;
  g.group = ReadGroup(node);
  CheckConvRanks(Shape::Of(x), Shape::Of(w));
  CheckSizes(x[1], Shape::Of(w), g.group);
  g.in = SpatialOf(x);
  g.transposed = ReadTransposed(node, SpatialOf(w));
  for (size_t axis = 0; axis < g.in.size(); ++axis) {
    g.out.push_back(*OutputSize(g.transposed, axis, g.in[axis]).value());
  }
  ResolveTransposedPads(g.transposed, g.in, g.out);
  g.out_dims = {x[0], w[1] * g.group};
  g.out_dims.insert(g.out_dims.end(), g.out.begin(), g.out.end());
  return g;
}

// Adds one input plane, weighted by one kernel, to one output plane. The
// runs are those of the convolution from output to input, read backwards.
void AddPlane(const float* image, const float* kernel,
              const std::vector<TapRow>& rows, int64_t stride, double* plane) {
  for (const TapRow& row : rows) {
    const double weight = kernel[row.tap];
    const float* in = image + row.out_start;
    double* out = plane + row.in_start;
    for (int64_t i = 0; i < row.count; ++i) out[i * stride] += weight * in[i];
  }
}

std::vector<double> TransposedSums(const Tensor& x, const Tensor& w,
                                   std::span<const double> bias,
                                   const Geometry& g) {
  const Window& window = g.transposed.window;
  const std::vector<TapRow> rows = TapRowsOf(window, g.out, g.in);
  const int64_t in_size = ElementCount(g.in);
  const int64_t out_size = ElementCount(g.out);
  const int64_t inputs = x.dim(1);
  const int64_t per_group = w.dim(1);
  const int64_t outputs = per_group * g.group;
  std::vector<double> sums(static_cast<size_t>(ElementCount(g.out_dims)));
  for (int64_t i = 0; i < x.dim(0) * outputs; ++i) {
    std::fill_n(sums.data() + i * out_size, out_size,
                bias[static_cast<size_t>(i % outputs)]);
  }
  for (int64_t i = 0; i < x.dim(0) * inputs; ++i) {
    const int64_t c = i % inputs;
    const int64_t first =
        i / inputs * outputs + c / (inputs / g.group) * per_group;
    for (int64_t m = 0; m < per_group; ++m) {
      AddPlane(x.data<float>() + i * in_size,
               w.data<float>() + (c * per_group + m) * window.taps(), rows,
               window.strides.back(), sums.data() + (first + m) * out_size);
    }
  }
  return sums;
}

void RunConvTranspose(RunContext& context) {
  const Tensor& w = context.in(1);
  const Geometry g = GeometryOf(context.node, context.in(0).dims(), w.dims());
  std::vector<double> bias(static_cast<size_t>(g.out_dims[1]), 0.0);
  if (context.has(2)) {
    CheckConvBias(Shape::Of(context.in(2).dims()), g.out_dims[1]);
    const auto values = context.in(2).values<float>();
    bias.assign(values.begin(), values.end());
  }
  context.outputs[0] =
      ToFloat32(TransposedSums(context.in(0), w, bias, g), g.out_dims);
}

void RunConvTransposeInteger(RunContext& context) {
  const int64_t group = ReadGroup(context.node);
  // Groups share the scales along axis 1; only one group is summed so.
  if (!CanSumIntegers(context, 0, 1, group == 1 ? 1 : -1)) {
    return RunDequantized(context, RunConvTranspose);
  }
  const QuantParams& qx = *context.input_quant[0];
  const QuantParams& qw = *context.input_quant[1];
  const int64_t outputs = context.in(1).dim(1) * group;
  const auto bias = BiasSteps(context, 2, outputs, qx, qw);
  if (!bias) return RunDequantized(context, RunConvTranspose);
  const Geometry g =
      GeometryOf(context.node, context.in(0).dims(), context.in(1).dims());
  const QuantParams* qy = context.output_quant[0];
  context.outputs[0] =
      Requantize(TransposedSums(Centered(context.in(0), qx),
                                Centered(context.in(1), qw), *bias, g),
                 g.out_dims, 1, Multipliers(qx, qw, qy), qy);
}

// The weight's axis 1 counts the channels of one group only.
QuantSpec ConvTransposeRule(const QuantizeQuery& query) {
  return ConvolutionRule(query, ReadGroup(query.node) == 1 ? 1 : -1, 0);
}

// ---- float execution: one product gives every input pixel's kernel-sized
// contribution, [outputs * taps, pixels]; adding them up then goes along the
// runs of TapRowsOf.
class ConvTransposeStep : public Step {
 public:
  ConvTransposeStep(const PrepareContext& context, Geometry geometry,
                    std::shared_ptr<const PackedMatrix> weights)
      : geometry_(std::move(geometry)),
        weights_(std::move(weights)),
        batch_(context.input_dims[0][0]),
        inputs_(context.input_dims[0][1]),
        per_group_(context.input_dims[1][1]),
        in_size_(ElementCount(geometry_.in)),
        out_size_(ElementCount(geometry_.out)),
        clamp_(ClampOrNone(context)) {
    const Geometry& g = geometry_;
    rows_ = TapRowsOf(g.transposed.window, g.out, g.in);
    for (int64_t i = 0; i < g.group; ++i) {
      matrices_.push_back(i);
      images_.push_back(i * inputs_ / g.group * in_size_);
    }
  }

  size_t scratch_bytes() const override {
    return static_cast<size_t>(outputs() * taps() * in_size_) * sizeof(float);
  }

  void Run(const StepArgs& args) const override {
    auto* products = static_cast<float*>(args.scratch);
    for (int64_t n = 0; n < batch_; ++n) {
      Multiply(FloatInput(args, 0) + n * inputs_ * in_size_, products,
               args.pool);
      float* y = FloatOutput(args) + n * outputs() * out_size_;
      const float* bias = FloatInput(args, 2);
      args.pool.ParallelFor(static_cast<size_t>(outputs()), 1,
                            [&](size_t begin, size_t end) {
                              for (size_t c = begin; c < end; ++c) {
                                AddUp(products, bias, c, y);
                              }
                            });
    }
  }

 private:
  int64_t taps() const { return geometry_.transposed.window.taps(); }
  int64_t outputs() const { return per_group_ * geometry_.group; }

  void Multiply(const float* x, float* products, ThreadPool& pool) const {
    GemmArgs args;
    args.m = per_group_ * taps();
    args.n = in_size_;
    args.k = inputs_ / geometry_.group;
    args.b = {x, args.n, 1};
    args.packed_a = weights_.get();
    args.c = products;
    args.c_stride = args.n;
    args.batch = geometry_.group;
    args.a_offsets = matrices_.data();
    args.b_offsets = images_.data();
    args.c_step = args.m * args.n;
    Gemm(args, pool);
  }

  void AddUp(const float* products, const float* bias, size_t channel,
             float* y) const {
    const auto c = static_cast<int64_t>(channel);
    const int64_t size = out_size_;
    float* plane = y + c * size;
    const float* source = products + c * taps() * in_size_;
    const int64_t stride = geometry_.transposed.window.strides.back();
    std::fill_n(plane, size, bias == nullptr ? 0.0f : bias[c]);
    for (const TapRow& row : rows_) {
      const float* in = source + row.tap * in_size_ + row.out_start;
      float* out = plane + row.in_start;
      const int64_t count = row.count;
      for (int64_t i = 0; i < count; ++i) out[i * stride] += in[i];
    }
    const auto [low, high] = clamp_;
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    if (low == -kInfinity && high == kInfinity) return;
    // NaN stays.
    for (int64_t i = 0; i < size; ++i) {
      if (plane[i] < low) plane[i] = low;
      if (plane[i] > high) plane[i] = high;
    }
  }

  Geometry geometry_;
  std::shared_ptr<const PackedMatrix> weights_;
  int64_t batch_;
  int64_t inputs_;
  int64_t per_group_;
  int64_t in_size_;  // floats of a plane
  int64_t out_size_;
  std::pair<float, float> clamp_;
  std::vector<TapRow> rows_;
  std::vector<int64_t> matrices_;  // of each group, in the packed weights
  std::vector<int64_t> images_;    // first float of each group's channels
};

std::unique_ptr<Step> PrepareConvTranspose(const PrepareContext& context) {
  const Tensor* w = context.constants[1];
  if (!AllFloat(context) || w == nullptr) return nullptr;
  Geometry g = GeometryOf(context.node, context.input_dims[0], w->dims());
  const int64_t rows = w->dim(1) * g.transposed.window.taps();
  const int64_t depth = w->dim(0) / g.group;
  auto packed = context.packs.Get<PackedMatrix>(context.pack_key + "/a", [&] {
    return std::make_shared<const PackedMatrix>(PackLeft(
        rows, depth, {w->data<float>(), 1, rows}, g.group, depth * rows));
  });
  return std::make_unique<ConvTransposeStep>(context, std::move(g),
                                             std::move(packed));
}

}  // namespace

extern constinit const OpDef kConvTransposeOp = {
    .type = "ConvTranspose",
    .since = 11,
    .infer = InferConvTranspose,
    .reference = InFloat32<RunConvTranspose>,
    .integer_reference = RunConvTransposeInteger,
    .quantize = ConvTransposeRule,
    .prepare = PrepareConvTranspose,
    .fuses_clamp = true,
};

}  // namespace squint
