// Conv: any number of spatial dimensions, groups, dilation, automatic
// padding. One plain-loop core serves the float reference and, on centred
// integers, the exact sums of the integer reading (QLinearConv).
#include <algorithm>
#include <utility>
#include <vector>

#include "squint/ops/conv_node.h"
#include "squint/ops/in_float32.h"
#include "squint/ops/integer_sums.h"
#include "squint/ops/op.h"
#include "squint/ops/operand_params.h"
#include "squint/ops/prepare.h"
#include "squint/ops/quant_rules.h"
#include "squint/ops/window.h"

namespace squint {
namespace {

void CheckChannels(const Dim& channels, const Shape& weight, int64_t group) {
  const auto c = channels.value();
  const auto m = weight[0].value();
  const auto per_group = weight[1].value();
  if (m && (*m == 0 || *m % group != 0)) {
    Fail(ErrorCode::kInvalidModel,
         "group={} does not divide {} output channels", group, *m);
  }
  if (per_group && *per_group == 0) {
    Fail(ErrorCode::kInvalidModel, "the weight has no input channels: {}",
         weight.ToString());
  }
  if (!c) return;
  if (*c % group != 0) {
    Fail(ErrorCode::kInvalidModel, "group={} does not divide {} input channels",
         group, *c);
  }
  const Dim expected = weight[1] * Dim(group);
  if (expected.value() && !(expected == channels)) {
    Fail(ErrorCode::kInvalidModel,
         "the weight {} with group={} expects {} input channels, got {}",
         weight.ToString(), group, expected.ToString(), *c);
  }
}

Shape ConvShape(const InferContext& context, const Shape& bias) {
  const Shape& x = context.shape(0);
  const Shape& w = context.shape(1);
  if (!w.has_rank() && !x.has_rank()) return Shape();
  CheckConvRanks(x, w);
  const int rank = w.has_rank() ? w.rank() : x.rank();
  DimList out(static_cast<size_t>(rank), Dim::Unknown());
  if (w.has_rank()) out[1] = w[0];
  if (x.has_rank()) out[0] = x[0];
  const int64_t group = ReadGroup(context.node());
  if (x.has_rank() && w.has_rank()) CheckChannels(x[1], w, group);
  if (w.has_rank()) CheckConvBias(bias, w[0]);
  const auto w_dims = w.values();
  if (x.has_rank() && w_dims) {
    const Window window = ReadConvWindow(context.node(), SpatialOf(*w_dims));
    for (size_t axis = 0; axis < window.rank(); ++axis) {
      out[axis + 2] = WindowOutput(window, axis, x.dims()[axis + 2]);
    }
  }
  return Shape(std::move(out));
}

void InferConv(InferContext& context) {
  context.SetOutput(0, context.dtype(0), ConvShape(context, context.shape(2)));
}

struct ConvSizes {
  Window window;
  int64_t group = 1;
  Dims in;        // spatial
  Dims out;       // spatial
  Dims out_dims;  // all
};

ConvSizes SizesOf(const Node& node, const Dims& x, const Dims& w) {
  ConvSizes sizes;
  sizes.group = ReadGroup(node);
  CheckConvRanks(Shape::Of(x), Shape::Of(w));
  CheckChannels(x[1], Shape::Of(w), sizes.group);
  sizes.in = SpatialOf(x);
  sizes.window = ResolvePads(ReadConvWindow(node, SpatialOf(w)), sizes.in);
  sizes.out = WindowOutputs(sizes.window, sizes.in);
  sizes.out_dims = {x[0], w[0]};
  sizes.out_dims.insert(sizes.out_dims.end(), sizes.out.begin(),
                        sizes.out.end());
  return sizes;
}

// A 1x1 kernel that visits every position sees one long row.
void FlattenPointwise(ConvSizes& sizes) {
  const auto all = [](const Dims& values, int64_t wanted) {
    return std::all_of(values.begin(), values.end(),
                       [&](int64_t v) { return v == wanted; });
  };
  const Window& window = sizes.window;
  if (!all(window.kernel, 1) || !all(window.strides, 1) ||
      !all(window.pads_begin, 0) || !all(window.pads_end, 0)) {
    return;
  }
  const int64_t positions = ElementCount(sizes.in);
  sizes.in = sizes.out = {positions};
  sizes.window = Window{.kernel = {1},
                        .strides = {1},
                        .dilations = {1},
                        .pads_begin = {0},
                        .pads_end = {0}};
}

void AddRow(const float* x, int64_t stride, float weight, int64_t count,
            double* sums) {
  const double w = weight;
  if (stride == 1) {
    for (int64_t i = 0; i < count; ++i) sums[i] += w * x[i];
  } else {
    for (int64_t i = 0; i < count; ++i) sums[i] += w * x[i * stride];
  }
}

// Sum over the input channels and taps of each output element, started at
// bias[c]. x: [n, c, ...], w: [m, c / group, ...], row-major.
std::vector<double> ConvSums(const Tensor& x, const Tensor& w,
                             std::span<const double> bias, ConvSizes sizes) {
  FlattenPointwise(sizes);
  const std::vector<TapRow> rows = TapRowsOf(sizes.window, sizes.in, sizes.out);
  const int64_t stride = sizes.window.strides.back();
  const int64_t taps = sizes.window.taps();
  const int64_t in_size = ElementCount(sizes.in);
  const int64_t out_size = ElementCount(sizes.out);
  const int64_t outputs = w.dim(0);
  const int64_t channels = w.dim(1);
  std::vector<double> sums(static_cast<size_t>(x.dim(0) * outputs * out_size));
  for (int64_t n = 0; n < x.dim(0); ++n) {
    for (int64_t m = 0; m < outputs; ++m) {
      double* plane = sums.data() + (n * outputs + m) * out_size;
      std::fill_n(plane, out_size, bias[static_cast<size_t>(m)]);
      const int64_t group = m / (outputs / sizes.group);
      for (int64_t c = 0; c < channels; ++c) {
        const float* image =
            x.data<float>() + (n * x.dim(1) + group * channels + c) * in_size;
        const float* kernel = w.data<float>() + (m * channels + c) * taps;
        for (const TapRow& row : rows) {
          AddRow(image + row.in_start, stride, kernel[row.tap], row.count,
                 plane + row.out_start);
        }
      }
    }
  }
  return sums;
}

void RunConv(RunContext& context) {
  const Tensor& x = context.in(0);
  const Tensor& w = context.in(1);
  const ConvSizes sizes = SizesOf(context.node, x.dims(), w.dims());
  std::vector<double> bias(static_cast<size_t>(w.dim(0)), 0.0);
  if (context.has(2)) {
    const auto values = context.in(2).values<float>();
    CheckConvBias(Shape::Of(context.in(2).dims()), w.dim(0));
    bias.assign(values.begin(), values.end());
  }
  const std::vector<double> sums = ConvSums(x, w, bias, sizes);
  Tensor y(DType::kFloat32, sizes.out_dims);
  std::transform(sums.begin(), sums.end(), y.mutable_data<float>(),
                 [](double sum) { return static_cast<float>(sum); });
  context.outputs[0] = std::move(y);
}

void RunConvInteger(RunContext& context) {
  if (!CanSumIntegers(context, 0, 1, 0)) {
    return RunDequantized(context, RunConv);
  }
  const QuantParams& qx = *context.input_quant[0];
  const QuantParams& qw = *context.input_quant[1];
  const auto bias = BiasSteps(context, 2, context.in(1).dim(0), qx, qw);
  if (!bias) return RunDequantized(context, RunConv);
  const ConvSizes sizes =
      SizesOf(context.node, context.in(0).dims(), context.in(1).dims());
  const QuantParams* qy = context.output_quant[0];
  context.outputs[0] =
      Requantize(ConvSums(Centered(context.in(0), qx),
                          Centered(context.in(1), qw), *bias, sizes),
                 sizes.out_dims, 1, Multipliers(qx, qw, qy), qy);
}

// ---- ConvInteger: x, w and their zero points into int32

void InferIntegerConv(InferContext& context) {
  context.SetOutput(0, DType::kInt32, ConvShape(context, Shape()));
}

void RunIntegerConv(RunContext& context) {
  const auto zero = [&](size_t i) {
    return context.has(i) ? &context.in(i) : nullptr;
  };
  const Tensor& x = context.in(0);
  const Tensor& w = context.in(1);
  const ConvSizes sizes = SizesOf(context.node, x.dims(), w.dims());
  const std::vector<double> bias(static_cast<size_t>(w.dim(0)), 0.0);
  const std::vector<double> sums =
      ConvSums(CenteredOperand(x, zero(2), {}), CenteredOperand(w, zero(3), 0),
               bias, sizes);
  Tensor y(DType::kInt32, sizes.out_dims);
  std::transform(sums.begin(), sums.end(), y.mutable_data<int32_t>(),
                 [](double sum) { return static_cast<int32_t>(sum); });
  context.outputs[0] = std::move(y);
}

QuantSpec ConvRule(const QuantizeQuery& query) {
  return ConvolutionRule(query, 0, 1);
}

}  // namespace

extern constinit const OpDef kConvOp = {
    .type = "Conv",
    .since = 11,
    .infer = InferConv,
    .reference = InFloat32<RunConv>,
    .integer_reference = RunConvInteger,
    .quantize = ConvRule,
    .prepare = PrepareConv,
    .fuses_clamp = true,
};
extern constinit const OpDef kConvIntegerOp = {
    .type = "ConvInteger",
    .since = 10,
    .infer = InferIntegerConv,
    .reference = RunIntegerConv,
    .quantize = StoredIntegersRule,
};

}  // namespace squint
