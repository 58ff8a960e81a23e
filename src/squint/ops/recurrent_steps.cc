// squint::LSTMSteps and squint::GRUSteps: the recurrence of one direction,
// apart from the product with the input. Made from LSTM and GRU for targets
// that run everything in integers, and from the Scan that a file has for it;
// step_body.h says what a step is.
//   LSTMSteps(G, R, h, c, scale?, zero_point?) -> Y, Y_h, Y_c
//   GRUSteps(G, R, Rn, h, late_bias?, scale?, zero_point?) -> Y, Y_h
// Y is [steps, batch, hidden]. scale and zero point are those of the grid on
// which the state is multiplied; attributes: reverse, linear_before_reset.
#include "squint/ops/recurrent_steps.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "squint/base/file.h"
#include "squint/ops/integer_sums.h"
#include "squint/ops/interpreter.h"
#include "squint/ops/prepare.h"
#include "squint/ops/qlinear_operands.h"
#include "squint/ops/recurrent_cell.h"
#include "squint/ops/step_body.h"
#include "squint/ops/stored_inputs.h"

namespace squint {
namespace {

bool IsLstm(const Node& node) { return node.op_type == "LSTMSteps"; }
bool IsReverse(const Node& node) { return node.Int("reverse", 0) != 0; }
bool LinearBeforeReset(const Node& node) {
  return node.Int("linear_before_reset", 0) != 0;
}

void InferSteps(InferContext& context) {
  const StepInputs& at = InputsOfSteps(context.node());
  const Shape& gates = context.shape(StepInputs::kGates);
  const Shape& r = context.shape(StepInputs::kWeights);
  for (const auto& [shape, rank] : {std::pair{&gates, 3}, std::pair{&r, 2}}) {
    if (shape->has_rank() && shape->rank() != rank) {
      Fail(ErrorCode::kInvalidModel, "gates need rank 3 and weights rank 2");
    }
  }
  const Dim hidden = r.has_rank() ? r[0] : Dim::Unknown();
  const Dim steps = gates.has_rank() ? gates[0] : Dim::Unknown();
  Dim batch = gates.has_rank() ? gates[1] : Dim::Unknown();
  const Shape& h = context.shape(at.h);
  if (!batch.value() && h.has_rank() && h.rank() == 2) batch = h[0];
  context.SetOutput(0, DType::kFloat32, Shape(DimList{steps, batch, hidden}));
  for (size_t i = 1; i < context.num_outputs(); ++i) {
    context.SetOutput(i, DType::kFloat32, Shape(DimList{batch, hidden}));
  }
}

// The sizes of all inputs agree; `dims` has none for absent ones.
bool SizesAgree(const Node& node, const std::vector<Dims>& dims) {
  const StepInputs& at = InputsOfSteps(node);
  const int64_t gates = IsLstm(node) ? 4 : 3;
  const auto is = [&](size_t i, const Dims& wanted) {
    return i < dims.size() && dims[i] == wanted;
  };
  if (dims.size() <= at.h || dims[StepInputs::kGates].size() != 3 ||
      dims[at.h].size() != 2) {
    return false;
  }
  const int64_t batch = dims[at.h][0];
  const int64_t n = dims[at.h][1];
  const bool late = node.has_input(at.late_bias);
  return is(StepInputs::kGates,
            {dims[StepInputs::kGates][0], batch, gates * n}) &&
         is(StepInputs::kWeights, {n, IsLstm(node) ? 4 * n : 2 * n}) &&
         (IsLstm(node) ? is(at.c, {batch, n})
                       : is(StepInputs::kWeights + 1, {n, n})) &&
         (!late || is(at.late_bias, {n}));
}

// Per tensor, from the inputs; null pointers where they are absent.
std::optional<QuantParams> GridOf(const Tensor* scale, const Tensor* zero) {
  if (scale == nullptr || zero == nullptr) return std::nullopt;
  return PerTensor(zero->dtype(), scale->ToFloats().at(0),
                   static_cast<int32_t>(zero->ToInts().at(0)));
}

const Tensor* InputOrNull(const RunContext& context, size_t i) {
  return i != StepInputs::kNone && context.has(i) ? context.inputs[i] : nullptr;
}

StepParts PartsOf(const RunContext& context) {
  const StepInputs& at = InputsOfSteps(context.node);
  StepParts parts;
  parts.lstm = IsLstm(context.node);
  parts.linear_before_reset = LinearBeforeReset(context.node);
  for (size_t i = 0; i < at.num_weights; ++i) {
    parts.weights.push_back({context.in(StepInputs::kWeights + i), {}});
  }
  if (const Tensor* bias = InputOrNull(context, at.late_bias)) {
    parts.late_bias = *bias;
  }
  parts.grid = GridOf(InputOrNull(context, at.scale),
                      InputOrNull(context, at.zero_point));
  return parts;
}

// [1st axis, ...] -> the piece at `index`, a copy.
Tensor Piece(const Tensor& whole, int64_t index) {
  Tensor piece(DType::kFloat32,
               Dims(whole.dims().begin() + 1, whole.dims().end()));
  std::copy_n(whole.data<float>() + index * piece.size(), piece.size(),
              piece.mutable_data<float>());
  return piece;
}

// The body, step by step.
void RunSteps(RunContext& context) {
  const StepInputs& at = InputsOfSteps(context.node);
  std::vector<Dims> dims;
  for (const Tensor* input : context.inputs) {
    dims.push_back(input == nullptr ? Dims{} : input->dims());
  }
  if (!SizesAgree(context.node, dims)) {
    Fail(ErrorCode::kInvalidModel,
         "the sizes of gates, weights and states do not agree");
  }
  const Graph body = BuildStepBody(PartsOf(context), "step");
  const Tensor& gates = context.in(StepInputs::kGates);
  std::vector<Tensor> states = {context.in(at.h).Materialize()};
  if (IsLstm(context.node)) {
    states.push_back(context.in(at.c).Materialize());
  }
  const int64_t steps = gates.dim(0);
  Tensor y(DType::kFloat32, {steps, states[0].dim(0), states[0].dim(1)});
  for (int64_t i = 0; i < steps; ++i) {
    const int64_t step = IsReverse(context.node) ? steps - 1 - i : i;
    std::vector<Tensor> inputs = states;
    inputs.push_back(Piece(gates, step));
    std::vector<Tensor> results = Interpret(body, inputs);
    std::copy_n(results.back().data<float>(), results.back().size(),
                y.mutable_data<float>() + step * results.back().size());
    results.pop_back();
    states = std::move(results);
  }
  context.outputs[0] = std::move(y);
  for (size_t i = 0; i < states.size(); ++i) {
    if (i + 1 < context.outputs.size()) {
      context.outputs[i + 1] = std::move(states[i]);
    }
  }
}

QuantSpec StepsRule(const QuantizeQuery& query) {
  const StepInputs& at = InputsOfSteps(query.node);
  QuantSpec spec;
  spec.inputs.resize(StepInputs::kWeights + at.num_weights);
  // Without float arithmetic the states are handed on as integers; the cells
  // are not.
  if (query.target.name == "edge") {
    spec.outputs.assign(2, {.role = Role::kActivation});
  }
  for (size_t i = 0; i < at.num_weights; ++i) {
    spec.inputs[StepInputs::kWeights + i] = {
        .role = Role::kWeight, .axis = 1, .reduce_axis = 0};
  }
  return spec;
}

class StepsStep : public Step {
 public:
  StepsStep(const Node& node, const CellShape& shape, int64_t steps,
            std::shared_ptr<const CellWeights> weights)
      : inputs_(InputsOfSteps(node)),
        reverse_(IsReverse(node)),
        shape_(shape),
        steps_(steps),
        weights_(std::move(weights)) {}

