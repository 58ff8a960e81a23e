// LSTM and GRU on kernels, in their common form: the standard activations, no
// clipping, peepholes or sequence lengths, constant weights. The input's part
// of all steps is one matrix product (recurrent_input.h); each step then adds
// the state's part (recurrent_cell.h). Weights that are stored as integers stay
// so in memory, but those that many rows of the input are multiplied with.
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "squint/base/file.h"
#include "squint/kernels/qgemm/qgemm.h"
#include "squint/ops/prepare.h"
#include "squint/ops/qlinear_operands.h"
#include "squint/ops/recurrent.h"
#include "squint/ops/recurrent_cell.h"
#include "squint/ops/recurrent_input.h"
#include "squint/ops/scratch.h"
#include "squint/ops/stored_inputs.h"

namespace squint {
namespace {

constexpr size_t kX = 0, kW = 1, kR = 2, kB = 3, kLengths = 4, kInitialH = 5,
                 kInitialC = 6, kPeephole = 7;
// Of DynamicQuantizeLSTM; each is followed by the zero point.
constexpr size_t kWScale = 8, kRScale = 10;

struct Sizes {
  CellShape cell;
  int64_t steps = 0;
  int64_t input = 0;
  int64_t directions = 1;
  bool reverse = false;  // the first direction runs backwards

  int64_t rows() const { return steps * cell.batch; }  // of the input
};

// One direction's weights; both directions.
using Inputs = std::vector<InputWeights>;
using Cells = std::vector<CellWeights>;

// Biases of input and state add up, except where the reset gate scales the
// state's: the latter is `late`.
void SplitBias(const CellShape& s, const float* b, std::vector<float>& bias,
               std::vector<float>& late) {
  const auto width = static_cast<size_t>(s.width());
  const auto hidden = static_cast<size_t>(s.hidden);
  bias.assign(width, 0.0f);
  late.assign(hidden, 0.0f);
  if (b == nullptr) return;
  for (size_t i = 0; i < width; ++i) {
    bias[i] = b[i];
    if (!s.lstm() && s.linear_before_reset && i >= 2 * hidden) {
      late[i - 2 * hidden] = b[width + i];
    } else {
      bias[i] += b[width + i];
    }
  }
}

// The weights of a node, in the form that it gives them.
class Packing {
 public:
  Packing(const PrepareContext& context, const Sizes& sizes)
      : context_(context), s_(sizes) {}

  std::shared_ptr<const Cells> PackCells() const {
    auto cells = std::make_shared<Cells>();
    for (int64_t d = 0; d < s_.directions; ++d) {
      auto cell = PackOneCell(d);
      if (!cell) return nullptr;
      std::vector<float> bias;
      SplitBias(s_.cell, Bias(d), bias, cell->late_bias);
      cells->push_back(std::move(*cell));
    }
    Release(kR);
    return cells;
  }

  std::shared_ptr<const Inputs> PackInputs(bool few_rows) const {
    auto inputs = std::make_shared<Inputs>();
    for (int64_t d = 0; d < s_.directions; ++d) {
      auto input = PackOneInput(d, few_rows);
      if (!input) return nullptr;
      std::vector<float> late;
      SplitBias(s_.cell, Bias(d), input->bias, late);
      inputs->push_back(std::move(*input));
    }
    Release(kW);
    return inputs;
  }

 private:
  std::optional<CellWeights> PackOneCell(int64_t d) const {
    const auto stored = Stored(kR, d, s_.cell.hidden);
    if (IsDynamic()) {
      if (!stored || !CanBeIntegers(*stored)) return std::nullopt;
      auto cell = PackStoredCell(s_.cell, *stored, StateForm::kIntegers);
      cell.rounding = StateRounding::kOwnRange;
      return cell;
    }
    if (stored && PaysToStayStored(s_.cell)) {
      return PackStoredCell(s_.cell, *stored, StateForm::kStored);
    }
    const Tensor r = Real(kR);
    return PackCell(s_.cell, {r.data<float>() + d * r.dim(1) * r.dim(2), 1,
                              s_.cell.hidden});
  }

