// LSTM and GRU: the recurrence behind the product with the input
// (ops/recurrent_steps.h). States are zeros before the first step and kept
// between runs; where one is given, all begin anew in each run.
#include <algorithm>
#include <cmath>
#include <limits>

#include "squint/fixed/state_grids.h"
#include "squint/fixed/step_list.h"
#include "squint/fixed/steps/weights.h"
#include "squint/kernels/fixed/fill.h"
#include "squint/kernels/fixed/gru.h"
#include "squint/kernels/fixed/lstm.h"
#include "squint/kernels/fixed/state_copy.h"
#include "squint/ops/recurrent_steps.h"

namespace squint {
namespace {

// Of kernels/fixed/cell.h.
constexpr double kSumScale = 1.0 / (1 << 12);
constexpr double kStateScale = kStateStep;
constexpr int kCurvePoints = 257;
constexpr double kCurveStep = 1.0 / 32;

struct Curves {
  std::vector<int16_t> sigmoid;
  std::vector<int16_t> tanh;
};

template <typename F>
std::vector<int16_t> Curve(F function) {
  std::vector<int16_t> points;
  for (int i = 0; i < kCurvePoints; ++i) {
    const double value = std::round(function(i * kCurveStep) / kStateScale);
    points.push_back(static_cast<int16_t>(
        std::min<double>(value, std::numeric_limits<int16_t>::max())));
  }
  return points;
}

Curves GateCurves() {
  return {Curve([](double x) { return 1 / (1 + std::exp(-x)); }),
          Curve([](double x) { return std::tanh(x); })};
}

// A state as 8 bits of a result, or as it is.
struct Rounding {
  bool wanted = false;
  bool whole = false;  // all 16 bits
  FixedFactor factor = {};
  int32_t zero = 0;
};

bool IsOnGrid(const FixedOperand& operand, float step) {
  const FixedGrid grid = GridOf(operand, DType::kInt16);
  return grid.scale == step && grid.zero == 0;
}

// `step`: of the 16 bits.
Rounding RoundingOf(const FixedOperation& operation, size_t output,
                    float step) {
  if (output >= operation.outputs.size() || !operation.outputs[output].has()) {
    return {};
  }
  const FixedOperand& y = operation.outputs[output];
  if (y.dtype == DType::kInt16) {
    Require(IsOnGrid(y, step), "its states have another grid than 16-bit ones");
    return {.wanted = true, .whole = true};
  }
  const FixedGrid grid = GridOf(y);
  return {true, false, FactorOf(double{step} / grid.scale), grid.zero};
}

// The input that has initial states; nullopt: they are zeros.
std::optional<size_t> GivenStates(const FixedOperation& operation, size_t input,
                                  float step) {
  if (input == StepInputs::kNone || !operation.has(input)) return std::nullopt;
  Require(IsOnGrid(operation.inputs[input], step),
          "its initial states have another grid than 16-bit ones");
  return input;
}

// The grid on which states are multiplied, from inputs of the node.
Grid StateGrid(const FixedOperation& operation) {
  const StepInputs& at = InputsOfSteps(operation.node);
  Require(operation.has(at.scale) && operation.has(at.zero_point) &&
              operation.inputs[at.scale].constant != nullptr &&
              operation.inputs[at.zero_point].constant != nullptr &&
              operation.inputs[at.zero_point].dtype == DType::kInt8,
          "its state is multiplied on no grid of int8");
  return {{operation.inputs[at.scale].constant->ToFloats().at(0)},
          {static_cast<int32_t>(
              operation.inputs[at.zero_point].constant->ToInts().at(0))}};
}

struct Recurrence {
  explicit Recurrence(const FixedOperation& operation)
      : all(RoundingOf(operation, 0, kStateStep)),
        last(RoundingOf(operation, 1, kStateStep)),
        last_cell(RoundingOf(operation, 2, kCellStep)) {
    const StepInputs& at = InputsOfSteps(operation.node);
    h = GivenStates(operation, at.h, kStateStep);
    c = GivenStates(operation, at.c, kCellStep);
    planes = at.c == StepInputs::kNone ? 1 : 2;
    Require(!all.whole, "all its states are wanted with 16 bits");
    const Dims& g = operation.inputs[StepInputs::kGates].dims;
    const Dims& r = operation.inputs[StepInputs::kWeights].dims;
    Require(g.size() == 3 && r.size() == 2 && g[2] % r[0] == 0,
            "its sizes do not agree");
    const FixedGrid gates = GridOf(operation.inputs[StepInputs::kGates]);
    const Grid state = StateGrid(operation);
    // Sums of 255 steps stay below 2^29. A step of more is far beyond where
    // gates are flat.
    constexpr double kMostScale = 1 << 8;
    const FixedFactor input =
        FactorOf(std::min(gates.scale, kMostScale) / kSumScale);
    const FixedFactor product = FactorOf(kStateScale / state.scales[0]);
    cell = {.steps = Size(g[0]),
            .batch = Size(g[1]),
            .hidden = Size(r[0]),
            .reverse = operation.node.Int("reverse", 0) != 0 ? 1 : 0,
            .g_multiplier = input.multiplier,
            .g_shift = input.shift,
            .zero_g = gates.zero,
            .q_multiplier = product.multiplier,
            .q_shift = product.shift,
            .zero_q = state.zeros[0],
            .y_multiplier = all.factor.multiplier,
            .y_shift = all.factor.shift,
            .zero_y = all.zero};
  }