  size_t scratch_bytes() const override {
    return static_cast<size_t>(CellRun::ScratchFloats(shape_)) * sizeof(float);
  }

  void Run(const StepArgs& args) const override {
    CellRun run(shape_, *weights_, static_cast<float*>(args.scratch),
                args.pool);
    run.Start(FloatInput(args, inputs_.h),
              shape_.lstm() ? FloatInput(args, inputs_.c) : nullptr);
    const float* gates = FloatInput(args, StepInputs::kGates);
    for (int64_t i = 0; i < steps_; ++i) {
      const int64_t step = reverse_ ? steps_ - 1 - i : i;
      Store(run.Step(gates + step * shape_.batch * shape_.width()), args, 0,
            step);
    }
    Store(run.h(), args, 1, 0);
    if (shape_.lstm()) Store(run.c(), args, 2, 0);
  }

 private:
  void Store(const float* state, const StepArgs& args, size_t output,
             int64_t at) const {
    if (output >= args.outputs.size() || args.outputs[output] == nullptr) {
      return;
    }
    std::copy_n(state, shape_.state(),
                FloatOutput(args, output) + at * shape_.state());
  }

  const StepInputs& inputs_;
  bool reverse_;
  CellShape shape_;
  int64_t steps_;
  std::shared_ptr<const CellWeights> weights_;
};

const Tensor* ConstantOrNull(const PrepareContext& context, size_t i) {
  return i < context.constants.size() ? context.constants[i] : nullptr;
}

bool IsWeight(const Node& node, size_t input) {
  return input - StepInputs::kWeights < InputsOfSteps(node).num_weights;
}

bool HasKernel(const PrepareContext& context) {
  const StepInputs& at = InputsOfSteps(context.node);
  if (!SizesAgree(context.node, context.input_dims)) return false;
  for (size_t i = 0; i < context.constants.size(); ++i) {
    if (!context.has(i)) continue;
    const bool varies = i == StepInputs::kGates || i == at.h || i == at.c;
    if (varies && (context.input_dtypes[i] != DType::kFloat32 ||
                   ElementCount(context.input_dims[i]) == 0)) {
      return false;
    }
    if (!varies && context.constants[i] == nullptr) return false;
    if (IsStored(context, i) && !IsWeight(context.node, i)) return false;
  }
  return true;
}

// The two matrices of GRU are packed apart.
CellWeights Joined(const std::vector<StateWeights>& packed) {
  CellWeights weights;
  weights.first = packed[0];
  if (packed.size() > 1) weights.second = packed[1];
  return weights;
}

CellWeights PackReal(const PrepareContext& context, int64_t hidden) {
  std::vector<StateWeights> packed;
  for (size_t i = 0; i < InputsOfSteps(context.node).num_weights; ++i) {
    const Tensor& r = *context.constants[StepInputs::kWeights + i];
    packed.push_back(PackStateWeights(hidden, r.dim(1) / hidden,
                                      {r.data<float>(), r.dim(1), 1}));
  }
  return Joined(packed);
}

// Nullopt where a matrix is not stored or cannot be read so, or where real
// numbers are as good. Integers where the state is rounded to 8 bits.
std::optional<CellWeights> PackStoredWeights(
    const PrepareContext& context, const CellShape& shape,
    const std::optional<QuantParams>& grid) {
  std::vector<CentredMatrix> matrices;
  for (size_t i = 0; i < InputsOfSteps(context.node).num_weights; ++i) {
    const size_t input = StepInputs::kWeights + i;
    if (!IsStored(context, input)) return std::nullopt;
    const Tensor r = context.constants[input]->Materialize();
    auto matrix = CentredMatrixOf(r, *context.stored[input],
                                  {.terms = r.dim(0),
                                   .columns = r.dim(1),
                                   .term_stride = r.dim(1),
                                   .column_stride = 1,
                                   .term_axis = 0});
    if (!matrix) return std::nullopt;
    ReleasePages({r.raw(), r.bytes()});
    matrices.push_back(std::move(*matrix));
  }
  const bool integers = grid && IsByte(grid->dtype) &&
                        std::ranges::all_of(matrices, CanBeIntegers);
  if (!integers && !PaysToStayStored(shape)) return std::nullopt;
  const StateForm form = integers ? StateForm::kIntegers : StateForm::kStored;
  std::vector<StateWeights> packed;
  for (const CentredMatrix& r : matrices) packed.push_back(PackStored(r, form));
  return Joined(packed);
}

// Null where they are stored in a form that is for the real numbers.
std::shared_ptr<const CellWeights> PackWeights(const PrepareContext& context,
                                               const CellShape& shape) {
  const StepInputs& at = InputsOfSteps(context.node);
  const std::optional<QuantParams> grid =
      GridOf(ConstantOrNull(context, at.scale),
             ConstantOrNull(context, at.zero_point));
  auto weights = std::make_shared<CellWeights>();
  if (AnyStored(context)) {
    auto stored = PackStoredWeights(context, shape, grid);
    if (!stored) return nullptr;
    *weights = std::move(*stored);
  } else {
    *weights = PackReal(context, shape.hidden);
  }
  weights->late_bias.assign(static_cast<size_t>(shape.hidden), 0.0f);
  if (const Tensor* bias = ConstantOrNull(context, at.late_bias)) {
    weights->late_bias = bias->ToFloats();
  }
  if (grid) {
    weights->rounding = StateRounding::kGrid;
    weights->grid = *grid;
  }
  return weights;
}

// Of weights as they are stored, or of their real numbers.
std::unique_ptr<Step> PrepareSteps(const PrepareContext& context) {
  if (!HasKernel(context)) return nullptr;
  const Dims& gates = context.input_dims[StepInputs::kGates];
  const CellShape shape{.batch = gates[1],
                        .hidden = context.input_dims[StepInputs::kWeights][0],
                        .gates = IsLstm(context.node) ? 4 : 3,
                        .linear_before_reset = LinearBeforeReset(context.node)};
  auto weights = context.packs.Get<CellWeights>(
      context.pack_key + (AnyStored(context) ? "/stored" : "/steps"),
      [&] { return PackWeights(context, shape); });
  if (weights == nullptr) return nullptr;
  return std::make_unique<StepsStep>(context.node, shape, gates[0],
                                     std::move(weights));
}

}  // namespace

extern constinit const OpDef kGRUStepsOp = {
    .type = "GRUSteps",
    .domain = "squint",
    .infer = InferSteps,
    .reference = RunSteps,
    .integer_reference = DequantizedReference<RunSteps>,
    .quantize = StepsRule,
    .prepare = PrepareSteps,
    .prepare_stored = PrepareSteps,
};
extern constinit const OpDef kLSTMStepsOp = {
    .type = "LSTMSteps",
    .domain = "squint",
    .infer = InferSteps,
    .reference = RunSteps,
    .integer_reference = DequantizedReference<RunSteps>,
    .quantize = StepsRule,
    .prepare = PrepareSteps,
    .prepare_stored = PrepareSteps,
};

}  // namespace squint