  std::optional<InputWeights> PackOneInput(int64_t d, bool few_rows) const {
    if (IsDynamic() || few_rows) {
      const auto stored = Stored(kW, d, s_.input);
      if (IsDynamic()) {
        if (!stored || stored->group != s_.input) return std::nullopt;
        return PackRowInput(*stored);
      }
      if (stored && FitsInputGroups(*stored)) return PackGroupInput(*stored);
    }
    const Tensor w = Real(kW);
    return PackRealInput(
        s_.input, s_.cell.width(),
        {w.data<float>() + d * w.dim(1) * w.dim(2), 1, s_.input});
  }

  // Pages of the file that will not be read again.
  void Release(size_t i) const {
    const Tensor weight = context_.constants[i]->Materialize();
    if (IsDynamic() || IsStored(context_, i)) {
      ReleasePages({weight.raw(), weight.bytes()});
    }
  }

  bool IsDynamic() const { return context_.has(kWScale); }

  const float* Bias(int64_t d) const {
    return context_.has(kB)
               ? context_.constants[kB]->data<float>() + d * 2 * s_.cell.width()
               : nullptr;
  }

  Tensor Real(size_t i) const {
    const Tensor& weight = *context_.constants[i];
    return IsStored(context_, i) ? DequantizeTensor(weight, *context_.stored[i])
                                 : weight.Materialize();
  }

  // Of LSTM and GRU [directions, width, terms]; of DynamicQuantizeLSTM
  // [directions, terms, width].
  std::optional<CentredMatrix> Stored(size_t i, int64_t d,
                                      int64_t terms) const {
    const Tensor& weight = *context_.constants[i];
    const int64_t width = s_.cell.width();
    if (IsDynamic()) {
      const auto params = DynamicParamsOf(i == kW ? kWScale : kRScale, weight);
      if (!params) return std::nullopt;
      return CentredMatrixOf(weight, *params,
                             {d * terms * width, terms, width, width, 1, 1});
    }
    if (!IsStored(context_, i)) return std::nullopt;
    return CentredMatrixOf(weight, *context_.stored[i],
                           {d * terms * width, terms, width, 1, terms, 2});
  }

  // One scale for each direction, or for each of its columns.
  std::optional<QuantParams> DynamicParamsOf(size_t scale,
                                             const Tensor& weight) const {
    if (!context_.has(scale + 1)) return std::nullopt;
    QuantParams params{
        .dtype = weight.dtype(),
        .scale = context_.constants[scale]->Materialize(),
        .zero_point = context_.constants[scale + 1]->Materialize()};
    Dims dims = {s_.directions};
    params.axis = 0;
    if (params.scale.size() != s_.directions) {
      dims = {s_.directions, 1, s_.cell.width()};
      params.axis = 1;
      params.block = weight.dim(1);
    }
    if (params.scale.size() != ElementCount(dims) ||
        params.zero_point.size() != ElementCount(dims)) {
      return std::nullopt;
    }
    params.scale = params.scale.Reshaped(dims);
    params.zero_point = params.zero_point.Reshaped(dims);
    return params;
  }

  const PrepareContext& context_;
  const Sizes& s_;
};

class RecurrentStep : public Step {
 public:
  RecurrentStep(const Sizes& sizes, int threads,
                std::shared_ptr<const Inputs> inputs,
                std::shared_ptr<const Cells> cells)
      : s_(sizes),
        product_(sizes.rows(), threads),
        inputs_(std::move(inputs)),
        cells_(std::move(cells)) {}

  // What the input gives, the cell, and behind them what the product needs.
  size_t scratch_bytes() const override {
    size_t product = 0;
    for (const InputWeights& weights : *inputs_) {
      product = std::max(product, product_.ScratchBytes(weights));
    }
    return product_at() + product;
  }

