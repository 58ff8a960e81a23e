#include "squint/ops/recurrent_cell.h"

#include <algorithm>

namespace squint {

CellWeights PackCell(const CellShape& shape, MatrixView r) {
  CellWeights weights;
  if (shape.lstm()) {
    weights.first = PackStateWeights(shape.hidden, 4, r);
    return weights;
  }
  weights.first = PackStateWeights(shape.hidden, 2, r);
  r.data += 2 * shape.hidden * r.column_stride;
  weights.second = PackStateWeights(shape.hidden, 1, r);
  return weights;
}

CellRun::CellRun(const CellShape& shape, const CellWeights& weights,
                 float* scratch, ThreadPool& pool)
    : shape_(shape),
      weights_(weights),
      pool_(pool),
      h_(scratch),
      next_(h_ + shape.state()),
      rounded_(next_ + shape.state()),
      c_(rounded_ + shape.state()),
      reset_(c_ + shape.state()) {}

void CellRun::Start(const float* h, const float* c) {
  CopyOrZero(h, h_);
  if (shape_.lstm()) CopyOrZero(c, c_);
}

const float* CellRun::Step(const float* input) {
  if (shape_.lstm()) {
    StepLstm(input);
  } else {
    StepGru(input);
  }
  std::swap(h_, next_);
  return h_;
}

void CellRun::CopyOrZero(const float* from, float* to) const {
  if (from == nullptr) {
    std::fill_n(to, shape_.state(), 0.0f);
  } else {
    std::copy_n(from, shape_.state(), to);
  }
}

const float* CellRun::Multiplied(const float* state) {
  if (!weights_.grid) return state;
  const QuantParams& grid = *weights_.grid;
  const float scale = grid.scale_at();
  const int32_t zero = grid.zero_point_at();
  const QuantRange range = RangeOf(grid.dtype, false);
  for (int64_t i = 0; i < shape_.state(); ++i) {
    const int32_t q =
        QuantizeValue(state[i], scale, zero, range.qmin, range.qmax);
    rounded_[i] = DequantizeValue(q, scale, zero);
  }
  return rounded_;
}

CellStep CellRun::StepOn(const float* input, const float* product) {
  return {.samples = shape_.batch,
          .input = input,
          .input_stride = shape_.width(),
          .product = product,
          .h = h_,
          .next = next_};
}

void CellRun::StepLstm(const float* input) {
  LstmStep(weights_.first, StepOn(input, Multiplied(h_)), c_, pool_);
}

void CellRun::StepGru(const float* input) {
  const CellStep step = StepOn(input, Multiplied(h_));
  GruGates(weights_.first, step, c_, reset_, pool_);
  if (shape_.linear_before_reset) {
    GruState(weights_.second, step, c_, reset_, weights_.late_bias.data(),
             pool_);
    return;
  }
  for (int64_t i = 0; i < shape_.state(); ++i) reset_[i] *= h_[i];
  GruState(weights_.second, StepOn(input, Multiplied(reset_)), c_, nullptr,
           nullptr, pool_);
}

}  // namespace squint
