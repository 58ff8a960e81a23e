// squint::LayerNormalizationToBytes: a sum (of a block and what passes it by),
// its LayerNormalization, a factor of each column and the QuantizeLinear behind
// them in one node. Made when a network is lowered to integers. The numbers
// are those of the operators.
#include "squint/ops/layer_normalization_to_bytes.h"

#include <utility>

#include "squint/kernels/rows/rows.h"
#include "squint/ops/infer.h"
#include "squint/ops/op.h"
#include "squint/ops/operand_params.h"
#include "squint/ops/part.h"
#include "squint/ops/prepare.h"
#include "squint/ops/qlinear_operands.h"
#include "squint/ops/quant_rules.h"
#include "squint/ops/row_parameter.h"

namespace squint {
namespace {

using In = NormalizationInputs;

void InferLayerNormalizationToBytes(InferContext& context) {
  CheckInputCount(context.node(), In::kCount);
  const size_t bytes = context.num_outputs() - 1;
  context.SetOutput(0, DType::kFloat32, context.shape(In::kX));
  context.SetOutput(bytes, context.dtype(In::kResultZero),
                    context.shape(In::kX));
}

void RunLayerNormalizationToBytes(RunContext& context) {
  Tensor x = context.in(In::kX);
  const Dims dims = x.dims();
  if (context.has(In::kAdded)) {
    x = RunPart(PartOf("Add"), {&x, &context.in(In::kAdded)});
  }
  Node normalization = PartOf("LayerNormalization");
  normalization.attributes = context.node.attributes;
  const Tensor* bias =
      context.has(In::kBias) ? &context.in(In::kBias) : nullptr;
  Tensor real =
      RunPart(std::move(normalization), {&x, &context.in(In::kScale), bias});
  Tensor scaled = real;
  if (context.has(In::kFactor)) {
    scaled = RunPart(PartOf("Mul"), {&real, &context.in(In::kFactor)});
  }
  if (scaled.dims() != dims) {
    Fail(ErrorCode::kInvalidModel, "what is added or multiplied makes {} of {}",
         DimsToString(scaled.dims()), DimsToString(dims));
  }
  const Tensor& zero = context.in(In::kResultZero);
  context.outputs[0] = std::move(real);
  context.outputs.back() = QuantizeTensor(
      scaled, OperandParams(zero, &context.in(In::kResultScale), &zero, -1));
}

class LayerNormalizationToBytesStep : public Step {
 public:
  // args: but for what a run brings.
  LayerNormalizationToBytesStep(const NormalizeBytesArgs& args, bool has_real,
                                int threads)
      : args_(args),
        has_real_(has_real),
        scratch_(has_real ? 0
                          : RowBytesScratch(args.rows, args.length, threads)) {}

  void Run(const StepArgs& args) const override {
    NormalizeBytesArgs a = args_;
    a.x = FloatInput(args, In::kX);
    a.scale = FloatInput(args, In::kScale);
    a.shift = FloatInput(args, In::kBias);
    a.added = FloatInput(args, In::kAdded);
    a.factor = FloatInput(args, In::kFactor);
    a.y = args.outputs.back();
    if (has_real_) a.real = FloatOutput(args);
    a.scratch = static_cast<float*>(args.scratch);
    NormalizeToBytes(a, args.pool);
  }
  // The real results take x's place.
  bool can_run_in_place() const override { return has_real_; }
  size_t scratch_bytes() const override {
    return static_cast<size_t>(scratch_) * sizeof(float);
  }

 private:
  NormalizeBytesArgs args_;
  bool has_real_;
  int64_t scratch_;
};

// All operands are float32, and those of rows as long as a row.
bool HasRowOperands(const PrepareContext& context, int64_t length, int axis) {
  const Dims& x = context.input_dims[In::kX];
  for (size_t i = 0; i < In::kResultScale; ++i) {
    if (!context.has(i)) continue;
    const Dims& dims = context.input_dims[i];
    if (context.input_dtypes[i] != DType::kFloat32) return false;
    const bool fits =
        i == In::kX || i == In::kAdded
            ? dims == x
            : ElementCount(dims) == length && LiesAlongRow(dims, x, axis);
    if (!fits) return false;
  }
  return true;
}

std::unique_ptr<Step> PrepareLayerNormalizationToBytes(
    const PrepareContext& context) {
  const Dims& dims = context.input_dims[In::kX];
  const auto grid = ByteGridOf(context, In::kResultScale, In::kResultZero,
                               context.output_dtypes.back());
  if (!grid || dims.empty() || ElementCount(dims) == 0) return nullptr;
  const int axis = NormalizeAxis(context.node.Int("axis", -1),
                                 static_cast<int>(dims.size()));
  NormalizeBytesArgs args;
  args.length = 1;
  for (size_t i = static_cast<size_t>(axis); i < dims.size(); ++i) {
    args.length *= dims[i];
  }
  if (!HasRowOperands(context, args.length, axis)) return nullptr;
  args.rows = ElementCount(dims) / args.length;
  args.epsilon = context.node.Float("epsilon", 1e-5f);
  args.grid = *grid;
  const bool has_real = context.node.outputs.size() > 1;
  return std::make_unique<LayerNormalizationToBytesStep>(args, has_real,
                                                         context.threads);
}

}  // namespace

extern constinit const OpDef kLayerNormalizationToBytesOp = {
    .type = "LayerNormalizationToBytes",
    .domain = "squint",
    .infer = InferLayerNormalizationToBytes,
    .reference = RunLayerNormalizationToBytes,
    .quantize = StoredIntegersRule,
    .prepare = PrepareLayerNormalizationToBytes,
};

}  // namespace squint