  void Run(const StepArgs& args) const override {
    auto* from_input = static_cast<float*>(args.scratch);
    float* cell = from_input + InputFloats();
    void* scratch = static_cast<std::byte*>(args.scratch) + product_at();
    for (int64_t d = 0; d < s_.directions; ++d) {
      const auto which = static_cast<size_t>(d);
      product_.Run((*inputs_)[which], FloatInput(args, kX), from_input, scratch,
                   args.pool);
      CellRun run(s_.cell, (*cells_)[which], cell, args.pool);
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
  size_t product_at() const {
    const int64_t floats = InputFloats() + CellRun::ScratchFloats(s_.cell);
    return Padded(static_cast<size_t>(floats) * sizeof(float));
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
  InputProduct product_;
  std::shared_ptr<const Inputs> inputs_;
  std::shared_ptr<const Cells> cells_;
};

bool IsConstantWeight(const PrepareContext& context, size_t i) {
  const Tensor* weight = context.constants[i];
  return weight != nullptr && weight->rank() == 3 && weight->size() > 0;
}

// Beside the weights everything is float32.
bool IsCommonForm(const PrepareContext& context) {
  const Node& node = context.node;
  if (context.has(kLengths) || context.has(kPeephole) ||
      !IsConstantWeight(context, kW) || !IsConstantWeight(context, kR) ||
      (context.has(kB) && context.constants[kB] == nullptr)) {
    return false;
  }
  for (const size_t i : {kX, kB, kInitialH, kInitialC}) {
    if (!context.has(i)) continue;
    if (context.input_dtypes[i] != DType::kFloat32 || IsStored(context, i) ||
        ElementCount(context.input_dims[i]) == 0) {
      return false;
    }
  }
  return HasDefaultActivations(node) && node.Float("clip", 0.0f) == 0.0f &&
         node.Int("layout", 0) == 0 && node.Int("input_forget", 0) == 0 &&
         ElementCount(context.output_dims[0]) > 0;
}

// `hidden_axis`: of R, where its states lie.
Sizes SizesOf(const PrepareContext& context, int hidden_axis) {
  const Node& node = context.node;
  const Dims& x = context.input_dims[kX];
  const Tensor& r = *context.constants[kR];
  const int64_t hidden = r.dim(hidden_axis);
  return {
      .cell = {.batch = x[1],
               .hidden = hidden,
               .gates = r.dim(3 - hidden_axis) / hidden,
               .linear_before_reset = node.Int("linear_before_reset", 0) != 0},
      .steps = x[0],
      .input = x[2],
      .directions = r.dim(0),
      .reverse = node.String("direction", "forward") == "reverse"};
}

std::unique_ptr<Step> Prepare(const PrepareContext& context,
                              const Sizes& sizes) {
  const Packing packing(context, sizes);
  const std::string key =
      context.pack_key + (AnyStored(context) ? "/stored" : "");
  const bool few_rows =
      sizes.rows() <= FewInputRows(sizes.input, sizes.cell.width());
  auto cells = context.packs.Get<Cells>(key + "/cells",
                                        [&] { return packing.PackCells(); });
  if (cells == nullptr) return nullptr;
  auto inputs =
      context.packs.Get<Inputs>(key + (few_rows ? "/few_inputs" : "/inputs"),
                                [&] { return packing.PackInputs(few_rows); });
  if (inputs == nullptr) return nullptr;
  return std::make_unique<RecurrentStep>(sizes, context.threads,
                                         std::move(inputs), std::move(cells));
}

}  // namespace

// Of real weights, or (prepare_stored) of integers where the state's are such.
std::unique_ptr<Step> PrepareRecurrent(const PrepareContext& context) {
  if (!IsCommonForm(context)) return nullptr;
  for (const size_t i : {kW, kR}) {
    if (context.input_dtypes[i] != DType::kFloat32) return nullptr;
  }
  return Prepare(context, SizesOf(context, 2));
}

std::unique_ptr<Step> PrepareDynamicLstm(const PrepareContext& context) {
  if (!IsCommonForm(context) || !context.has(kRScale)) return nullptr;
  for (const size_t i : {kWScale, kRScale}) {
    if (context.constants[i] == nullptr ||
        context.constants[i + 1] == nullptr) {
      return nullptr;
    }
  }
  const Sizes sizes = SizesOf(context, 1);
  const bool fits = sizes.input <= kMaxQuantizedDepth &&
                    IsByte(context.constants[kW]->dtype()) &&
                    IsByte(context.constants[kR]->dtype());
  return fits ? Prepare(context, sizes) : nullptr;
}

}  // namespace squint
