#include "squint/ops/global_mean.h"

#include <utility>

#include "squint/ops/infer.h"
#include "squint/ops/layout.h"
#include "squint/ops/operand_params.h"
#include "squint/ops/qlinear_operands.h"

namespace squint {
namespace {

bool IsChannelsLast(const Node& node) {
  return node.Int("channels_last", 0) != 0;
}

class MeanStep : public Step {
 public:
  MeanStep(const ImageMeans& means, bool channels_last)
      : means_(means), channels_last_(channels_last) {}
  void Run(const StepArgs& args) const override {
    const auto run = channels_last_ ? MeanOfBytesLast : MeanOfBytes;
    run(means_, args.inputs[0], args.outputs[0], args.pool);
  }

 private:
  ImageMeans means_;
  bool channels_last_;
};

void InferToFloat(InferContext& context) {
  context.SetOutput(
      0, DType::kFloat32,
      RealMeanShape(context.shape(0), IsChannelsLast(context.node())));
}

void RunToFloat(RunContext& context) {
  const Tensor& given = context.in(0);
  const Tensor x = IsChannelsLast(context.node)
                       ? TransposeTensor(given, ChannelsFirst(given.rank()))
                       : given;
  const QuantParams params =
      OperandParams(x, &context.in(1), &context.in(2), {});
  Node mean;
  mean.op_type = "GlobalAveragePool";
  mean.outputs = {0};
  RunContext inner{mean, {&x}, {}, {&params}, {nullptr}};
  inner.outputs.resize(1);
  FindOp("GlobalAveragePool")->integer_reference(inner);
  context.outputs[0] = std::move(inner.outputs[0]);
}

std::unique_ptr<Step> PrepareToFloat(const PrepareContext& context) {
  const Dims& x = context.input_dims[0];
  const auto grid = ByteGridOf(context, 1, 2, context.input_dtypes[0]);
  if (!grid || ElementCount(x) == 0) return nullptr;
  const bool last = IsChannelsLast(context.node);
  return std::make_unique<MeanStep>(ImageMeansOf(x, last, *grid, {}), last);
}

QuantSpec ToFloatRule(const QuantizeQuery&) {
  return QuantSpec::Float("it reads integers already");
}

}  // namespace

ImageMeans ImageMeansOf(const Dims& x, bool channels_last, const ByteGrid& grid,
                        const std::optional<ByteGrid>& y) {
  const int64_t channels = channels_last ? x.back() : x[1];
  return {.images = x[0],
          .pixels = ElementCount(x) / (x[0] * channels),
          .channels = channels,
          .x = grid,
          .y = y};
}

std::unique_ptr<Step> PrepareQGlobalMean(const PrepareContext& context,
                                         const QLinearForm& form) {
  const Dims& x = context.input_dims[0];
  const auto x_grid = ByteGridOf(context, form.inputs[0]);
  const auto y_grid = ResultGrid(context, form);
  if (!x_grid || !y_grid || ElementCount(x) == 0) return nullptr;
  return std::make_unique<MeanStep>(
      ImageMeansOf(x, form.channels_last, *x_grid, *y_grid),
      form.channels_last);
}

Shape RealMeanShape(const Shape& x, bool channels_last) {
  if (!x.has_rank()) return Shape();
  if (x.rank() < 2) {
    Fail(ErrorCode::kInvalidModel, "input {} has no batch and channel axes",
         x.ToString());
  }
  DimList dims(static_cast<size_t>(x.rank()), Dim(1));
  dims[0] = x[0];
  dims[1] = x[channels_last ? x.rank() - 1 : 1];
  return Shape(std::move(dims));
}

extern constinit const OpDef kGlobalAveragePoolToFloatOp = {
    .type = "GlobalAveragePoolToFloat",
    .domain = "squint",
    .infer = InferToFloat,
    .reference = RunToFloat,
    .quantize = ToFloatRule,
    .prepare = PrepareToFloat,
};

}  // namespace squint
