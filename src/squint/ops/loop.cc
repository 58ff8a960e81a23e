// Loop: for and while. The body takes the trip's number, the condition and
// the carried values; it gives back the condition, the carried values and
// what each trip adds to the scan outputs.
#include <limits>
#include <optional>
#include <utility>

#include "squint/base/context.h"
#include "squint/ops/bodies.h"

namespace squint {
namespace {

constexpr std::string_view kBody = "body";
constexpr size_t kTrips = 0, kCondition = 1, kFirstCarried = 2;

// How many values go round, from the node or the body: equal once checked.
size_t CarriedCount(const Node& node) {
  return node.inputs.size() < kFirstCarried
             ? 0
             : node.inputs.size() - kFirstCarried;
}

void CheckLoop(const Node& node, const Graph& body) {
  if (node.outputs.size() < CarriedCount(node)) {
    Fail(ErrorCode::kInvalidModel, "carries {} values but has {} outputs",
         CarriedCount(node), node.outputs.size());
  }
  RequireInputs(node, kFirstCarried);
  CheckBodyInputs(body, kBody, CarriedCount(node) + kFirstCarried);
  CheckBodyOutputs(body, kBody, node.outputs.size() + 1);
}

// ---- inference

void InferLoopBody(const InferContext& context, Node& node,
                   const InferBody& infer) {
  Graph& body = BodyOf(node, kBody);
  CheckLoop(node, body);
  std::vector<ValueType> types = {{DType::kInt64, Shape::Of({})},
                                  {DType::kBool, Shape::Of({})}};
  for (size_t i = kFirstCarried; i < node.inputs.size(); ++i) {
    types.push_back(TypeOf(context.graph(), node.inputs[i]));
  }
  InferWithFeedback(body, kBody, std::move(types),
                    {kFirstCarried, 1, CarriedCount(node)}, infer);
  const DType condition = body.value(body.outputs()[0]).dtype;
  if (condition != DType::kBool && condition != DType::kUndefined) {
    Fail(ErrorCode::kInvalidModel, "body gives a {} as condition",
         DTypeName(condition));
  }
}

bool IsTrue(const Tensor* tensor) {
  return tensor != nullptr && tensor->dtype() == DType::kBool &&
         tensor->size() == 1 && Condition(tensor->Materialize(), "condition");
}

// The body hands the condition it is given through, or always says true.
bool KeepsGoing(const Graph& body) {
  ValueId id = body.outputs()[0];
  while (body.value(id).producer != kNoNode &&
         body.node(body.value(id).producer).Is("Identity")) {
    id = body.node(body.value(id).producer).input(0);
  }
  return id == body.inputs()[1] || IsTrue(body.ConstantOf(id));
}

// The number of trips where no condition can end the loop before.
Dim TripsOf(const InferContext& context, const Graph& body) {
  const bool starts =
      !context.has_input(kCondition) || IsTrue(context.constant(kCondition));
  const DimTensor* trips = context.dim_tensor(kTrips);
  if (!starts || !KeepsGoing(body) || trips == nullptr ||
      trips->elements.size() != 1) {
    return Dim::Unknown();
  }
  return Max(trips->elements[0], Dim(0));
}

void InferLoop(InferContext& context) {
  const Node& node = context.node();
  const Graph& body = BodyOf(node, kBody);
  CheckLoop(node, body);
  const size_t carried = CarriedCount(node);
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    const ValueType made = TypeOf(body, body.outputs()[i + 1]);
    if (i < carried) {  // what goes in covers what comes back, and no trip
      const ValueId in = body.inputs()[i + kFirstCarried];
      context.SetOutput(i, made.dtype, body.value(in).shape);
    } else if (made.shape.has_rank()) {
      DimList dims = made.shape.dims();
      dims.insert(dims.begin(), TripsOf(context, body));
      context.SetOutput(i, made.dtype, Shape(std::move(dims)));
    } else {
      context.SetOutput(i, made.dtype, Shape());
    }
  }
}

// ---- reference

int64_t MostTrips(const RunContext& context) {
  if (!context.has(kTrips)) return std::numeric_limits<int64_t>::max();
  const Tensor& trips = context.in(kTrips);
  if (trips.size() != 1 || !IsInteger(trips.dtype())) {
    Fail(ErrorCode::kInvalidModel,
         "the trip count is {}{}, expected one integer",
         DTypeName(trips.dtype()), DimsToString(trips.dims()));
  }
  return trips.ToInts()[0];
}

void RunLoop(RunContext& context) {
  CheckInternal(context.bodies != nullptr, "Loop: run without its body");
  const Graph& body = BodyOf(context.node, kBody);
  CheckLoop(context.node, body);
  CheckBodyCarriesTensors(body, kBody);
  const size_t carried = CarriedCount(context.node);
  const Context& limits = context.bodies->context();
  std::vector<Tensor> state;
  for (size_t i = 0; i < carried; ++i) {
    state.push_back(context.in(i + kFirstCarried));
  }
  std::vector<Stack> stacks;
  for (size_t i = carried + 1; i < body.outputs().size(); ++i) {
    stacks.emplace_back(body.value(body.outputs()[i]), limits.memory_limit);
  }
  bool going = !context.has(kCondition) ||
               Condition(context.in(kCondition), "the condition");
  const int64_t most = MostTrips(context);
  for (int64_t trip = 0; trip < most && going; ++trip) {
    limits.ThrowIfCancelled();
    std::vector<Tensor> inputs = {Tensor::Scalar<int64_t>(trip),
                                  Tensor::Scalar<bool>(going)};
    for (Tensor& value : state) inputs.push_back(std::move(value));
    std::vector<Tensor> made = context.bodies->Run(kBody, inputs);
    going = Condition(made[0], "the condition that body gives");
    for (size_t i = 0; i < carried; ++i) state[i] = std::move(made[i + 1]);
    for (size_t i = 0; i < stacks.size(); ++i) {
      stacks[i].Add(std::move(made[i + carried + 1]));
    }
  }
  for (size_t i = 0; i < carried; ++i) context.outputs[i] = std::move(state[i]);
  for (size_t i = 0; i < stacks.size(); ++i) {
    context.outputs[i + carried] = stacks[i].Finish(0, false);
  }
}

}  // namespace

extern constinit const OpDef kLoopOp = {
    .type = "Loop",
    .infer = InferLoop,
    .infer_bodies = InferLoopBody,
    .reference = RunLoop,
    .quantize = BodyRule,
};

}  // namespace squint
