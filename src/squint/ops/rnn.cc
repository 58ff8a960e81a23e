// RNN, the plain recurrent layer: h = f(x W + h R + b). Both directions,
// sequence lengths, clipping, both layouts.
#include "squint/ops/recurrent.h"

namespace squint {
namespace {

constexpr int64_t kGates = 1;

void RnnStep(const CellParameters& p, const double* x, CellState& state) {
  const std::vector<double> before = state.h;
  for (size_t unit = 0; unit < state.h.size(); ++unit) {
    const auto u = static_cast<int64_t>(unit);
    state.h[unit] = p.activations[0](
        p.Clipped(p.FromInput(0, u, x) + p.FromState(0, u, before)));
  }
}

void InferRnn(InferContext& context) { InferRecurrent(context, kGates); }

void RunRnn(RunContext& context) {
  RunRecurrent(context,
               {.gates = kGates, .activations = {"Tanh"}, .step = RnnStep});
}

}  // namespace

extern constinit const OpDef kRNNOp = {
    .type = "RNN",
    .since = 14,
    .infer = InferRnn,
    .reference = RunRnn,
    .quantize = RecurrentRule,
};

}  // namespace squint