  int32_t states() const { return cell.batch * cell.hidden; }
  // Bytes of the states or of the cells, and of both.
  size_t plane() const { return 2 * static_cast<size_t>(states()); }
  size_t memory() const { return planes * plane(); }
  bool is_given() const { return h || c; }

  // Where states are from the first to the last, cells behind them; scratch
  // memory where they begin anew.
  template <typename Machine>
  auto Memory(Machine& m, size_t offset = 0) const {
    return is_given() ? m.Scratch(offset) : m.State(offset);
  }
  // Of a step's own scratch memory, behind that.
  size_t scratch_begin() const { return is_given() ? memory() : 0; }

  template <typename Machine>
  void Begin(Machine& m) const {
    if (!is_given()) return;
    BeginPlane(m, h, 0);
    if (planes > 1) BeginPlane(m, c, plane());
  }
  template <typename Machine>
  void BeginPlane(Machine& m, std::optional<size_t> input,
                  size_t offset) const {
    const int32_t bytes = Size(static_cast<int64_t>(plane()));
    if (input) {
      m.Call(SQUINT_KERNEL("state_copy", squint_copy_states), m.Number(bytes),
             m.In(*input), m.Scratch(offset));
    } else {
      m.Call(SQUINT_KERNEL("fill", squint_fill), m.Number(bytes), m.Number(0),
             m.Scratch(offset));
    }
  }

  // The last states and cells, from the memory where they are.
  template <typename Machine>
  void Finish(Machine& m) const {
    FinishPlane(m, last, 0, 1);
    FinishPlane(m, last_cell, plane(), 2);
  }
  template <typename Machine>
  void FinishPlane(Machine& m, const Rounding& rounding, size_t offset,
                   size_t output) const {
    if (!rounding.wanted) return;
    if (rounding.whole) {
      m.Call(SQUINT_KERNEL("state_copy", squint_copy_states),
             m.Number(Size(static_cast<int64_t>(plane()))), Memory(m, offset),
             m.Out(output));
      return;
    }
    m.Call(SQUINT_KERNEL("state", squint_round_states), m.Number(states()),
           m.Number(rounding.factor.multiplier),
           m.Number(rounding.factor.shift), m.Number(rounding.zero),
           Memory(m, offset), m.Out(output));
  }
  template <typename Machine>
  auto AllStates(Machine& m) const {
    return all.wanted ? m.Out(0) : m.template Null<int8_t>();
  }
  int64_t macs(int64_t gates) const {
    return int64_t{cell.steps} * states() * gates * cell.hidden;
  }

