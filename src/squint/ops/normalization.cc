// BatchNormalization, InstanceNormalization, GroupNormalization
// and LayerNormalization: (x - mean) / sqrt(variance + epsilon) * scale +
// bias; they differ in what the mean runs over. Quantized, they read and
// write integers and compute in float.
#include <algorithm>
#include <cmath>
#include <span>
#include <utility>
#include <vector>

#include "squint/ops/in_float32.h"
#include "squint/ops/integer_sums.h"
#include "squint/ops/op.h"
#include "squint/ops/prepare.h"
#include "squint/ops/row_parameter.h"
#include "squint/ops/signature.h"

namespace squint {
namespace {

double EpsilonOf(const Node& node) {
  return static_cast<double>(node.Float("epsilon", 1e-5f));
}

// Parameters along the channel axis must have one value a channel.
void CheckPerChannel(const Shape& x, const Shape& parameter) {
  if (!x.has_rank() || !parameter.has_rank()) return;
  const bool known =
      parameter.rank() == 1 && parameter[0].value() && x[1].value();
  if (parameter.rank() != 1 || (known && !(parameter[0] == x[1]))) {
    Fail(ErrorCode::kInvalidModel,
         "a parameter is {}, expected one value for each of {} channels",
         parameter.ToString(), x[1].ToString());
  }
}

void CheckChannels(const InferContext& context) {
  const Shape& x = context.shape(0);
  if (x.has_rank() && x.rank() < 2) {
    Fail(ErrorCode::kInvalidModel, "input {} has no batch and channel axes",
         x.ToString());
  }
  for (size_t i = 1; i < context.num_inputs(); ++i) {
    CheckPerChannel(x, context.shape(i));
  }
}

void InferBatchNormalization(InferContext& context) {
  const Shape& x = context.shape(0);
  // A vector counts as one channel.
  if (!x.has_rank() || x.rank() != 1) CheckChannels(context);
  context.SameAsInput();
  // The running mean and variance of training.
  const bool training = context.node().Int("training_mode", 0) != 0;
  for (size_t i = 1; i < 3; ++i) {
    if (!training && context.node().output(i) != kNoValue) {
      Fail(ErrorCode::kInvalidModel,
           "has moments as results, but is not in training mode");
    }
    context.SetOutput(i, context.dtype(i + 2), context.shape(i + 2));
  }
}

void InferPerChannel(InferContext& context) {
  CheckChannels(context);
  context.SameAsInput();
}

// y[i] = x[i] * a + b over a run of elements.
void Affine(const float* x, int64_t count, double a, double b, float* y) {
  for (int64_t i = 0; i < count; ++i) y[i] = static_cast<float>(x[i] * a + b);
}

struct Moments {
  double mean = 0;
  double variance = 0;
};

Moments MomentsOf(std::span<const float> values) {
  Moments moments;
  const double count = static_cast<double>(values.size());
  for (const float value : values) moments.mean += value;
  moments.mean /= count;
  for (const float value : values) {
    const double difference = value - moments.mean;
    moments.variance += difference * difference;
  }
  moments.variance /= count;
  return moments;
}

// [n, c, positions] of a tensor whose axis 1 is the channels.
struct ChannelDims {
  explicit ChannelDims(const Dims& dims)
      : batch(dims.empty() ? 1 : dims[0]),
        channels(dims.size() < 2 ? 1 : dims[1]) {
    for (size_t axis = 2; axis < dims.size(); ++axis) positions *= dims[axis];
  }
  int64_t batch;
  int64_t channels;
  int64_t positions = 1;
};

// One channel of every sample in a row.
std::vector<Moments> ChannelMoments(const Tensor& x, const ChannelDims& sizes) {
  std::vector<Moments> moments;
  std::vector<float> values(static_cast<size_t>(sizes.batch * sizes.positions));
  for (int64_t c = 0; c < sizes.channels; ++c) {
    for (int64_t n = 0; n < sizes.batch; ++n) {
      std::copy_n(x.data<float>() + (n * sizes.channels + c) * sizes.positions,
                  sizes.positions, values.begin() + n * sizes.positions);
    }
    moments.push_back(MomentsOf(values));
  }
  return moments;
}

// The input's moments move towards those of the batch:
// running = old * momentum + batch * (1 - momentum).
void SetRunningMoments(RunContext& context,
                       const std::vector<Moments>& moments) {
  const double momentum = context.node.Float("momentum", 0.9f);
  for (size_t output = 1; output < context.outputs.size(); ++output) {
    const Tensor& old = context.in(output + 2);
    Tensor running(DType::kFloat32, old.dims());
    for (size_t c = 0; c < moments.size(); ++c) {
      const double batch = output == 1 ? moments[c].mean : moments[c].variance;
      running.mutable_data<float>()[c] = static_cast<float>(
          old.values<float>()[c] * momentum + batch * (1 - momentum));
    }
    context.outputs[output] = std::move(running);
  }
}

std::vector<Moments> StoredMoments(const RunContext& context) {
  const auto mean = context.in(3).values<float>();
  const auto variance = context.in(4).values<float>();
  std::vector<Moments> moments;
  for (size_t c = 0; c < mean.size(); ++c) {
    moments.push_back({mean[c], variance[c]});
  }
  return moments;
}

void RunBatchNormalization(RunContext& context) {
  const Tensor& x = context.in(0);
  const ChannelDims sizes(x.dims());
  for (size_t i = 1; i < 5; ++i) {
    CheckPerChannel(Shape::Of({sizes.batch, sizes.channels}),
                    Shape::Of(context.in(i).dims()));
  }
  const bool training = context.node.Int("training_mode", 0) != 0;
  const std::vector<Moments> moments =
      training ? ChannelMoments(x, sizes) : StoredMoments(context);
  const auto scale = context.in(1).values<float>();
  const auto bias = context.in(2).values<float>();
  const double epsilon = EpsilonOf(context.node);
  Tensor y(DType::kFloat32, x.dims());
  for (int64_t i = 0; i < sizes.batch * sizes.channels; ++i) {
    const auto c = static_cast<size_t>(i % sizes.channels);
    const double a = scale[c] / std::sqrt(moments[c].variance + epsilon);
    Affine(x.data<float>() + i * sizes.positions, sizes.positions, a,
           bias[c] - moments[c].mean * a,
           y.mutable_data<float>() + i * sizes.positions);
  }
  if (training) SetRunningMoments(context, moments);
  context.outputs[0] = std::move(y);
}

// Each sample's channels in `groups` groups, each normalized by its own
// moments, then scaled per channel.
void NormalizeGroups(RunContext& context, int64_t groups) {
  const Tensor& x = context.in(0);
  const ChannelDims sizes(x.dims());
  const auto scale = context.in(1).values<float>();
  const auto bias = context.in(2).values<float>();
  if (groups < 1 || sizes.channels % groups != 0 ||
      std::cmp_not_equal(scale.size(), sizes.channels) ||
      std::cmp_not_equal(bias.size(), sizes.channels)) {
    Fail(ErrorCode::kInvalidModel,
         "{} groups, {} scales and {} biases do not suit {} channels", groups,
         scale.size(), bias.size(), sizes.channels);
  }
  const int64_t per_group = sizes.channels / groups;
  const double epsilon = EpsilonOf(context.node);
  Tensor y(DType::kFloat32, x.dims());
  for (int64_t i = 0; i < sizes.batch * groups; ++i) {
    const int64_t first = i * per_group * sizes.positions;
    const Moments moments =
        MomentsOf({x.data<float>() + first,
                   static_cast<size_t>(per_group * sizes.positions)});
    const double inverse = 1.0 / std::sqrt(moments.variance + epsilon);
    for (int64_t k = 0; k < per_group; ++k) {
      const auto c = static_cast<size_t>(i % groups * per_group + k);
      const int64_t at = first + k * sizes.positions;
      Affine(x.data<float>() + at, sizes.positions, scale[c] * inverse,
             bias[c] - moments.mean * scale[c] * inverse,
             y.mutable_data<float>() + at);
    }
  }
  context.outputs[0] = std::move(y);
}

void RunInstanceNormalization(RunContext& context) {
  NormalizeGroups(context, ChannelDims(context.in(0).dims()).channels);
}

void RunGroupNormalization(RunContext& context) {
  NormalizeGroups(context, context.node.Int("num_groups", 1));
}

void InferLayerNormalization(InferContext& context) {
  context.SameAsInput();
  const Shape& x = context.shape(0);
  Shape moments;
  if (x.has_rank()) {
    const int axis = NormalizeAxis(context.node().Int("axis", -1), x.rank());
    DimList dims = x.dims();
    std::fill(dims.begin() + axis, dims.end(), Dim(1));
    moments = Shape(std::move(dims));
  }
  context.SetOutput(1, DType::kFloat32, moments);
  context.SetOutput(2, DType::kFloat32, moments);
}

void CheckRowParameter(const Tensor& parameter, const Dims& x, int axis) {
  if (!LiesAlongRow(parameter.dims(), x, axis)) {
    Fail(ErrorCode::kUnsupported,
         "a parameter of {} does not lie along the last axes of {}",
         DimsToString(parameter.dims()), DimsToString(x));
  }
}

// One row: normalized, scaled and shifted by parameters that repeat.
void NormalizeRow(std::span<const float> in, const Moments& moments,
                  double inverse, std::span<const float> scale,
                  std::span<const float> bias, float* out) {
  for (size_t i = 0; i < in.size(); ++i) {
    const double normal = (in[i] - moments.mean) * inverse;
    const float shift = bias.empty() ? 0.0f : bias[i % bias.size()];
    out[i] = static_cast<float>(normal * scale[i % scale.size()] + shift);
  }
}

void RunLayerNormalization(RunContext& context) {
  const Tensor& x = context.in(0);
  const int axis = NormalizeAxis(context.node.Int("axis", -1), x.rank());
  Dims moment_dims = x.dims();
  std::fill(moment_dims.begin() + axis, moment_dims.end(), 1);
  Tensor y(DType::kFloat32, x.dims());
  Tensor means(DType::kFloat32, moment_dims);
  Tensor inverses(DType::kFloat32, moment_dims);
  for (size_t i = 1; i < 3; ++i) {
    if (context.has(i)) CheckRowParameter(context.in(i), x.dims(), axis);
  }
  const auto scale = context.in(1).values<float>();
  const auto bias =
      context.has(2) ? context.in(2).values<float>() : std::span<const float>();
  const int64_t rows = means.size();
  const int64_t width = rows == 0 ? 0 : x.size() / rows;
  for (int64_t row = 0; row < rows; ++row) {
    const std::span<const float> in(x.data<float>() + row * width,
                                    static_cast<size_t>(width));
    const Moments moments = MomentsOf(in);
    const double inverse =
        1.0 / std::sqrt(moments.variance + EpsilonOf(context.node));
    NormalizeRow(in, moments, inverse, scale, bias,
                 y.mutable_data<float>() + row * width);
    means.mutable_data<float>()[row] = static_cast<float>(moments.mean);
    inverses.mutable_data<float>()[row] = static_cast<float>(inverse);
  }
  context.outputs[0] = std::move(y);
  if (context.outputs.size() > 1) context.outputs[1] = std::move(means);
  if (context.outputs.size() > 2) context.outputs[2] = std::move(inverses);
}

// Data in integers, parameters in float.
QuantSpec NormalizationRule(const QuantizeQuery& query) {
  if (query.node.Int("training_mode", 0) != 0) {
    return QuantSpec::Float("it is in training mode");
  }
  QuantSpec spec;
  spec.inputs.resize(query.node.inputs.size());
  spec.inputs[0].role = Role::kActivation;
  spec.outputs.resize(query.node.outputs.size());
  spec.outputs[0].role = Role::kActivation;
  return spec;
}

// Before opset 14 the optional outputs asked for training; before opset 9
// `spatial=0` meant statistics for every single position.
void UpgradeBatchNormalization(UpgradeContext& context) {
  Node& node = context.node();
  if (context.from < 9 && node.Int("spatial", 1) == 0) {
    Fail(ErrorCode::kUnsupported,
         "spatial=0 (statistics for each position) has no newer form");
  }
  if (const auto it = node.attributes.find("spatial");
      it != node.attributes.end()) {
    node.attributes.erase(it);
  }
  if (context.from >= 14 || node.outputs.size() <= 1) return;
  const UseMap uses(context.graph);
  for (size_t i = 1; i < node.outputs.size(); ++i) {
    if (node.output(i) != kNoValue && !uses.of(node.output(i)).empty()) {
      Fail(ErrorCode::kUnsupported,
           "its training output '{}' is used: export in inference mode",
           context.graph.value(node.output(i)).name);
    }
  }
  for (size_t i = 1; i < node.outputs.size(); ++i) {
    if (node.output(i) == kNoValue) continue;
    context.graph.value(node.output(i)).producer = kNoNode;
  }
  node.outputs.resize(1);
}

// Opset 18 had one scale and bias for each group, not each channel.
void UpgradeGroupNormalization(UpgradeContext& context) {
  if (context.from >= 21) return;
  RequireFirst(context.node());
  Graph& graph = context.graph;
  const int64_t groups = context.node().Int("num_groups", 1);
  const Shape x = graph.value(context.node().input(0)).shape;
  const int64_t channels =
      x.has_rank() && x.rank() > 1 ? x[1].value().value_or(0) : 0;
  for (size_t i = 1; i < 3; ++i) {
    const Tensor* old = graph.ConstantOf(context.node().input(i));
    if (channels == 0 || old == nullptr || groups < 1 ||
        old->size() != groups || channels % groups != 0) {
      Fail(ErrorCode::kUnsupported,
           "parameters for each group (opset 18) can only be raised to opset "
           "21 when they are constant and the channel count is known");
    }
    const std::vector<float> per_group = old->ToFloats();
    std::vector<float> per_channel;
    for (int64_t c = 0; c < channels; ++c) {
      per_channel.push_back(
          per_group[static_cast<size_t>(c / (channels / groups))]);
    }
    const std::string name = graph.value(context.node().input(i)).name;
    graph.ReplaceInput(
        context.node_id, i,
        graph.AddConstant(name + "_per_channel",
                          Tensor::Of<float>({channels}, per_channel)));
  }
}

}  // namespace

bool LiesAlongRow(const Dims& parameter, const Dims& x, int axis) {
  const auto without_ones = [](auto begin, auto end) {
    return Dims(std::find_if(begin, end, [](int64_t d) { return d != 1; }),
                end);
  };
  const Dims own = without_ones(parameter.begin(), parameter.end());
  const Dims row = without_ones(x.begin() + axis, x.end());
  return own.size() <= row.size() &&
         std::equal(own.rbegin(), own.rend(), row.rbegin());
}

extern constinit const OpDef kBatchNormalizationOp = {
    .type = "BatchNormalization",
    .since = 14,
    .infer = InferBatchNormalization,
    .reference = InFloat32<RunBatchNormalization>,
    .integer_reference = DequantizedReference<RunBatchNormalization>,
    .quantize = NormalizationRule,
    .prepare = PrepareBatchNormalization,
    .fuses_clamp = true,
    .upgrade = UpgradeBatchNormalization,
};
extern constinit const OpDef kGroupNormalizationOp = {
    .type = "GroupNormalization",
    .since = 21,
    .infer = InferPerChannel,
    .reference = InFloat32<RunGroupNormalization>,
    .integer_reference = DequantizedReference<RunGroupNormalization>,
    .quantize = NormalizationRule,
    .upgrade = UpgradeGroupNormalization,
};
extern constinit const OpDef kInstanceNormalizationOp = {
    .type = "InstanceNormalization",
    .since = 6,
    .infer = InferPerChannel,
    .reference = InFloat32<RunInstanceNormalization>,
    .integer_reference = DequantizedReference<RunInstanceNormalization>,
    .quantize = NormalizationRule,
};
extern constinit const OpDef kLayerNormalizationOp = {
    .type = "LayerNormalization",
    .since = 17,
    .infer = InferLayerNormalization,
    .reference = InFloat32<RunLayerNormalization, 1>,
    .integer_reference = DequantizedReference<RunLayerNormalization>,
    .quantize = NormalizationRule,
    .prepare = PrepareLayerNormalization,
};

}  // namespace squint
