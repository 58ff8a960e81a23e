// LSTM and GRU on the float kernels, in their common form: the standard
// activations, no clipping, peepholes or sequence lengths, constant weights.
// The input's part of all steps is one matrix product; each step then adds
// the state's part (recurrent_cell.h).
#include <algorithm>
#include <vector>

#include "squint/kernels/gemm/gemm.h"
#include "squint/ops/prepare.h"
#include "squint/ops/recurrent.h"
#include "squint/ops/recurrent_cell.h"

namespace squint {
namespace {

constexpr size_t kX = 0, kW = 1, kR = 2, kB = 3, kLengths = 4, kInitialH = 5,
                 kInitialC = 6, kPeephole = 7;

struct Sizes {
  CellShape cell;
  int64_t steps = 0;
  int64_t input = 0;
  int64_t directions = 1;
  bool reverse = false;  // the first direction runs backwards
};

// One direction's weights.
struct Direction {
  PackedMatrix input;       // [input, width]
  std::vector<float> bias;  // [width], what may be added up front
  CellWeights cell;
};
using Directions = std::vector<Direction>;

// Biases of input and state add up, except where the reset gate scales the
// state's.
void SplitBias(const CellShape& s, const float* b, Direction& to) {
  const auto width = static_cast<size_t>(s.width());
  const auto hidden = static_cast<size_t>(s.hidden);
  to.bias.assign(width, 0.0f);
  to.cell.late_bias.assign(hidden, 0.0f);
  if (b == nullptr) return;
  for (size_t i = 0; i < width; ++i) {
    const float late = b[width + i];
    to.bias[i] = b[i];
    if (!s.lstm() && s.linear_before_reset && i >= 2 * hidden) {
      to.cell.late_bias[i - 2 * hidden] = late;
    } else {
      to.bias[i] += late;
    }
  }
}

Directions PackDirections(const PrepareContext& context, const Sizes& s) {
  Directions result(static_cast<size_t>(s.directions));
  const int64_t width = s.cell.width();
  const int64_t hidden = s.cell.hidden;
  for (int64_t d = 0; d < s.directions; ++d) {
    Direction& to = result[static_cast<size_t>(d)];
    const float* w = context.constants[kW]->data<float>() + d * width * s.input;
    const float* r = context.constants[kR]->data<float>() + d * width * hidden;
    to.input = PackRight(s.input, width, {w, 1, s.input});
    to.cell = PackCell(s.cell, {r, 1, hidden});
    const float* b = context.has(kB)
                         ? context.constants[kB]->data<float>() + d * 2 * width
                         : nullptr;
    SplitBias(s.cell, b, to);
  }
  return result;
}

class RecurrentStep : public Step {
 public:
  RecurrentStep(const Sizes& sizes, std::shared_ptr<const Directions> weights)
      : s_(sizes), weights_(std::move(weights)) {}

  size_t scratch_bytes() const override {
    return static_cast<size_t>(InputFloats() +
                               CellRun::ScratchFloats(s_.cell)) *
           sizeof(float);
  }

  void Run(const StepArgs& args) const override {
    for (int64_t d = 0; d < s_.directions; ++d) {
      const Direction& weights = (*weights_)[static_cast<size_t>(d)];
      float* from_input = static_cast<float*>(args.scratch);
      MultiplyInput(weights, FloatInput(args, kX), from_input, args.pool);
      CellRun run(s_.cell, weights.cell, from_input + InputFloats(), args.pool);
      run.Start(State(FloatInput(args, kInitialH), d),
                State(FloatInput(args, kInitialC), d));
      const bool reverse = s_.reverse || d == 1;
      for (int64_t i = 0; i < s_.steps; ++i) {
        const int64_t step = reverse ? s_.steps - 1 - i : i;
        const float* h = run.Step(from_input + step * StepFloats());
        Store(h, args, 0, step * s_.directions + d);
      }
      Store(run.h(), args, 1, d);
      if (s_.cell.lstm()) Store(run.c(), args, 2, d);
    }
  }

 private:
  int64_t StepFloats() const { return s_.cell.batch * s_.cell.width(); }
  int64_t InputFloats() const { return s_.steps * StepFloats(); }

  // The input's part of all steps' gates, [steps, batch, width].
  void MultiplyInput(const Direction& weights, const float* x, float* to,
                     ThreadPool& pool) const {
    Gemm({.m = s_.steps * s_.cell.batch,
          .n = s_.cell.width(),
          .k = s_.input,
          .a = {x, s_.input, 1},
          .b = {},
          .packed_a = nullptr,
          .packed_b = &weights.input,
          .c = to,
          .c_stride = s_.cell.width(),
          .epilogue = {.bias = weights.bias.data(), .bias_column = 1}},
         pool);
  }
  const float* State(const float* all, int64_t d) const {
    return all == nullptr ? nullptr : all + d * s_.cell.state();
  }
  void Store(const float* state, const StepArgs& args, size_t output,
             int64_t at) const {
    if (output >= args.outputs.size() || args.outputs[output] == nullptr) {
      return;
    }
    const int64_t size = s_.cell.state();
    std::copy_n(state, size, FloatOutput(args, output) + at * size);
  }

  Sizes s_;
  std::shared_ptr<const Directions> weights_;
};

bool IsCommonForm(const PrepareContext& context) {
  const Node& node = context.node;
  return AllFloat(context) && !context.has(kLengths) &&
         !context.has(kPeephole) && context.constants[kW] != nullptr &&
         context.constants[kR] != nullptr &&
         (!context.has(kB) || context.constants[kB] != nullptr) &&
         HasDefaultActivations(node) &&
         node.Float("clip", 0.0f) == 0.0f && node.Int("layout", 0) == 0 &&
         node.Int("input_forget", 0) == 0;
}

}  // namespace

std::unique_ptr<Step> PrepareRecurrent(const PrepareContext& context) {
  if (!IsCommonForm(context)) return nullptr;
  const Node& node = context.node;
  const Dims& x = context.input_dims[kX];
  const Dims& r = context.input_dims[kR];
  const std::string direction = node.String("direction", "forward");
  const Sizes sizes{
      .cell = {.batch = x[1],
               .hidden = r[2],
               .gates = r[1] / r[2],
               .linear_before_reset = node.Int("linear_before_reset", 0) != 0},
      .steps = x[0],
      .input = x[2],
      .directions = r[0],
      .reverse = direction == "reverse"};
  return std::make_unique<RecurrentStep>(
      sizes,
      context.packs.Get<Directions>(context.pack_key + "/recurrent", [&] {
        return std::make_shared<const Directions>(
            PackDirections(context, sizes));
      }));
}

}  // namespace squint