  squint_cell cell;
  Rounding all;
  Rounding last;
  Rounding last_cell;
  std::optional<size_t> h;  // inputs that have initial states
  std::optional<size_t> c;
  size_t planes = 1;  // 2: with cells
};

class LstmStep : public StepOf<LstmStep> {
 public:
  LstmStep(const Recurrence& recurrence, FixedWeights weights)
      : r_(recurrence), weights_(std::move(weights)), curves_(GateCurves()) {}
  // Scratch: a row's states of 8 bits.
  template <typename Machine>
  void Do(Machine& m) const {
    r_.Begin(m);
    m.Call(SQUINT_KERNEL("lstm", squint_lstm), m.Params("squint_cell", r_.cell),
           m.Weights(weights_), m.Array("sigmoid", curves_.sigmoid),
           m.Array("tanh", curves_.tanh), m.In(0), r_.Memory(m),
           r_.Memory(m, r_.plane()), m.Scratch(r_.scratch_begin()),
           r_.AllStates(m));
    r_.Finish(m);
  }
  size_t scratch_bytes() const override {
    return r_.scratch_begin() + static_cast<size_t>(r_.cell.hidden);
  }
  size_t state_bytes() const override {
    return r_.is_given() ? 0 : r_.memory();
  }
  int64_t macs() const override { return r_.macs(4); }

 private:
  Recurrence r_;
  FixedWeights weights_;
  Curves curves_;
};

class GruStep : public StepOf<GruStep> {
 public:
  // `bias`: of the fresh state's gate, beside the reset; else empty.
  GruStep(const Recurrence& recurrence, FixedWeights gates, FixedWeights fresh,
          std::vector<int32_t> bias)
      : r_(recurrence),
        gates_(std::move(gates)),
        fresh_(std::move(fresh)),
        bias_(std::move(bias)),
        curves_(GateCurves()) {}
  template <typename Machine>
  void Do(Machine& m) const {
    const auto call = [&](const auto& bias) {
      m.Call(SQUINT_KERNEL("gru", squint_gru), m.Params("squint_cell", r_.cell),
             m.Weights(gates_), m.Weights(fresh_), bias,
             m.Array("sigmoid", curves_.sigmoid), m.Array("tanh", curves_.tanh),
             m.In(0), r_.Memory(m), m.Scratch(r_.scratch_begin()),
             r_.AllStates(m));
    };
    r_.Begin(m);
    bias_.empty() ? call(m.template Null<const int32_t>())
                  : call(m.Array("bias", bias_));
    r_.Finish(m);
  }
  size_t scratch_bytes() const override {
    return r_.scratch_begin() + 6 * static_cast<size_t>(r_.cell.hidden);
  }
  size_t state_bytes() const override {
    return r_.is_given() ? 0 : r_.memory();
  }
  int64_t macs() const override { return r_.macs(3); }

