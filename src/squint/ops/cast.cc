// Cast and CastLike: the same numbers in another element type; between
// integers also in shape arithmetic.
#include "squint/ops/dim_content.h"
#include "squint/ops/op.h"

namespace squint {
namespace {

DType TargetType(const Node& node) {
  return static_cast<DType>(node.Int("to", 0));
}

void InferAs(InferContext& context, DType to) {
  context.SetOutput(0, to, context.shape(0));
  if (to == DType::kInt64 || to == DType::kInt32) {
    PassContent(context, context.shape(0));
  }
}

void InferCast(InferContext& context) {
  InferAs(context, TargetType(context.node()));
}

// Of its second input only the type counts.
void InferCastLike(InferContext& context) {
  InferAs(context, context.dtype(1));
}

void RunCast(RunContext& context) {
  context.outputs[0] = context.in(0).CastTo(TargetType(context.node));
}

void RunCastLike(RunContext& context) {
  context.outputs[0] = context.in(0).CastTo(context.in(1).dtype());
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
extern constinit const OpDef kCastLikeOp = {
    .type = "CastLike",
    .since = 15,
    .infer = InferCastLike,
    .reference = RunCastLike,
    .quantize = CastRule,
};

}  // namespace squint
