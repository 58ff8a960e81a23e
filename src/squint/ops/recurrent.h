// What LSTM, GRU and RNN share: directions, sequence lengths, layouts, initial
// states and the activation functions by name. A cell adds its equations.
#ifndef SQUINT_OPS_RECURRENT_H_
#define SQUINT_OPS_RECURRENT_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "squint/ops/op.h"

namespace squint {

// One of the activation functions that recurrent operators may name, with
// its parameters filled in. Error{kInvalidModel} for an unknown name.
class GateActivation {
 public:
  GateActivation() = default;
  GateActivation(const std::string& name, std::span<const float> alpha,
                 std::span<const float> beta);
  double operator()(double x) const { return function_(x, alpha_, beta_); }

  using Function = double (*)(double x, double alpha, double beta);

 private:
  Function function_ = nullptr;
  double alpha_ = 0;
  double beta_ = 0;
};

// Parameters of one direction, gates stacked: w [gates * hidden, input],
// r [gates * hidden, hidden], biases [gates * hidden] (null where absent).
struct CellParameters {
  int64_t input = 0;
  int64_t hidden = 0;
  const double* w = nullptr;
  const double* r = nullptr;
  const double* w_bias = nullptr;
  const double* r_bias = nullptr;
  const double* peephole = nullptr;  // LSTM: [3 * hidden]
  std::vector<GateActivation> activations;
  double clip = 0;  // 0: none
  const Node* node = nullptr;

  // w[gate] x + its bias, and r[gate] h + its bias, one hidden unit each.
  double FromInput(int64_t gate, int64_t unit, const double* x) const;
  double FromState(int64_t gate, int64_t unit, std::span<const double> h) const;
  double Clipped(double x) const;
};

struct CellState {
  std::vector<double> h;
  std::vector<double> c;  // LSTM
};

struct RecurrentKind {
  int64_t gates;
  std::vector<std::string> activations;  // defaults of one direction
  // Advances one sample by one step.
  void (*step)(const CellParameters&, const double* x, CellState& state);
};

// Sigmoid for the gates and Tanh elsewhere, named or not.
bool HasDefaultActivations(const Node& node);

// Shapes of Y, Y_h and (LSTM) Y_c, with the rules checked on the way.
void InferRecurrent(InferContext& context, int64_t gates);
// Any floating type; computed in float64.
void RunRecurrent(RunContext& context, const RecurrentKind& kind);
// Stays float on weights that may be stored as integers, W and R with one
// scale for each row: along axis 1, with two directions in blocks of a row.
QuantSpec RecurrentRule(const QuantizeQuery& query);

// Of DynamicQuantizeLSTM, as PrepareRecurrent of the others (prepare.h).
std::unique_ptr<Step> PrepareDynamicLstm(const PrepareContext& context);

}  // namespace squint

#endif  // SQUINT_OPS_RECURRENT_H_
