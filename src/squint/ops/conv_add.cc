#include "squint/ops/conv_add.h"

#include <utility>

#include "squint/ops/channels_last.h"
#include "squint/ops/op.h"
#include "squint/ops/part.h"
#include "squint/ops/qlinear_form.h"
#include "squint/ops/qlinear_operands.h"
#include "squint/ops/quant_rules.h"

namespace squint {
namespace {

using At = ConvAddInputs;

void CheckInputs(const Node& node) { CheckInputCount(node, At::kSumZero + 1); }

// The sum has the convolution's shape.
void InferConvAdd(InferContext& context) {
  CheckInputs(context.node());
  const Shape& added = context.shape(At::kAdded);
  const Shape shape = InferPart(context, ConvOfConvAdd(context.node()));
  const auto a = added.values();
  const auto b = shape.values();
  if (a && b && *a != *b) {
    Fail(ErrorCode::kInvalidModel, "adds {} to a convolution of {}",
         added.ToString(), shape.ToString());
  }
  context.SetOutput(0, context.dtype(At::kSumZero), shape);
}

void RunConvAdd(RunContext& context) {
  CheckInputs(context.node);
  const auto& in = context.inputs;
  const Node conv = ConvOfConvAdd(context.node);
  std::vector<const Tensor*> conv_inputs(
      in.begin(), in.begin() + static_cast<int64_t>(conv.inputs.size()));
  const Tensor product = RunPart(conv, std::move(conv_inputs));
  const Node add = AddOfConvAdd(context.node, 0);
  std::vector<const Tensor*> a = {&product, in[6], in[7]};
  std::vector<const Tensor*> b = {in[At::kAdded], in[At::kAddedScale],
                                  in[At::kAddedZero]};
  if (context.node.Int("conv_is_b", 0) != 0) std::swap(a, b);
  a.insert(a.end(), b.begin(), b.end());
  a.push_back(in[At::kSumScale]);
  a.push_back(in[At::kSumZero]);
  context.outputs[0] = RunPart(add, std::move(a));
}

std::unique_ptr<Step> PrepareNode(const PrepareContext& context) {
  return PrepareConvAdd(context);
}

}  // namespace

std::unique_ptr<Step> PrepareConvAdd(const PrepareContext& context,
                                     const PixelStrides& strides) {
  const Node conv = ConvOfConvAdd(context.node);
  const auto form = QLinearFormOf(conv);
  const auto added = ByteGridOf(context, At::kAddedScale, At::kAddedZero,
                                context.input_dtypes[At::kAdded]);
  const auto sum = ByteGridOf(context, At::kSumScale, At::kSumZero,
                              context.output_dtypes[0]);
  if (!form || !added || !sum ||
      context.input_dims[At::kAdded] != context.output_dims[0]) {
    return nullptr;
  }
  return PrepareQConvLast(context, *form,
                          AddedBytes{At::kAdded, *added, *sum,
                                     context.node.Int("conv_is_b", 0) == 0},
                          strides);
}

Node ConvOfConvAdd(const Node& node) {
  Node conv = PartUpTo(node, "QLinearConv", At::kBias);
  conv.attributes = node.attributes;
  conv.attributes.erase("conv_is_b");
  return conv;
}

Node AddOfConvAdd(const Node& node, ValueId conv) {
  Node add;
  add.op_type = "QLinearAdd";
  add.domain = "com.microsoft";
  add.name = node.name;
  std::vector<ValueId> a = {conv, node.input(6), node.input(7)};
  std::vector<ValueId> b = {node.input(At::kAdded), node.input(At::kAddedScale),
                            node.input(At::kAddedZero)};
  if (node.Int("conv_is_b", 0) != 0) std::swap(a, b);
  add.inputs = std::move(a);
  add.inputs.insert(add.inputs.end(), b.begin(), b.end());
  add.inputs.push_back(node.input(At::kSumScale));
  add.inputs.push_back(node.input(At::kSumZero));
  return add;
}

extern constinit const OpDef kQLinearConvAddOp = {
    .type = "QLinearConvAdd",
    .domain = "squint",
    .infer = InferConvAdd,
    .reference = RunConvAdd,
    .quantize = StoredIntegersRule,
    .prepare = PrepareNode,
};

}  // namespace squint
