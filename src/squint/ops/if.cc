// If: one of two nested graphs, which take everything as captures.
#include <optional>
#include <utility>

#include "squint/ops/bodies.h"

namespace squint {
namespace {

constexpr std::string_view kThen = "then_branch";
constexpr std::string_view kElse = "else_branch";

// Which branch is taken, when the condition is a constant.
std::optional<std::string_view> TakenBranch(const InferContext& context) {
  const Tensor* condition = context.constant(0);
  if (condition == nullptr) return std::nullopt;
  return Condition(condition->Materialize(), "the condition") ? kThen : kElse;
}

ValueType CommonType(const Graph& then_branch, const Graph& else_branch,
                     size_t output) {
  const ValueType a = TypeOf(then_branch, then_branch.outputs()[output]);
  const ValueType b = TypeOf(else_branch, else_branch.outputs()[output]);
  if (a.dtype != b.dtype && a.dtype != DType::kUndefined &&
      b.dtype != DType::kUndefined) {
    Fail(ErrorCode::kInvalidModel,
         "output {} is {} from then_branch and {} from else_branch", output,
         DTypeName(a.dtype), DTypeName(b.dtype));
  }
  return {a.dtype == DType::kUndefined ? b.dtype : a.dtype,
          CommonShape(a.shape, b.shape)};
}

void InferIf(InferContext& context) {
  for (const std::string_view key : {kThen, kElse}) {
    const Graph& body = BodyOf(context.node(), key);
    CheckBodyInputs(body, key, 0);
    CheckBodyOutputs(body, key, context.num_outputs());
  }
  const auto taken = TakenBranch(context);
  const Graph& then_branch = BodyOf(context.node(), taken.value_or(kThen));
  const Graph& else_branch = BodyOf(context.node(), taken.value_or(kElse));
  for (size_t i = 0; i < context.num_outputs(); ++i) {
    ValueType type = CommonType(then_branch, else_branch, i);
    context.SetOutput(i, type.dtype, std::move(type.shape));
  }
}

void RunIf(RunContext& context) {
  CheckInternal(context.bodies != nullptr, "If: run without its branches");
  const std::string_view key =
      Condition(context.in(0), "the condition") ? kThen : kElse;
  const Graph& body = BodyOf(context.node, key);
  CheckBodyInputs(body, key, 0);
  CheckBodyOutputs(body, key, context.outputs.size());
  CheckBodyCarriesTensors(body, key);
  context.outputs = context.bodies->Run(key, {});
}

}  // namespace

extern constinit const OpDef kIfOp = {
    .type = "If",
    .infer = InferIf,
    .reference = RunIf,
    .quantize = BodyRule,
};

}  // namespace squint
