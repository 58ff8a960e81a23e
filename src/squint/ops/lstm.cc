// LSTM: both directions, sequence lengths, peepholes, clipping, both layouts.
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

}  // namespace

extern constinit const OpDef kLSTMOp = {
    .type = "LSTM",
    .since = 14,
    .infer = InferLstm,
    .reference = RunLstm,
    .quantize = RecurrentRule,
    .prepare = PrepareRecurrent,
};

}  // namespace squint
