#include "squint/ops/conv_mean.h"

#include <cstddef>
#include <utility>
#include <vector>

#include "squint/kernels/pool/byte_mean.h"
#include "squint/ops/channels_last.h"
#include "squint/ops/conv_node.h"
#include "squint/ops/global_mean.h"
#include "squint/ops/op.h"
#include "squint/ops/part.h"
#include "squint/ops/qlinear_form.h"
#include "squint/ops/qlinear_operands.h"
#include "squint/ops/quant_rules.h"
#include "squint/ops/scratch.h"

namespace squint {
namespace {

using At = ConvMeanInputs;

bool IsReal(const Node& node) { return !node.has_input(At::kMeanScale); }

void CheckInputs(const Node& node) {
  if (node.has_input(At::kMeanScale) == node.has_input(At::kMeanZero)) return;
  Fail(ErrorCode::kInvalidModel,
       "the means have a scale or a zero point, expected both or neither");
}

void InferConvMean(InferContext& context) {
  const Node& node = context.node();
  CheckInputs(node);
  const Shape wide = InferPart(context, ConvOfConvMean(node));
  if (IsReal(node)) {
    context.SetOutput(0, DType::kFloat32, RealMeanShape(wide, true));
    return;
  }
  Shape means;
  if (wide.has_rank()) {
    DimList dims(static_cast<size_t>(wide.rank()), Dim(1));
    dims.front() = wide[0];
    dims.back() = wide[wide.rank() - 1];
    means = Shape(std::move(dims));
  }
  context.SetOutput(0, context.dtype(At::kMeanZero), std::move(means));
}

void RunConvMean(RunContext& context) {
  CheckInputs(context.node);
  const auto& in = context.inputs;
  const Node conv = ConvOfConvMean(context.node);
  const Tensor wide = RunPart(
      conv, std::vector<const Tensor*>(
                in.begin(),
                in.begin() + static_cast<std::ptrdiff_t>(conv.inputs.size())));
  std::vector<const Tensor*> inputs = {&wide, in[6], in[7]};
  if (!IsReal(context.node)) {
    inputs.push_back(in[At::kMeanScale]);
    inputs.push_back(in[At::kMeanZero]);
  }
  context.outputs[0] =
      RunPart(MeanOfConvMean(context.node, 0), std::move(inputs));
}

// The convolution's step, then the means of what it left in the scratch.
class ConvMeanStep : public Step {
 public:
  ConvMeanStep(std::unique_ptr<Step> conv, const ImageMeans& means)
      : conv_(std::move(conv)), means_(means) {}

  void Run(const StepArgs& args) const override {
    void* const wide = static_cast<std::byte*>(args.scratch) + conv_scratch();
    conv_->Run({args.inputs, {&wide, 1}, args.scratch, args.pool});
    MeanOfBytesLast(means_, wide, args.outputs[0], args.pool);
  }
  size_t scratch_bytes() const override {
    return conv_scratch() +
           static_cast<size_t>(means_.images * means_.pixels * means_.channels);
  }

 private:
  size_t conv_scratch() const { return Padded(conv_->scratch_bytes()); }

  std::unique_ptr<Step> conv_;
  ImageMeans means_;
};

std::unique_ptr<Step> PrepareConvMean(const PrepareContext& context) {
  const auto form = QLinearFormOf(ConvOfConvMean(context.node));
  const DType wide_type = context.input_dtypes[7];
  const auto grid = ByteGridOf(context, 6, 7, wide_type);
  std::optional<ByteGrid> means;
  if (!IsReal(context.node)) {
    means = ByteGridOf(context, At::kMeanScale, At::kMeanZero,
                       context.output_dtypes[0]);
    if (!means) return nullptr;
  }
  if (!form || !grid || context.input_dims[0].size() < 3) return nullptr;
  PrepareContext conv = context;
  conv.output_dtypes = {wide_type};
  conv.output_dims = {ConvDimsOfConvMean(context.node, context.input_dims[0],
                                         context.input_dims[3])};
  const Dims& wide = conv.output_dims[0];
  auto step = PrepareQConvLast(conv, *form);
  if (step == nullptr) return nullptr;
  return std::make_unique<ConvMeanStep>(std::move(step),
                                        ImageMeansOf(wide, true, *grid, means));
}

}  // namespace

Node ConvOfConvMean(const Node& node) {
  Node conv = PartUpTo(node, "QLinearConv", At::kBias);
  conv.attributes = node.attributes;
  return conv;
}

Node MeanOfConvMean(const Node& node, ValueId conv) {
  Node mean;
  mean.op_type =
      IsReal(node) ? "GlobalAveragePoolToFloat" : "QLinearGlobalAveragePool";
  mean.domain = IsReal(node) ? "squint" : "com.microsoft";
  mean.name = node.name;
  mean.attributes["channels_last"] = int64_t{1};
  mean.inputs = {conv, node.input(6), node.input(7)};
  if (!IsReal(node)) {
    mean.inputs.push_back(node.input(At::kMeanScale));
    mean.inputs.push_back(node.input(At::kMeanZero));
  }
  return mean;
}

Dims ConvDimsOfConvMean(const Node& node, const Dims& x, const Dims& weight) {
  const Dims kernel(weight.begin() + 2, weight.end());
  const Dims pixels(x.begin() + 1, x.end() - 1);
  Dims dims = WindowOutputs(ReadConvWindow(node, kernel), pixels);
  dims.insert(dims.begin(), x.front());
  dims.push_back(weight.front());
  return dims;
}

extern constinit const OpDef kQLinearConvGlobalAveragePoolOp = {
    .type = "QLinearConvGlobalAveragePool",
    .domain = "squint",
    .infer = InferConvMean,
    .reference = RunConvMean,
    .quantize = StoredIntegersRule,
    .prepare = PrepareConvMean,
};

}  // namespace squint
