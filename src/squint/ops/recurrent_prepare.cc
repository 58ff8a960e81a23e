// LSTM and GRU on the float kernels, in their common form: the standard
// activations, no clipping, peepholes or sequence lengths, constant weights.
// The input's part of all steps is one matrix product; each step then adds
// the state's part. Matrices are kept transposed, [inputs, gates * hidden],
// so that a step streams them once with vectors over the gates.
#include <algorithm>
#include <vector>

#include "squint/kernels/elementwise/unary.h"
#include "squint/kernels/gemm/gemm.h"
#include "squint/ops/prepare.h"

namespace squint {
namespace {

constexpr size_t kX = 0, kW = 1, kR = 2, kB = 3, kLengths = 4, kInitialH = 5,
                 kInitialC = 6, kPeephole = 7;

struct Sizes {
  int64_t steps = 0;
  int64_t batch = 0;
  int64_t input = 0;
  int64_t hidden = 0;
  int64_t gates = 0;
  int64_t directions = 1;
  bool reverse = false;              // the first direction runs backwards
  bool linear_before_reset = false;  // GRU

  bool lstm() const { return gates == 4; }
  int64_t width() const { return gates * hidden; }
  int64_t state() const { return batch * hidden; }
};

// One direction's weights.
struct Direction {
  PackedMatrix input;            // [input, width]
  std::vector<float> recurrent;  // [hidden, width]
  std::vector<float> bias;       // [width], what may be added up front
  std::vector<float> late_bias;  // [hidden]: GRU's Rbh, inside the reset
};
using Directions = std::vector<Direction>;

// Biases of input and state add up, except where the reset gate scales the
// state's.
void SplitBias(const Sizes& s, const float* b, Direction& to) {
  const auto width = static_cast<size_t>(s.width());
  const auto hidden = static_cast<size_t>(s.hidden);
  to.bias.assign(width, 0.0f);
  to.late_bias.assign(hidden, 0.0f);
  if (b == nullptr) return;
  for (size_t i = 0; i < width; ++i) {
    const float late = b[width + i];
    to.bias[i] = b[i];
    if (!s.lstm() && s.linear_before_reset && i >= 2 * hidden) {
      to.late_bias[i - 2 * hidden] = late;
    } else {
      to.bias[i] += late;
    }
  }
}

Directions PackDirections(const PrepareContext& context, const Sizes& s) {
  Directions result(static_cast<size_t>(s.directions));
  for (int64_t d = 0; d < s.directions; ++d) {
    Direction& to = result[static_cast<size_t>(d)];
    const float* w =
        context.constants[kW]->data<float>() + d * s.width() * s.input;
    const float* r =
        context.constants[kR]->data<float>() + d * s.width() * s.hidden;
    to.input = PackRight(s.input, s.width(), {w, 1, s.input});
    to.recurrent.resize(static_cast<size_t>(s.hidden * s.width()));
    for (int64_t i = 0; i < s.hidden; ++i) {
      for (int64_t j = 0; j < s.width(); ++j) {
        to.recurrent[static_cast<size_t>(i * s.width() + j)] =
            r[j * s.hidden + i];
      }
    }
    const float* b = context.has(kB) ? context.constants[kB]->data<float>() +
                                           d * 2 * s.width()
                                     : nullptr;
    SplitBias(s, b, to);
  }
  return result;
}

// One direction's run; pointers into the step's scratch and outputs.
class DirectionRun {
 public:
  DirectionRun(const Sizes& s, const Direction& weights, float* scratch,
               ThreadPool& pool)
      : s_(s), weights_(weights), pool_(pool) {
    from_input_ = scratch;
    gates_ = from_input_ + s.steps * s.batch * s.width();
    h_ = gates_ + s.batch * s.width();
    c_ = h_ + s.state();
    extra_ = c_ + s.state();
  }
  static int64_t ScratchFloats(const Sizes& s) {
    return (s.steps + 1) * s.batch * s.width() + 3 * s.state();
  }

  void Start(const float* x, const float* h, const float* c) {
    Gemm({.m = s_.steps * s_.batch,
          .n = s_.width(),
          .k = s_.input,
          .a = {x, s_.input, 1},
          .b = {},
          .packed_a = nullptr,
          .packed_b = &weights_.input,
          .c = from_input_,
          .c_stride = s_.width(),
          .epilogue = {.bias = weights_.bias.data(), .bias_column = 1}},
         pool_);
    CopyOrZero(h, h_);
    CopyOrZero(c, c_);
  }

  const float* Step(int64_t step) {
    const float* input = from_input_ + step * s_.batch * s_.width();
    if (s_.lstm()) {
      StepLstm(input);
    } else {
      StepGru(input);
    }
    return h_;
  }
  const float* h() const { return h_; }
  const float* c() const { return c_; }

 private:
  void CopyOrZero(const float* from, float* to) {
    if (from == nullptr) {
      std::fill_n(to, s_.state(), 0.0f);
    } else {
      std::copy_n(from, s_.state(), to);
    }
  }

