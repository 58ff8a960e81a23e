// Operators that make one number of many along some axes: ReduceSum and its
// family, ArgMax and ArgMin.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>

#include "squint/ops/dim_content.h"
#include "squint/ops/layout.h"
#include "squint/ops/op.h"
#include "squint/ops/prepare.h"
#include "squint/ops/quant_rules.h"

namespace squint {
namespace {

// ---- which axes

// Which axes of `rank` are reduced: the listed ones; all when there is no
// list (or an empty one), unless the node then does nothing.
std::vector<bool> ReducedAxes(const Node& node,
                              const std::vector<int64_t>& axes, int rank) {
  const bool none = axes.empty() && node.Int("noop_with_empty_axes", 0) != 0;
  std::vector<bool> reduced(static_cast<size_t>(rank), axes.empty() && !none);
  for (const int64_t axis : axes) {
    const auto at = static_cast<size_t>(NormalizeAxis(axis, std::max(rank, 1)));
    if (at < reduced.size()) reduced[at] = true;
  }
  return reduced;
}

template <typename List>
List WithoutReduced(const List& dims, const std::vector<bool>& reduced,
                    bool keep) {
  List out;
  for (size_t i = 0; i < dims.size(); ++i) {
    if (!reduced[i]) {
      out.push_back(dims[i]);
    } else if (keep) {
      out.push_back(1);
    }
  }
  return out;
}

// The elements of each group in a row: reduced axes last.
Tensor GroupsLast(const Tensor& in, const std::vector<bool>& reduced) {
  std::vector<int64_t> perm(reduced.size());
  std::iota(perm.begin(), perm.end(), 0);
  std::stable_partition(perm.begin(), perm.end(), [&](int64_t axis) {
    return !reduced[static_cast<size_t>(axis)];
  });
  return TransposeTensor(in, perm);
}

// ---- the reductions, in double: integers are exact up to 2^53

using Reduction = double (*)(std::span<const double> group);

double SumOf(std::span<const double> group) {
  return std::accumulate(group.begin(), group.end(), 0.0);
}
double MeanOf(std::span<const double> group) {
  return SumOf(group) / static_cast<double>(group.size());
}
double MaxOf(std::span<const double> group) {
  double result = -std::numeric_limits<double>::infinity();
  for (const double x : group) {
    if (std::isnan(x)) return x;
    result = std::max(result, x);
  }
  return result;
}
double MinOf(std::span<const double> group) {
  double result = std::numeric_limits<double>::infinity();
  for (const double x : group) {
    if (std::isnan(x)) return x;
    result = std::min(result, x);
  }
  return result;
}
double ProdOf(std::span<const double> group) {
  return std::accumulate(group.begin(), group.end(), 1.0, std::multiplies<>());
}
double AbsSumOf(std::span<const double> group) {
  double sum = 0;
  for (const double x : group) sum += std::fabs(x);
  return sum;
}
double SquareSumOf(std::span<const double> group) {
  return std::inner_product(group.begin(), group.end(), group.begin(), 0.0);
}
double NormOf(std::span<const double> group) {
  return std::sqrt(SquareSumOf(group));
}
double LogSumOf(std::span<const double> group) {
  return std::log(SumOf(group));
}
// The largest is taken out first, so that no exponential overflows.
double LogSumExpOf(std::span<const double> group) {
  const double peak = MaxOf(group);
  if (!std::isfinite(peak)) return peak;
  double sum = 0;
  for (const double x : group) sum += std::exp(x - peak);
  return peak + std::log(sum);
}

template <Reduction kReduction>
void RunReduce(RunContext& context) {
  const Tensor& x = context.in(0);
  const std::vector<int64_t> axes =
      context.has(1) ? context.in(1).ToInts() : std::vector<int64_t>();
  const std::vector<bool> reduced = ReducedAxes(context.node, axes, x.rank());
  if (axes.empty() && context.node.Int("noop_with_empty_axes", 0) != 0) {
    context.outputs[0] = x;
    return;
  }
  const Tensor groups = GroupsLast(x, reduced).CastTo(DType::kFloat64);
  Tensor y(
      DType::kFloat64,
      WithoutReduced(x.dims(), reduced, context.node.Int("keepdims", 1) != 0));
  size_t size = 1;
  for (size_t i = 0; i < reduced.size(); ++i) {
    if (reduced[i]) size *= static_cast<size_t>(x.dims()[i]);
  }
  const std::span<const double> values = groups.values<double>();
  double* out = y.mutable_data<double>();
  for (int64_t i = 0; i < y.size(); ++i) {
    out[i] = kReduction(values.subspan(static_cast<size_t>(i) * size, size));
    // Of no truth values the largest is false, not minus infinity.
    if (x.dtype() == DType::kBool) out[i] = std::clamp(out[i], 0.0, 1.0);
  }
  context.outputs[0] = y.CastTo(x.dtype());
}

// ---- inference

Dim SumDims(const Dim& a, const Dim& b) { return a + b; }
Dim ProdDims(const Dim& a, const Dim& b) { return a * b; }

template <DimFunction kFunction>
void InferReduce(InferContext& context) {
  const Shape& in = context.shape(0);
  const bool keep = context.node().Int("keepdims", 1) != 0;
  const auto axes = context.ints(1);
  if (!in.has_rank() || (context.has_input(1) && !axes)) {
    Shape unknown = in.has_rank() && keep
                        ? Shape(DimList(in.dims().size(), Dim::Unknown()))
                        : Shape();
    return context.SetOutput(0, context.dtype(0), std::move(unknown));
  }
  const std::vector<bool> reduced = ReducedAxes(
      context.node(), axes.value_or(std::vector<int64_t>()), in.rank());
  context.SetOutput(0, context.dtype(0),
                    Shape(WithoutReduced(in.dims(), reduced, keep)));
  // Products and sums of sizes.
  const DimTensor* content = context.dim_tensor(0);
  if (kFunction == nullptr || content == nullptr || content->elements.empty() ||
      reduced != std::vector<bool>{true}) {
    return;
  }
  const Dim all =
      std::accumulate(content->elements.begin() + 1, content->elements.end(),
                      content->elements[0], kFunction);
  context.SetDimTensor(0, {{all}, !keep});
}

// ---- ArgMax, ArgMin

// A scalar is taken for a list of one.
int ArgAxis(const Node& node, int rank) {
  return NormalizeAxis(node.Int("axis", 0), std::max(rank, 1));
}

void InferArg(InferContext& context) {
  const Shape& in = context.shape(0);
  Shape out;
  if (in.has_rank()) {
    std::vector<bool> reduced(in.dims().size(), false);
    const int axis = ArgAxis(context.node(), in.rank());
    if (!reduced.empty()) reduced[static_cast<size_t>(axis)] = true;
    out = Shape(WithoutReduced(in.dims(), reduced,
                               context.node().Int("keepdims", 1) != 0));
  }
  context.SetOutput(0, DType::kInt64, out);
}

// kSign 1: the largest, -1: the smallest. Also on stored integers: steps are
// positive, so their order is that of the reals.
template <int kSign>
void RunArg(RunContext& context) {
  const Tensor& x = context.in(0);
  std::vector<bool> reduced(x.dims().size(), false);
  const int axis = ArgAxis(context.node, x.rank());
  if (!reduced.empty()) reduced[static_cast<size_t>(axis)] = true;
  const Tensor groups = GroupsLast(x, reduced).CastTo(DType::kFloat64);
  const bool last = context.node.Int("select_last_index", 0) != 0;
  Tensor y(DType::kInt64, WithoutReduced(x.dims(), reduced,
                                         context.node.Int("keepdims", 1) != 0));
  const int64_t size = x.rank() == 0 ? 1 : x.dim(axis);
  if (size == 0 && y.size() > 0) {
    Fail(ErrorCode::kInvalidModel, "axis {} is empty", axis);
  }
  const double* values = groups.data<double>();
  for (int64_t i = 0; i < y.size(); ++i, values += size) {
    int64_t best = 0;
    for (int64_t k = 1; k < size; ++k) {
      const double gain = kSign * (values[k] - values[best]);
      if (gain > 0 || (last && values[k] == values[best])) best = k;
    }
    y.mutable_data<int64_t>()[i] = best;
  }
  context.outputs[0] = std::move(y);
}

template <int kSign>
void RunArgInteger(RunContext& context) {
  if (context.input_quant[0]->per_tensor()) {
    RunArg<kSign>(context);
  } else {
    RunDequantized(context, RunArg<kSign>);
  }
}

// ---- rules and upgrade

QuantSpec ArgRule(const QuantizeQuery& query) {
  if (auto spec = FloatUnlessReal(query)) return *spec;
  QuantSpec spec;
  spec.inputs = {{.role = Role::kActivation}};
  spec.outputs = {{.role = Role::kFloat}};
  return spec;
}

QuantSpec WideRule(const QuantizeQuery& query) {
  if (auto spec = FloatUnlessReal(query)) return *spec;
  return QuantSpec::Float(
      "its results span too wide a range for one 8-bit scale");
}

// ReduceSum took axes as an input from opset 13, the others from 18.
void UpgradeReduce(UpgradeContext& context) {
  const int64_t since = context.node().op_type == "ReduceSum" ? 13 : 18;
  if (context.from < since) context.AttributeToInput("axes", 1);
}

}  // namespace

extern constinit const OpDef kArgMaxOp = {
    .type = "ArgMax",
    .since = 12,
    .infer = InferArg,
    .reference = RunArg<1>,
    .integer_reference = RunArgInteger<1>,
    .quantize = ArgRule,
};
extern constinit const OpDef kArgMinOp = {
    .type = "ArgMin",
    .since = 12,
    .infer = InferArg,
    .reference = RunArg<-1>,
    .integer_reference = RunArgInteger<-1>,
    .quantize = ArgRule,
};
extern constinit const OpDef kReduceL1Op = {
    .type = "ReduceL1",
    .since = 18,
    .infer = InferReduce<nullptr>,
    .reference = RunReduce<AbsSumOf>,
    .quantize = WideRule,
    .upgrade = UpgradeReduce,
};
extern constinit const OpDef kReduceL2Op = {
    .type = "ReduceL2",
    .since = 18,
    .infer = InferReduce<nullptr>,
    .reference = RunReduce<NormOf>,
    .quantize = WideRule,
    .upgrade = UpgradeReduce,
};
extern constinit const OpDef kReduceLogSumExpOp = {
    .type = "ReduceLogSumExp",
    .since = 18,
    .infer = InferReduce<nullptr>,
    .reference = RunReduce<LogSumExpOf>,
    .quantize = WideRule,
    .upgrade = UpgradeReduce,
};
extern constinit const OpDef kReduceLogSumOp = {
    .type = "ReduceLogSum",
    .since = 18,
    .infer = InferReduce<nullptr>,
    .reference = RunReduce<LogSumOf>,
    .quantize = WideRule,
    .upgrade = UpgradeReduce,
};
extern constinit const OpDef kReduceMaxOp = {
    .type = "ReduceMax",
    .since = 18,
    .infer = InferReduce<nullptr>,
    .reference = RunReduce<MaxOf>,
    .integer_reference = IntegerMovement<RunReduce<MaxOf>>,
    .quantize = MovementRule,
    .prepare = PrepareReduce,
    .upgrade = UpgradeReduce,
};
extern constinit const OpDef kReduceMeanOp = {
    .type = "ReduceMean",
    .since = 18,
    .infer = InferReduce<nullptr>,
    .reference = RunReduce<MeanOf>,
    .integer_reference = DequantizedReference<RunReduce<MeanOf>>,
    .quantize = ActivationRule,
    .prepare = PrepareReduce,
    .upgrade = UpgradeReduce,
};
extern constinit const OpDef kReduceMinOp = {
    .type = "ReduceMin",
    .since = 18,
    .infer = InferReduce<nullptr>,
    .reference = RunReduce<MinOf>,
    .integer_reference = IntegerMovement<RunReduce<MinOf>>,
    .quantize = MovementRule,
    .prepare = PrepareReduce,
    .upgrade = UpgradeReduce,
};
extern constinit const OpDef kReduceProdOp = {
    .type = "ReduceProd",
    .since = 18,
    .infer = InferReduce<ProdDims>,
    .reference = RunReduce<ProdOf>,
    .quantize = WideRule,
    .upgrade = UpgradeReduce,
};
extern constinit const OpDef kReduceSumOp = {
    .type = "ReduceSum",
    .since = 13,
    .infer = InferReduce<SumDims>,
    .reference = RunReduce<SumOf>,
    .integer_reference = DequantizedReference<RunReduce<SumOf>>,
    .quantize = ActivationRule,
    .prepare = PrepareReduce,
    .upgrade = UpgradeReduce,
};
extern constinit const OpDef kReduceSumSquareOp = {
    .type = "ReduceSumSquare",
    .since = 18,
    .infer = InferReduce<nullptr>,
    .reference = RunReduce<SquareSumOf>,
    .quantize = WideRule,
    .upgrade = UpgradeReduce,
};

}  // namespace squint
