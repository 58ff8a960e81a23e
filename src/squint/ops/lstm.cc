// LSTM: both directions, sequence lengths, peepholes, clipping, both layouts.
// ONNX Runtime's DynamicQuantizeLSTM is the same cell on 8-bit weights, with
// inputs and states rounded to 8 bits by their own ranges.
#include <algorithm>
#include <map>
#include <utility>

#include "squint/ops/in_float32.h"
#include "squint/ops/layout.h"
#include "squint/ops/operand_params.h"
#include "squint/ops/prepare.h"
#include "squint/ops/recurrent.h"

namespace squint {
namespace {

constexpr int64_t kGates = 4;
enum Gate : int64_t { kInputGate, kOutputGate, kForgetGate, kCellGate };

// i = f(x Wi + h Ri + Pi c + bi)      the input gate; likewise forget gate
// C = forget * c + i * g(x Wc + h Rc + bc)
// h = f(x Wo + h Ro + Po C + bo) * h(C)
void LstmStep(const CellParameters& p, const double* x, CellState& state) {
  const auto hidden = static_cast<size_t>(p.hidden);
  const bool coupled = p.node->Int("input_forget", 0) != 0;
  const std::vector<double> before = state.h;
  const auto peephole = [&](int64_t gate, size_t unit, double cell) {
    return p.peephole == nullptr
               ? 0.0
               : p.peephole[static_cast<size_t>(gate) * hidden + unit] * cell;
  };
  for (size_t unit = 0; unit < hidden; ++unit) {
    const auto u = static_cast<int64_t>(unit);
    const auto sum = [&](Gate gate) {
      return p.FromInput(gate, u, x) + p.FromState(gate, u, before);
    };
    const double c = state.c[unit];
    const double in = p.activations[0](
        p.Clipped(sum(kInputGate) + peephole(kInputGate, unit, c)));
    const double forget =
        coupled ? 1.0 - in
                : p.activations[0](p.Clipped(sum(kForgetGate) +
                                             peephole(kForgetGate, unit, c)));
    const double fresh = p.activations[1](p.Clipped(sum(kCellGate)));
    state.c[unit] = forget * c + in * fresh;
    const double out = p.activations[0](p.Clipped(
        sum(kOutputGate) + peephole(kOutputGate, unit, state.c[unit])));
    state.h[unit] = out * p.activations[2](p.Clipped(state.c[unit]));
  }
}

void InferLstm(InferContext& context) { InferRecurrent(context, kGates); }

void RunLstm(RunContext& context) {
  RunRecurrent(context, {.gates = kGates,
                         .activations = {"Sigmoid", "Tanh", "Tanh"},
                         .step = LstmStep});
}

// ---- DynamicQuantizeLSTM

// Weights lie transposed: [directions, inputs, gates * hidden].
constexpr size_t kWeights = 1, kRecurrence = 2, kWeightScale = 8,
                 kRecurrenceScale = 10;
const std::vector<int64_t> kSwapped = {0, 2, 1};

// The states enter the product as DynamicQuantizeLinear rounds them. ONNX
// Runtime takes one range for the rows that a thread has; here each sample
// has its own, so that results do not depend on the batch.
void RoundDynamically(std::vector<double>& state) {
  Tensor real(DType::kFloat32, {static_cast<int64_t>(state.size())});
  std::transform(state.begin(), state.end(), real.mutable_data<float>(),
                 [](double v) { return static_cast<float>(v); });
  const Tensor rounded = FakeQuantizeTensor(real, DynamicParams(real));
  const auto values = rounded.values<float>();
  state.assign(values.begin(), values.end());
}

void DynamicLstmStep(const CellParameters& p, const double* x,
                     CellState& state) {
  RoundDynamically(state.h);
  LstmStep(p, x, state);
}

void InferDynamicQuantizeLstm(InferContext& context) {
  Graph graph;
  Node node = context.node();
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    if (!node.has_input(i)) continue;
    Shape shape = context.shape(i);
    if (i == kWeights || i == kRecurrence) {
      if (shape.has_rank() && shape.rank() == 3) {
        shape = Shape({shape[0], shape[2], shape[1]});
      }
    }
    node.inputs[i] = graph.AddInput("x", context.dtype(i), std::move(shape));
  }
  for (ValueId& output : node.outputs) output = graph.AddValue("y");
  const NodeId id = graph.AddNode(std::move(node));
  const std::map<ValueId, DimTensor> contents;
  InferContext plain(graph, graph.node(id), contents);
  InferRecurrent(plain, kGates);
  for (size_t i = 0; i < context.num_outputs(); ++i) {
    context.SetOutput(i, DType::kFloat32, plain.results()[i].shape);
  }
}

// One scale for each direction, or for each of its gates' units; the result
// lies as LSTM has it.
Tensor DynamicLstmWeights(const RunContext& context, size_t weights,
                          size_t scale) {
  const Tensor& q = context.in(weights);
  Tensor step = context.in(scale);
  Tensor zero = context.in(scale + 1);
  const bool per_direction = q.rank() == 3 && step.size() == q.dim(0);
  Dims rows = q.dims();
  Dims scales = q.dims();
  if (per_direction) rows = {q.dim(0), q.dim(1) * q.dim(2)};
  if (per_direction) scales = {q.dim(0), 1};
  if (q.rank() == 3 && !per_direction) scales[1] = 1;
  if (q.rank() != 3 || step.size() != ElementCount(scales) ||
      zero.size() != step.size()) {
    Fail(ErrorCode::kInvalidModel,
         "weights of {} with a scale of {} and a zero point of {}",
         DimsToString(q.dims()), DimsToString(step.dims()),
         DimsToString(zero.dims()));
  }
  step = step.Reshaped(scales);
  zero = zero.Reshaped(scales);
  const Tensor plain = q.Reshaped(rows);
  const Tensor real =
      DequantizeTensor(plain, OperandParams(plain, &step, &zero, -1));
  return TransposeTensor(real.Reshaped(q.dims()), kSwapped);
}

void RunDynamicQuantizeLstm(RunContext& context) {
  const Tensor& x = context.in(0);
  const Tensor rounded = FakeQuantizeTensor(x, DynamicParams(x));
  const Tensor w = DynamicLstmWeights(context, kWeights, kWeightScale);
  const Tensor r = DynamicLstmWeights(context, kRecurrence, kRecurrenceScale);
  RunContext plain{context.node, context.inputs, {}, {}, {}};
  plain.inputs.resize(kWeightScale);
  plain.inputs[0] = &rounded;
  plain.inputs[kWeights] = &w;
  plain.inputs[kRecurrence] = &r;
  plain.outputs.resize(context.outputs.size());
  RunRecurrent(plain, {.gates = kGates,
                       .activations = {"Sigmoid", "Tanh", "Tanh"},
                       .step = DynamicLstmStep});
  context.outputs = std::move(plain.outputs);
}

QuantSpec DynamicQuantizeLstmRule(const QuantizeQuery&) {
  return QuantSpec::Float("its weights are quantized already");
}

}  // namespace

extern constinit const OpDef kDynamicQuantizeLSTMOp = {
    .type = "DynamicQuantizeLSTM",
    .domain = "com.microsoft",
    .infer = InferDynamicQuantizeLstm,
    .reference = RunDynamicQuantizeLstm,
    .quantize = DynamicQuantizeLstmRule,
    .prepare = PrepareDynamicLstm,
};
extern constinit const OpDef kLSTMOp = {
    .type = "LSTM",
    .since = 14,
    .infer = InferLstm,
    .reference = RunLstm,
    .quantize = RecurrentRule,
    .prepare = PrepareRecurrent,
    .prepare_stored = PrepareRecurrent,
};

}  // namespace squint
