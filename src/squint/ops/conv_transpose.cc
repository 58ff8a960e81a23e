// ConvTranspose: every input element adds its weighted kernel to the output.
// Weights are [input channels, output channels / group, kernel].
#include <algorithm>
#include <utility>
#include <vector>

#include "squint/ops/conv_node.h"
#include "squint/ops/in_float32.h"
#include "squint/ops/integer_sums.h"
#include "squint/ops/matrix_sums.h"
#include "squint/ops/op.h"
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
  result.output_padding = node.Ints("output_padding", Dims(kernel.size(), 0));
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

}  // namespace

extern constinit const OpDef kConvTransposeOp = {
    .type = "ConvTranspose",
    .since = 11,
    .infer = InferConvTranspose,
    .reference = InFloat32<RunConvTranspose>,
    .integer_reference = RunConvTransposeInteger,
    .quantize = ConvTransposeRule,
};

}  // namespace squint
