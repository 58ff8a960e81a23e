// Softmax, LogSoftmax and Hardmax along one axis. Before opset 13 they worked
// on the input seen as a matrix; the upgrade writes that out where it matters.
#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "squint/ops/in_float32.h"
#include "squint/ops/integer_sums.h"
#include "squint/ops/lines.h"
#include "squint/ops/op.h"
#include "squint/ops/prepare.h"
#include "squint/ops/quant_rules.h"
#include "squint/ops/signature.h"

namespace squint {
namespace {

int AxisOf(const Node& node, int rank) {
  return NormalizeAxis(node.Int("axis", -1), std::max(rank, 1));
}

void InferSoftmax(InferContext& context) {
  if (context.shape(0).has_rank()) {
    AxisOf(context.node(), context.shape(0).rank());
  }
  context.SameAsInput();
}

// exp(x[i] - max) of one line, and their sum.
struct Exponentials {
  std::vector<double> values;
  double max = 0;
  double sum = 0;
};

template <typename Read>
Exponentials ExponentialsOf(int64_t count, Read&& read) {
  Exponentials line;
  line.max = read(0);
  for (int64_t i = 1; i < count; ++i) line.max = std::max(line.max, read(i));
  // A line that is masked out everywhere (all -inf) has no maximum to
  // subtract; like ONNX Runtime it becomes NaN.
  for (int64_t i = 0; i < count; ++i) {
    line.values.push_back(std::exp(read(i) - line.max));
    line.sum += line.values.back();
  }
  return line;
}

template <bool kLog>
void RunSoftmax(RunContext& context) {
  const Tensor& x = context.in(0);
  Tensor y(DType::kFloat32, x.dims());
  const float* in = x.data<float>();
  float* out = y.mutable_data<float>();
  ForEachLine(x.dims(), AxisOf(context.node, x.rank()),
              [&](int64_t first, int64_t stride, int64_t count) {
                const auto read = [&](int64_t i) -> double {
                  return in[first + i * stride];
                };
                const Exponentials line = ExponentialsOf(count, read);
                const double log_sum = std::log(line.sum);
                for (int64_t i = 0; i < count; ++i) {
                  const double value =
                      kLog ? read(i) - line.max - log_sum
                           : line.values[static_cast<size_t>(i)] / line.sum;
                  out[first + i * stride] = static_cast<float>(value);
                }
              });
  context.outputs[0] = std::move(y);
}

// QLinearSoftmax: exponentials of the differences to the largest integer,
// normalized, divided by the output scale, rounded half to even. ONNX
// Runtime's 32-bit table gives the same numbers (integer-arithmetic 5.8).
void RunSoftmaxInteger(RunContext& context) {
  const QuantParams* y = context.output_quant[0];
  if (!CanSumIntegers(context, 0, 0, -1) || y == nullptr) {
    return RunDequantized(context, RunSoftmax<false>);
  }
  const Tensor q = Centered(context.in(0), *context.input_quant[0]);
  const double scale = context.input_quant[0]->scale_at();
  const float* in = q.data<float>();
  std::vector<double> probabilities(static_cast<size_t>(q.size()));
  ForEachLine(q.dims(), AxisOf(context.node, q.rank()),
              [&](int64_t first, int64_t stride, int64_t count) {
                const Exponentials line = ExponentialsOf(count, [&](int64_t i) {
                  return scale * static_cast<double>(in[first + i * stride]);
                });
                for (int64_t i = 0; i < count; ++i) {
                  probabilities[static_cast<size_t>(first + i * stride)] =
                      line.values[static_cast<size_t>(i)] / line.sum;
                }
              });
  const float multiplier = 1.0f / y->scale_at();
  context.outputs[0] =
      Requantize(probabilities, q.dims(), -1, std::span(&multiplier, 1), y);
}

// 1 at the first largest element of each line, else 0.
void RunHardmax(RunContext& context) {
  const Tensor x = context.in(0).CastTo(DType::kFloat64);
  Tensor y(DType::kFloat64, x.dims());
  const double* in = x.data<double>();
  double* out = y.mutable_data<double>();
  ForEachLine(x.dims(), AxisOf(context.node, x.rank()),
              [&](int64_t first, int64_t stride, int64_t count) {
                int64_t best = first;
                for (int64_t i = 1; i < count; ++i) {
                  const int64_t at = first + i * stride;
                  if (in[at] > in[best]) best = at;
                }
                out[best] = 1.0;
              });
  context.outputs[0] = y.CastTo(context.in(0).dtype());
}

QuantSpec SoftmaxRule(const QuantizeQuery&) {
  QuantSpec spec;
  spec.inputs = {{.role = Role::kActivation}};
  spec.outputs = {{.role = Role::kActivation, .unit_range = true}};
  return spec;
}

QuantSpec LogSoftmaxRule(const QuantizeQuery&) {
  return QuantSpec::Float(
      "logarithms of probabilities span too wide a range for few bits");
}

// The meaning before opset 13: axes from `axis` on (default 1) form one row.
// It is the same as one axis when all later axes have size 1.
bool IsOneAxis(const Shape& shape, int64_t axis) {
  if (!shape.has_rank() || shape.rank() == 0) return false;
  const int first = NormalizeAxis(axis, shape.rank());
  for (int later = first + 1; later < shape.rank(); ++later) {
    if (!shape[later].is(1)) return false;
  }
  return true;
}

// y = Reshape(Softmax(Flatten(x, axis), -1), Shape(x))
void WriteOutFlattening(UpgradeContext& context, int64_t axis) {
  Graph& graph = context.graph;
  const ValueId x = context.node().input(0);
  const ValueId y = context.node().output(0);
  const auto place = [&](const char* type, std::vector<ValueId> inputs,
                         ValueId output, Attributes attributes, bool before) {
    Node node;
    node.op_type = type;
    node.name = fmt::format("{}_{}", context.node().name, type);
    node.user_names = context.node().user_names;
    node.inputs = std::move(inputs);
    node.outputs = {output};
    node.attributes = std::move(attributes);
    before ? graph.InsertBefore(context.node_id, std::move(node))
           : graph.InsertAfter(context.node_id, std::move(node));
  };
  const std::string name = graph.value(y).name;
  const ValueId matrix = graph.AddValue(name + "_rows");
  const ValueId shape = graph.AddValue(name + "_shape", DType::kInt64);
  const ValueId result = graph.AddValue(name + "_softmax");
  place("Flatten", {x}, matrix, {{"axis", axis}}, true);
  place("Shape", {x}, shape, {}, true);
  graph.ReplaceInput(context.node_id, 0, matrix);
  graph.SetProducer(result, context.node_id, 0);
  place("Reshape", {result, shape}, y, {}, false);
}

void UpgradeSoftmax(UpgradeContext& context) {
  if (context.from >= 13) return;
  RequireFirst(context.node());
  const int64_t axis = context.node().Int("axis", 1);
  const Shape shape = context.graph.value(context.node().input(0)).shape;
  if (IsOneAxis(shape, axis)) {
    context.node().Set("axis", axis);
    return;
  }
  context.node().Set("axis", int64_t{-1});
  WriteOutFlattening(context, axis);
}

}  // namespace

extern constinit const OpDef kHardmaxOp = {
    .type = "Hardmax",
    .since = 13,
    .infer = InferSoftmax,
    .reference = RunHardmax,
    .integer_reference = DequantizedReference<RunHardmax>,
    .quantize = ActivationRule,
    .upgrade = UpgradeSoftmax,
};
extern constinit const OpDef kLogSoftmaxOp = {
    .type = "LogSoftmax",
    .since = 13,
    .infer = InferSoftmax,
    .reference = InFloat32<RunSoftmax<true>>,
    .quantize = LogSoftmaxRule,
    .prepare = PrepareSoftmax,
    .upgrade = UpgradeSoftmax,
};
extern constinit const OpDef kSoftmaxOp = {
    .type = "Softmax",
    .since = 13,
    .infer = InferSoftmax,
    .reference = InFloat32<RunSoftmax<false>>,
    .integer_reference = RunSoftmaxInteger,
    .quantize = SoftmaxRule,
    .prepare = PrepareSoftmax,
    .upgrade = UpgradeSoftmax,
};

}  // namespace squint