 private:
  Recurrence r_;
  FixedWeights gates_;
  FixedWeights fresh_;
  std::vector<int32_t> bias_;
  Curves curves_;
};

// `count` numbers of the gates' bias from `first` on; zeros where there is
// none.
std::vector<float> BiasPart(const FixedOperation& operation, int64_t first,
                            int64_t count) {
  const FixedOperand& bias = operation.inputs.back();
  if (!bias.has()) return std::vector<float>(static_cast<size_t>(count));
  const std::vector<float> whole = bias.constant->ToFloats();
  Require(whole.size() == static_cast<size_t>(operation.inputs[0].dims.back()),
          "the bias of its gates is no row");
  return {whole.begin() + first, whole.begin() + first + count};
}

// The weights of input `input` [hidden, columns] with this bias, so that sums
// get 12 fractional bits.
FixedWeights WeightsOf(const FixedOperation& operation, size_t input,
                       const std::vector<float>& bias) {
  FixedOperation product;
  const FixedOperand& r = operation.inputs[input];
  const int64_t columns = r.dims.at(1);
  product.inputs = {{.id = 0,
                     .dtype = DType::kInt8,
                     .dims = {1, r.dims[0]},
                     .constant = nullptr,
                     .grid = StateGrid(operation)},
                    r,
                    {}};
  product.outputs = {{.id = 0,
                      .dtype = DType::kInt8,
                      .dims = {1, columns},
                      .constant = nullptr,
                      .grid = Grid{{static_cast<float>(kSumScale)}, {0}}}};
  Require(r.grid.has_value(), "the scales of its weight are not known");
  Tensor steps(DType::kInt32, {columns});
  for (int64_t c = 0; c < columns; ++c) {
    const std::vector<float>& scales = r.grid->scales;
    const double scale =
        double{product.inputs[0].grid->scales[0]} *
        scales[scales.size() == 1 ? 0 : static_cast<size_t>(c)];
    const double step =
        std::round(double{bias[static_cast<size_t>(c)]} / scale);
    Require(std::abs(step) < double{std::numeric_limits<int32_t>::max()},
            "a bias does not fit 32 bits");
    steps.mutable_data<int32_t>()[c] = static_cast<int32_t>(step);
  }
  product.inputs[2] = {.id = 0,
                       .dtype = DType::kInt32,
                       .dims = {columns},
                       .constant = &steps,
                       .grid = {}};
  FixedWeightOrder order{.channels = columns, .terms = {}, .channel_stride = 1};
  for (int64_t k = 0; k < r.dims[0]; ++k) order.terms.push_back(k * columns);
  return MakeWeights(product, order);
}

// Columns gate by gate become unit by unit.
FixedWeights Interleaved(const FixedWeights& weights, int64_t gates) {
  FixedWeights turned;
  const int64_t hidden = static_cast<int64_t>(weights.bias.size()) / gates;
  for (int64_t unit = 0; unit < hidden; ++unit) {
    for (int64_t gate = 0; gate < gates; ++gate) {
      const int64_t column = gate * hidden + unit;
      const auto at = static_cast<size_t>(column);
      const auto row = weights.values.begin() + column * hidden;
      turned.values.insert(turned.values.end(), row, row + hidden);
      turned.bias.push_back(weights.bias[at]);
      turned.multiplier.push_back(weights.multiplier[at]);
      turned.shift.push_back(weights.shift[at]);
    }
  }
  return turned;
}

// Numbers with 12 fractional bits.
std::vector<int32_t> SumsOf(const std::vector<float>& bias) {
  std::vector<int32_t> sums;
  for (const float b : bias) {
    const double steps = std::round(double{b} / kSumScale);
    Require(std::abs(steps) < (1 << 28), "a bias is too large");
    sums.push_back(static_cast<int32_t>(steps));
  }
  return sums;
}

}  // namespace

std::unique_ptr<FixedStep> MakeLstmStep(const FixedOperation& operation) {
  const Recurrence recurrence(operation);
  const int64_t columns = 4 * int64_t{recurrence.cell.hidden};
  return std::make_unique<LstmStep>(
      recurrence, Interleaved(WeightsOf(operation, StepInputs::kWeights,
                                        BiasPart(operation, 0, columns)),
                              4));
}

std::unique_ptr<FixedStep> MakeGruStep(const FixedOperation& operation) {
  const StepInputs& at = kGruStepInputs;
  const Recurrence recurrence(operation);
  const int64_t n = recurrence.cell.hidden;
  FixedWeights gates = Interleaved(
      WeightsOf(operation, StepInputs::kWeights, BiasPart(operation, 0, 2 * n)),
      2);
  const std::vector<float> own = BiasPart(operation, 2 * n, n);
  if (operation.node.Int("linear_before_reset", 0) == 0) {
    return std::make_unique<GruStep>(
        recurrence, std::move(gates),
        WeightsOf(operation, StepInputs::kWeights + 1, own),
        std::vector<int32_t>());
  }
  std::vector<float> late(static_cast<size_t>(n));
  if (operation.has(at.late_bias)) {
    Require(operation.inputs[at.late_bias].constant != nullptr,
            "its bias is computed");
    late = operation.inputs[at.late_bias].constant->ToFloats();
  }
  return std::make_unique<GruStep>(
      recurrence, std::move(gates),
      WeightsOf(operation, StepInputs::kWeights + 1, late), SumsOf(own));
}

}  // namespace squint
