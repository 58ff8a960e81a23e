// One step of an LSTM or GRU direction in standard operators: the graph that
// is the body of the Scan a file has. squint::LSTMSteps and squint::GRUSteps
// mean exactly what a Scan with this body means: their reference runs it, the
// writer writes it, Absorb recognises it.
//
//   LSTM: h, c, g -> h', c', y = h'        g [batch, 4 hidden]: i, o, f, n
//     s = g + h R;  c' = sigmoid(s_f) c + sigmoid(s_i) tanh(s_n)
//     h' = sigmoid(s_o) tanh(c')
//   GRU:  h, g -> h', y = h'               g [batch, 3 hidden]: z, r, n
//     z, r = sigmoid(g_zr + h R);  n = tanh(g_n + (r h) Rn)
//     or, linear_before_reset, n = tanh(g_n + r (h Rn + late bias))
//     h' = n + z (h - n)
//
// g has the input's part with all biases but the late one. With a grid every
// operand of a product with R is rounded to it, and nothing else is: the
// state that is carried from step to step keeps its float32.
#ifndef SQUINT_OPS_STEP_BODY_H_
#define SQUINT_OPS_STEP_BODY_H_

#include <optional>
#include <string>
#include <vector>

#include "squint/graph/graph.h"

namespace squint {

// A constant of the body; with `quant` it holds the stored integers.
struct StepConstant {
  Tensor content;
  std::optional<QuantParams> quant;
};

struct StepParts {
  bool lstm = true;
  bool linear_before_reset = false;
  // LSTM: R [hidden, 4 hidden]; GRU: of the gates z, r [hidden, 2 hidden] and
  // of the fresh state [hidden, hidden].
  std::vector<StepConstant> weights;
  Tensor late_bias;                 // [hidden], GRU; empty: none
  std::optional<QuantParams> grid;  // per tensor

  int64_t hidden() const { return weights[0].content.dim(0); }
};

// Names of values start with `prefix`.
Graph BuildStepBody(const StepParts& parts, const std::string& prefix);

}  // namespace squint

#endif  // SQUINT_OPS_STEP_BODY_H_
