// Normalizations that divide by a magnitude of the data itself and learn at
// most a scale: LpNormalization, LRN, MeanVarianceNormalization and
// RMSNormalization. Computed in double; quantized, they read and write
// integers and compute in float.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include "squint/ops/broadcast.h"
#include "squint/ops/integer_sums.h"
#include "squint/ops/layout.h"
#include "squint/ops/lines.h"
#include "squint/ops/op.h"
#include "squint/ops/quant_rules.h"

namespace squint {
namespace {

// ---- LpNormalization: x / norm of its line, 0 where the norm is 0

int64_t NormOrder(const Node& node) {
  const int64_t p = node.Int("p", 2);
  if (p == 1 || p == 2) return p;
  Fail(ErrorCode::kInvalidModel, "p is {}, expected 1 or 2", p);
}

void InferLpNormalization(InferContext& context) {
  NormOrder(context.node());
  if (context.shape(0).has_rank()) {
    NormalizeAxis(context.node().Int("axis", -1),
                  std::max(context.shape(0).rank(), 1));
  }
  context.SameAsInput();
}

void RunLpNormalization(RunContext& context) {
  const Tensor x = context.in(0).CastTo(DType::kFloat64);
  const int axis =
      NormalizeAxis(context.node.Int("axis", -1), std::max(x.rank(), 1));
  const bool squares = NormOrder(context.node) == 2;
  Tensor y(DType::kFloat64, x.dims());
  ForEachLine(x.dims(), axis,
              [&](int64_t first, int64_t stride, int64_t count) {
                const double* in = x.data<double>() + first;
                double norm = 0;
                for (int64_t i = 0; i < count; ++i) {
                  const double value = in[i * stride];
                  norm += squares ? value * value : std::fabs(value);
                }
                if (squares) norm = std::sqrt(norm);
                double* out = y.mutable_data<double>() + first;
                for (int64_t i = 0; i < count; ++i) {
                  out[i * stride] = norm == 0 ? 0.0 : in[i * stride] / norm;
                }
              });
  context.outputs[0] = y.CastTo(context.in(0).dtype());
}

// ---- LRN: x / (bias + alpha / size * sum of squares of near channels)^beta

void CheckLrn(const Node& node, int rank) {
  if (node.Int("size", 0) < 1) {
    Fail(ErrorCode::kInvalidModel, "size is {}, expected 1 or more channels",
         node.Int("size", 0));
  }
  if (rank < 2) {
    Fail(ErrorCode::kInvalidModel, "an input of rank {} has no channels", rank);
  }
}

void InferLrn(InferContext& context) {
  if (context.shape(0).has_rank()) {
    CheckLrn(context.node(), context.shape(0).rank());
  }
  context.SameAsInput();
}

struct Lrn {
  int64_t before = 0;  // channels that count, beside the own one
  int64_t after = 0;
  double weight = 0;  // alpha / size
  double beta = 0;
  double bias = 0;
};

Lrn ReadLrn(const Node& node) {
  const int64_t size = node.Int("size", 0);
  const auto number = [&](const char* key, float fallback) {
    return static_cast<double>(node.Float(key, fallback));
  };
  return {(size - 1) / 2, size / 2,
          number("alpha", 1e-4f) / static_cast<double>(size),
          number("beta", 0.75f), number("bias", 1.0f)};
}

void NormalizeChannels(const Lrn& lrn, const double* in, int64_t stride,
                       int64_t channels, double* out) {
  for (int64_t c = 0; c < channels; ++c) {
    const int64_t begin = std::max<int64_t>(0, c - lrn.before);
    const int64_t end = std::min(channels - 1, c + lrn.after);
    double sum = 0;
    for (int64_t i = begin; i <= end; ++i) {
      sum += in[i * stride] * in[i * stride];
    }
    out[c * stride] =
        in[c * stride] / std::pow(lrn.bias + lrn.weight * sum, lrn.beta);
  }
}

void RunLrn(RunContext& context) {
  CheckLrn(context.node, context.in(0).rank());
  const Tensor x = context.in(0).CastTo(DType::kFloat64);
  const Lrn lrn = ReadLrn(context.node);
  Tensor y(DType::kFloat64, x.dims());
  ForEachLine(x.dims(), 1, [&](int64_t first, int64_t stride, int64_t count) {
    NormalizeChannels(lrn, x.data<double>() + first, stride, count,
                      y.mutable_data<double>() + first);
  });
  context.outputs[0] = y.CastTo(context.in(0).dtype());
}

// ---- MeanVarianceNormalization: (x - mean) / (deviation + 1e-9) over axes

// The axes that stay, then those that are normalized over.
struct AxisOrder {
  std::vector<int64_t> perm;
  size_t kept = 0;
};

AxisOrder ReadAxes(const Node& node, int rank) {
  std::vector<bool> normalized(static_cast<size_t>(rank), false);
  for (const int64_t axis : node.Ints("axes", {0, 2, 3})) {
    if (rank == 0) Fail(ErrorCode::kInvalidModel, "the input is a scalar");
    normalized[static_cast<size_t>(NormalizeAxis(axis, rank))] = true;
  }
  AxisOrder order;
  order.perm.resize(normalized.size());
  std::iota(order.perm.begin(), order.perm.end(), 0);
  const auto split = std::stable_partition(
      order.perm.begin(), order.perm.end(),
      [&](int64_t axis) { return !normalized[static_cast<size_t>(axis)]; });
  order.kept = static_cast<size_t>(split - order.perm.begin());
  return order;
}

void InferMeanVariance(InferContext& context) {
  if (context.shape(0).has_rank()) {
    ReadAxes(context.node(), context.shape(0).rank());
  }
  context.SameAsInput();
}

void NormalizeGroup(std::span<double> group) {
  const auto count = static_cast<double>(group.size());
  const double mean = std::accumulate(group.begin(), group.end(), 0.0) / count;
  double variance = 0;
  for (double& value : group) {
    value -= mean;
    variance += value * value / count;
  }
  const double divisor = std::sqrt(variance) + 1e-9;
  for (double& value : group) value /= divisor;
}

void RunMeanVariance(RunContext& context) {
  const Tensor& x = context.in(0);
  const AxisOrder order = ReadAxes(context.node, x.rank());
  Tensor groups =
      TransposeTensor(x, order.perm).CastTo(DType::kFloat64).Clone();
  const int64_t size =
      ElementCount(std::span<const int64_t>(groups.dims()).subspan(order.kept));
  for (int64_t at = 0; at < groups.size(); at += size) {
    NormalizeGroup(
        {groups.mutable_data<double>() + at, static_cast<size_t>(size)});
  }
  std::vector<int64_t> back(order.perm.size());
  for (size_t i = 0; i < back.size(); ++i) {
    back[static_cast<size_t>(order.perm[i])] = static_cast<int64_t>(i);
  }
  context.outputs[0] = TransposeTensor(groups, back).CastTo(x.dtype());
}

// ---- RMSNormalization: x / sqrt(mean of squares + epsilon) * scale

int RmsAxis(const Node& node, int rank) {
  if (rank == 0) Fail(ErrorCode::kInvalidModel, "the input is a scalar");
  return NormalizeAxis(node.Int("axis", -1), rank);
}

// The result has the type of the scale.
void InferRms(InferContext& context) {
  const Shape& x = context.shape(0);
  if (x.has_rank()) RmsAxis(context.node(), x.rank());
  const auto joint = BroadcastShapes(x, context.shape(1));
  if (!joint ||
      (x.has_rank() && joint->has_rank() && joint->rank() != x.rank())) {
    Fail(ErrorCode::kInvalidModel, "a scale of {} does not suit the input {}",
         context.shape(1).ToString(), x.ToString());
  }
  context.SetOutput(0, context.dtype(1), x);
}

// Rows are what follows `axis`.
Tensor RmsNormalized(const Tensor& x, int axis, double epsilon) {
  const int64_t width = ElementCount(
      std::span<const int64_t>(x.dims()).subspan(static_cast<size_t>(axis)));
  Tensor y(DType::kFloat64, x.dims());
  for (int64_t at = 0; at < x.size(); at += width) {
    const double* in = x.data<double>() + at;
    const double squares = std::inner_product(in, in + width, in, 0.0);
    const double rms =
        std::sqrt(squares / static_cast<double>(width) + epsilon);
    std::transform(in, in + width, y.mutable_data<double>() + at,
                   [rms](double value) { return value / rms; });
  }
  return y;
}

void RunRms(RunContext& context) {
  const Tensor& x = context.in(0);
  const Tensor& scale = context.in(1);
  if (BroadcastDims(x.dims(), scale.dims()) != x.dims()) {
    Fail(ErrorCode::kInvalidModel, "a scale of {} does not suit the input {}",
         DimsToString(scale.dims()), DimsToString(x.dims()));
  }
  const Tensor normalized =
      RmsNormalized(x.CastTo(DType::kFloat64), RmsAxis(context.node, x.rank()),
                    static_cast<double>(context.node.Float("epsilon", 1e-5f)));
  // ONNX rounds to x's type before it scales.
  Tensor y = normalized.CastTo(x.dtype()).CastTo(DType::kFloat64).Clone();
  const Tensor factors = scale.CastTo(DType::kFloat64);
  double* out = y.mutable_data<double>();
  ForEachBroadcastRow<1>(
      y.dims(), {&factors.dims()}, [&](const BroadcastRow<1>& row) {
        const double* factor = factors.data<double>() + row.offset[0];
        for (int64_t i = 0; i < row.length; ++i) {
          out[row.out + i] *= factor[i * row.stride[0]];
        }
      });
  context.outputs[0] = y.CastTo(scale.dtype());
}

}  // namespace

extern constinit const OpDef kLRNOp = {
    .type = "LRN",
    .since = 1,
    .infer = InferLrn,
    .reference = RunLrn,
    .integer_reference = DequantizedReference<RunLrn>,
    .quantize = ActivationRule,
};
extern constinit const OpDef kLpNormalizationOp = {
    .type = "LpNormalization",
    .since = 1,
    .infer = InferLpNormalization,
    .reference = RunLpNormalization,
    .integer_reference = DequantizedReference<RunLpNormalization>,
    .quantize = ActivationRule,
};
extern constinit const OpDef kMeanVarianceNormalizationOp = {
    .type = "MeanVarianceNormalization",
    .since = 9,
    .infer = InferMeanVariance,
    .reference = RunMeanVariance,
    .integer_reference = DequantizedReference<RunMeanVariance>,
    .quantize = ActivationRule,
};
extern constinit const OpDef kRMSNormalizationOp = {
    .type = "RMSNormalization",
    .since = 23,
    .infer = InferRms,
    .reference = RunRms,
    .integer_reference = DequantizedReference<RunRms>,
    .quantize = ActivationRule,
};

}  // namespace squint
