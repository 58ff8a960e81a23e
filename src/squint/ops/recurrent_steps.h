// The inputs of squint::LSTMSteps and squint::GRUSteps by index, for those
// who make and read such nodes.
#ifndef SQUINT_OPS_RECURRENT_STEPS_H_
#define SQUINT_OPS_RECURRENT_STEPS_H_

#include <cstddef>

#include "squint/graph/graph.h"

namespace squint {

// Where things stand among a node's inputs; kNone where the cell has none.
struct StepInputs {
  static constexpr size_t kNone = static_cast<size_t>(-1);
  static constexpr size_t kGates = 0;    // [steps, batch, gates * hidden]
  static constexpr size_t kWeights = 1;  // one for LSTM, two for GRU
  size_t num_weights;
  size_t h;  // initial states [batch, hidden]
  size_t c;
  size_t late_bias;  // [hidden], optional
  size_t scale;      // of the grid, scalar; absent: none
  size_t zero_point;
};
inline constexpr StepInputs kLstmStepInputs = {1, 2, 3, StepInputs::kNone,
                                               4, 5};
inline constexpr StepInputs kGruStepInputs = {2, 3, StepInputs::kNone, 4, 5, 6};

inline bool IsSteps(const Node& node) {
  return node.Is("LSTMSteps", "squint") || node.Is("GRUSteps", "squint");
}
inline const StepInputs& InputsOfSteps(const Node& node) {
  return node.op_type == "LSTMSteps" ? kLstmStepInputs : kGruStepInputs;
}

}  // namespace squint

#endif  // SQUINT_OPS_RECURRENT_STEPS_H_
