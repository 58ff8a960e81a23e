#include "squint/ops/recurrent_cell.h"

#include <algorithm>
#include <utility>

#include "squint/ops/operand_params.h"

namespace squint {
namespace {

// Some of the columns of a matrix.
CentredMatrix ColumnsOf(const CentredMatrix& all, int64_t begin, int64_t end) {
  CentredMatrix some{.bytes = {all.bytes.begin() + begin * all.terms,
                               all.bytes.begin() + end * all.terms},
                     .terms = all.terms,
                     .columns = end - begin,
                     .group = all.group,
                     .scales = {}};
  for (auto row = all.scales.begin(); row != all.scales.end();
       row += all.columns) {
    some.scales.insert(some.scales.end(), row + begin, row + end);
  }
  return some;
}

}  // namespace

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

StateWeights PackStored(const CentredMatrix& r, StateForm form) {
  const StoredStates states{.data = r.bytes.data(),
                            .row_stride = 1,
                            .column_stride = r.terms,
                            .group = r.group,
                            .scales = r.scales.data(),
                            .scale_stride = r.columns};
  const int64_t gates = r.columns / r.terms;
  return form == StateForm::kIntegers
             ? PackIntegerStates(r.terms, gates, states)
             : PackStoredStates(r.terms, gates, states);
}

CellWeights PackStoredCell(const CellShape& shape, const CentredMatrix& r,
                           StateForm form) {
  CellWeights weights;
  if (shape.lstm()) {
    weights.first = PackStored(r, form);
    return weights;
  }
  const int64_t gates = 2 * shape.hidden;
  weights.first = PackStored(ColumnsOf(r, 0, gates), form);
  weights.second = PackStored(ColumnsOf(r, gates, r.columns), form);
  return weights;
}

bool PaysToStayStored(const CellShape& shape) {
  return shape.width() * shape.hidden > int64_t{1} << 14;
}

bool CanBeIntegers(const CentredMatrix& r) {
  return r.group == r.terms && r.terms <= kMaxIntegerStates;
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
      reset_(c_ + shape.state()),
      scales_(reset_ + shape.state()),
      zeros_(reinterpret_cast<int32_t*>(scales_ + shape.batch)) {}

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
  if (weights_.rounding == StateRounding::kNone) return state;
  const QuantParams& grid = weights_.grid;
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

// Of the same numbers as int8.
ByteGrid CellRun::GridOf(const float* state) const {
  constexpr int32_t kMiddle = 128;
  ByteGrid grid{.is_signed = true};
  if (weights_.rounding == StateRounding::kGrid) {
    grid.scale = weights_.grid.scale_at();
    grid.zero = weights_.grid.zero_point_at() -
                (weights_.grid.dtype == DType::kUint8 ? kMiddle : 0);
  } else {
    const RealRange range = RangeOfReals(state, shape_.hidden, pool_);
    const ScaleZero own = DynamicScaleZero(range.low, range.high);
    grid.scale = own.scale;
    grid.zero = own.zero_point - kMiddle;
  }
  return grid;
}

// A row of bytes is no longer than one of floats.
IntegerStates CellRun::Integers(const float* state) {
  auto* bytes = reinterpret_cast<int8_t*>(rounded_);
  const int64_t stride = StateStride(shape_.hidden);
  for (int64_t i = 0; i < shape_.batch; ++i, state += shape_.hidden) {
    const ByteGrid grid = GridOf(state);
    QuantizeToBytes(state, shape_.hidden, grid, bytes + i * stride, pool_);
    scales_[i] = grid.scale;
    zeros_[i] = grid.zero;
  }
  return {bytes, scales_, zeros_};
}

CellStep CellRun::StepOn(const float* input, const float* state) {
  CellStep step{.samples = shape_.batch,
                .input = input,
                .input_stride = shape_.width(),
                .h = h_,
                .next = next_};
  if (weights_.first.form == StateForm::kIntegers) {
    step.integers = Integers(state);
  } else {
    step.product = Multiplied(state);
  }
  return step;
}

void CellRun::StepLstm(const float* input) {
  LstmStep(weights_.first, StepOn(input, h_), c_, pool_);
}

void CellRun::StepGru(const float* input) {
  const CellStep step = StepOn(input, h_);
  GruGates(weights_.first, step, c_, reset_, pool_);
  if (shape_.linear_before_reset) {
    GruState(weights_.second, step, c_, reset_, weights_.late_bias.data(),
             pool_);
    return;
  }
  for (int64_t i = 0; i < shape_.state(); ++i) reset_[i] *= h_[i];
  GruState(weights_.second, StepOn(input, reset_), c_, nullptr, nullptr, pool_);
}

}  // namespace squint
