// Cast: the same numbers in another element type; between integers also in
// shape arithmetic.
#include "squint/ops/dim_content.h"
#include "squint/ops/op.h"

namespace squint {
namespace {

DType TargetType(const Node& node) {
  return static_cast<DType>(node.Int("to", 0));
}

void InferCast(InferContext& context) {
  const DType to = TargetType(context.node());
  context.SetOutput(0, to, context.shape(0));
  if (to == DType::kInt64 || to == DType::kInt32) {
    PassContent(context, context.shape(0));
  }
}

void RunCast(RunContext& context) {
  context.outputs[0] = context.in(0).CastTo(TargetType(context.node));
}

QuantSpec CastRule(const QuantizeQuery&) {
  return QuantSpec::Float("changes the element type by itself");
}

}  // namespace

extern constinit const OpDef kCastOp = {
    .type = "Cast",
    .since = 6,
    .infer = InferCast,
    .reference = RunCast,
    .quantize = CastRule,
};

}  // namespace squint