  // gates[begin, end) = from_input + state * recurrent, for every sample;
  // without `from_input`, GRU's late bias instead.
  void AddState(const float* state, int64_t begin, int64_t end,
                const float* from_input) {
    const MatrixView recurrent{weights_.recurrent.data() + begin, s_.width()};
    Epilogue bias{.bias = weights_.late_bias.data(), .bias_column = 1};
    if (from_input != nullptr) {
      bias.bias = from_input + begin;
      bias.bias_row = s_.width();
    }
    if (s_.batch == 1) {
      Gemv(s_.hidden, end - begin, state, recurrent, gates_ + begin, bias,
           pool_);
      return;
    }
    Gemm({.m = s_.batch,
          .n = end - begin,
          .k = s_.hidden,
          .a = {state, s_.hidden, 1},
          .b = recurrent,
          .packed_a = nullptr,
          .packed_b = nullptr,
          .c = gates_ + begin,
          .c_stride = s_.width(),
          .epilogue = bias},
         pool_);
  }

  void Activate(UnaryKind kind, int64_t begin, int64_t end) {
    for (int64_t sample = 0; sample < s_.batch; ++sample) {
      float* gates = gates_ + sample * s_.width();
      Unary(kind, 0, 0, gates + begin, end - begin, gates + begin, pool_);
    }
  }

  // Gates in the order input, output, forget, cell.
  void StepLstm(const float* from_input) {
    const int64_t n = s_.hidden;
    AddState(h_, 0, 4 * n, from_input);
    Activate(UnaryKind::kSigmoid, 0, 3 * n);
    Activate(UnaryKind::kTanh, 3 * n, 4 * n);
    for (int64_t i = 0; i < s_.state(); ++i) {
      const float* g = gates_ + i / n * s_.width() + i % n;
      c_[i] = g[2 * n] * c_[i] + g[0] * g[3 * n];
    }
    Unary(UnaryKind::kTanh, 0, 0, c_, s_.state(), extra_, pool_);
    for (int64_t i = 0; i < s_.state(); ++i) {
      h_[i] = gates_[i / n * s_.width() + n + i % n] * extra_[i];
    }
  }

  // Gates in the order update, reset, hidden.
  void StepGru(const float* from_input) {
    const int64_t n = s_.hidden;
    AddState(h_, 0, 2 * n, from_input);
    Activate(UnaryKind::kSigmoid, 0, 2 * n);
    if (s_.linear_before_reset) {
      AddState(h_, 2 * n, 3 * n, nullptr);
      for (int64_t i = 0; i < s_.state(); ++i) {
        const int64_t at = i / n * s_.width() + i % n;
        gates_[at + 2 * n] =
            from_input[at + 2 * n] + gates_[at + n] * gates_[at + 2 * n];
      }
    } else {
      for (int64_t i = 0; i < s_.state(); ++i) {
        extra_[i] = h_[i] * gates_[i / n * s_.width() + n + i % n];
      }
      AddState(extra_, 2 * n, 3 * n, from_input);
    }
    Activate(UnaryKind::kTanh, 2 * n, 3 * n);
    for (int64_t i = 0; i < s_.state(); ++i) {
      const float* g = gates_ + i / n * s_.width() + i % n;
      h_[i] = (1.0f - g[0]) * g[2 * n] + g[0] * h_[i];
    }
  }

  const Sizes& s_;
  const Direction& weights_;
  ThreadPool& pool_;
  float* from_input_;  // [steps, batch, width]
  float* gates_;       // [batch, width]
  float* h_;           // [batch, hidden], as are c_ and extra_
  float* c_;
  float* extra_;
};

class RecurrentStep : public Step {
 public:
  RecurrentStep(const Sizes& sizes, std::shared_ptr<const Directions> weights)
      : s_(sizes), weights_(std::move(weights)) {}

  size_t scratch_bytes() const override {
    return static_cast<size_t>(DirectionRun::ScratchFloats(s_)) * sizeof(float);
  }

  void Run(const StepArgs& args) const override {
    for (int64_t d = 0; d < s_.directions; ++d) {
      DirectionRun run(s_, (*weights_)[static_cast<size_t>(d)],
                       static_cast<float*>(args.scratch), args.pool);
      run.Start(FloatInput(args, kX), State(FloatInput(args, kInitialH), d),
                State(FloatInput(args, kInitialC), d));
      const bool reverse = s_.reverse || d == 1;
      for (int64_t i = 0; i < s_.steps; ++i) {
        const int64_t step = reverse ? s_.steps - 1 - i : i;
        Store(run.Step(step), args, 0, step * s_.directions + d);
      }
      Store(run.h(), args, 1, d);
      Store(run.c(), args, 2, d);
    }
  }

 private:
  const float* State(const float* all, int64_t d) const {
    return all == nullptr ? nullptr : all + d * s_.state();
  }
  void Store(const float* state, const StepArgs& args, size_t output,
             int64_t at) const {
    if (output >= args.outputs.size() || args.outputs[output] == nullptr) {
      return;
    }
    std::copy_n(state, s_.state(), FloatOutput(args, output) + at * s_.state());
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
         node.FindAttribute("activations") == nullptr &&
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
      .steps = x[0],
      .batch = x[1],
      .input = x[2],
      .hidden = r[2],
      .gates = r[1] / r[2],
      .directions = r[0],
      .reverse = direction == "reverse",
      .linear_before_reset = node.Int("linear_before_reset", 0) != 0};
  return std::make_unique<RecurrentStep>(
      sizes,
      context.packs.Get<Directions>(context.pack_key + "/recurrent", [&] {
        return std::make_shared<const Directions>(
            PackDirections(context, sizes));
      }));
}

}  // namespace squint
