// GRU: both directions, sequence lengths, clipping, both layouts, and both
// places of the reset gate (linear_before_reset).
#include "squint/ops/prepare.h"
#include "squint/ops/recurrent.h"

namespace squint {
namespace {

constexpr int64_t kGates = 3;
enum Gate : int64_t { kUpdateGate, kResetGate, kHiddenGate };

// z = f(x Wz + h Rz + bz), r = f(x Wr + h Rr + br)
// n = g(x Wh + (r * h) Rh + bh), or, with linear_before_reset,
//     g(x Wh + r * (h Rh + Rbh) + Wbh)
// h = (1 - z) * n + z * h
void GruStep(const CellParameters& p, const double* x, CellState& state) {
  const auto hidden = static_cast<size_t>(p.hidden);
  const bool linear_before_reset = p.node->Int("linear_before_reset", 0) != 0;
  const std::vector<double> before = state.h;
  const auto gate = [&](Gate which, size_t unit) {
    const auto u = static_cast<int64_t>(unit);
    return p.activations[0](
        p.Clipped(p.FromInput(which, u, x) + p.FromState(which, u, before)));
  };
  std::vector<double> reset(hidden);
  std::vector<double> kept(hidden);
  for (size_t unit = 0; unit < hidden; ++unit) {
    reset[unit] = gate(kResetGate, unit);
    kept[unit] = reset[unit] * before[unit];
  }
  for (size_t unit = 0; unit < hidden; ++unit) {
    const auto u = static_cast<int64_t>(unit);
    const double from_state =
        linear_before_reset ? reset[unit] * p.FromState(kHiddenGate, u, before)
                            : p.FromState(kHiddenGate, u, kept);
    const double fresh = p.activations[1](
        p.Clipped(p.FromInput(kHiddenGate, u, x) + from_state));
    const double update = gate(kUpdateGate, unit);
    state.h[unit] = (1.0 - update) * fresh + update * before[unit];
  }
}

void InferGru(InferContext& context) { InferRecurrent(context, kGates); }

void RunGru(RunContext& context) {
  RunRecurrent(
      context,
      {.gates = kGates, .activations = {"Sigmoid", "Tanh"}, .step = GruStep});
}

}  // namespace

extern constinit const OpDef kGRUOp = {
    .type = "GRU",
    .since = 14,
    .infer = InferGru,
    .reference = RunGru,
    .quantize = RecurrentRule,
    .prepare = PrepareRecurrent,
    .prepare_stored = PrepareRecurrent,
};

}  // namespace squint
