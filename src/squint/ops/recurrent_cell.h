// The steps of one direction of LSTM or GRU, from gates that hold the input's
// part already. Shared by the operators LSTM, GRU and DynamicQuantizeLSTM and
// by squint::LSTMSteps and squint::GRUSteps.
#ifndef SQUINT_OPS_RECURRENT_CELL_H_
#define SQUINT_OPS_RECURRENT_CELL_H_

#include <cstdint>
#include <vector>

#include "squint/kernels/qelementwise/qelementwise.h"
#include "squint/kernels/recurrent/recurrent.h"
#include "squint/ops/centred_matrix.h"
#include "squint/tensor/quant_params.h"

namespace squint {

class ThreadPool;

struct CellShape {
  int64_t batch = 0;
  int64_t hidden = 0;
  int64_t gates = 0;                 // 4: LSTM, 3: GRU
  bool linear_before_reset = false;  // GRU

  bool lstm() const { return gates == 4; }
  int64_t width() const { return gates * hidden; }
  int64_t state() const { return batch * hidden; }
};

// What a state is rounded to before it is multiplied. The state that is
// carried on is not rounded.
enum class StateRounding : uint8_t {
  kNone,
  kGrid,      // CellWeights::grid
  kOwnRange,  // of each sample and step, as DynamicQuantizeLinear has it;
              // with weights of StateForm::kIntegers alone
};

struct CellWeights {
  StateWeights first;            // LSTM: all gates; GRU: update and reset
  StateWeights second;           // GRU: the fresh state
  std::vector<float> late_bias;  // GRU [hidden], added inside the reset
  StateRounding rounding = StateRounding::kNone;
  QuantParams grid = {};  // per tensor
};

// r is [hidden, width]; without late bias and grid.
CellWeights PackCell(const CellShape& shape, MatrixView r);
// Of stored weights, for states that are float32 or kIntegers.
CellWeights PackStoredCell(const CellShape& shape, const CentredMatrix& r,
                           StateForm form);
// Of one of the products of a cell.
StateWeights PackStored(const CentredMatrix& r, StateForm form);
// Whether float32 states times weights of StateForm::kStored are no slower
// than times float32 ones: where the latter do not fit the nearest cache.
bool PaysToStayStored(const CellShape& shape);
// Whether the sums of rounded states times these weights can be integers.
bool CanBeIntegers(const CentredMatrix& r);

// Scratch is the caller's, ScratchFloats floats; nothing is allocated.
class CellRun {
 public:
  CellRun(const CellShape& shape, const CellWeights& weights, float* scratch,
          ThreadPool& pool);
  static int64_t ScratchFloats(const CellShape& shape) {
    return 5 * shape.state() + 2 * shape.batch;
  }

  // Initial states [batch, hidden], null for zeros; no c in GRU.
  void Start(const float* h, const float* c);
  // One step on gates [batch, width]; returns the new h.
  const float* Step(const float* input);

  const float* h() const { return h_; }
  const float* c() const { return c_; }

 private:
  void CopyOrZero(const float* from, float* to) const;
  // The state, rounded to the grid where there is one.
  const float* Multiplied(const float* state);
  // The same in integers.
  IntegerStates Integers(const float* state);
  ByteGrid GridOf(const float* state) const;
  // A step whose product is that of `state`.
  CellStep StepOn(const float* input, const float* state);
  void StepLstm(const float* input);
  void StepGru(const float* input);

  const CellShape& shape_;
  const CellWeights& weights_;
  ThreadPool& pool_;
  float* h_;  // [batch, hidden], as are the others
  float* next_;
  float* rounded_;
  float* c_;       // GRU: the update gate
  float* reset_;   // GRU
  float* scales_;  // [batch], of integers
  int32_t* zeros_;
};

}  // namespace squint

#endif  // SQUINT_OPS_RECURRENT_CELL_H_
