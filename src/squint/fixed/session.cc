#include "squint/fixed/session.h"

#include <utility>

#include "squint/base/error.h"
#include "squint/fixed/lower.h"
#include "squint/ops/interpreter.h"
#include "squint/ops/op.h"
#include "squint/ops/qlinear_form.h"

namespace squint {
namespace {

// A constant in the type that its readers compute with.
Tensor ConstantOf(const Value& value) {
  const Tensor constant = value.constant.Materialize();
  return value.quant ? DequantizeTensor(constant, *value.quant) : constant;
}

int8_t* BytesOf(Tensor& tensor) {
  return reinterpret_cast<int8_t*>(tensor.mutable_raw());
}

// What a value with another quantization than int8 is seen as.
Tensor Rounded(const Value& value, Tensor tensor) {
  if (!value.quant) return tensor;
  if (value.quant->kind != QuantKind::kStatic) {
    Fail(ErrorCode::kUnsupported,
         "tensor '{}' is quantized by its own range at run time, which "
         "fixed-point arithmetic does not do",
         value.name);
  }
  return FakeQuantizeTensor(tensor, *value.quant);
}

}  // namespace

FixedSession::FixedSession(const Graph& quantized, const Context& context)
    : lowered_(LowerToFixed(quantized)), context_(context) {}

std::vector<Tensor> FixedSession::Run(const std::vector<Tensor>& inputs) {
  Prepare(inputs);
  const Graph& graph = program_->graph;
  values_.assign(static_cast<size_t>(graph.num_values()), Tensor());
  for (size_t i = 0; i < inputs.size(); ++i) {
    const ValueId id = graph.inputs()[i];
    values_[static_cast<size_t>(id)] = Rounded(graph.value(id), inputs[i]);
  }
  for (const FixedNode& node : program_->nodes) {
    context_.ThrowIfCancelled();
    node.step ? RunStep(node) : RunReference(node);
  }
  std::vector<Tensor> outputs;
  for (const ValueId id : graph.outputs()) outputs.push_back(Read(id));
  values_.clear();
  return outputs;
}

void FixedSession::Prepare(const std::vector<Tensor>& inputs) {
  if (inputs.size() != lowered_.inputs().size()) {
    Fail(ErrorCode::kInvalidArgument, "the graph has {} inputs, got {}",
         lowered_.inputs().size(), inputs.size());
  }
  std::vector<Dims> dims;
  for (const Tensor& input : inputs) dims.push_back(input.dims());
  if (program_ && dims == dims_) return;
  program_ = MakeFixedProgram(lowered_, dims);
  dims_ = std::move(dims);
}

const Tensor& FixedSession::Read(ValueId id) {
  Tensor& held = values_[static_cast<size_t>(id)];
  const Value& value = program_->graph.value(id);
  if (held.empty() && value.is_constant()) held = ConstantOf(value);
  if (held.empty()) {
    Fail(ErrorCode::kInvalidModel, "tensor '{}' is made by no operator",
         value.name);
  }
  return held;
}

void FixedSession::RunStep(const FixedNode& node) {
  // Constants as they are stored, whatever they mean to other readers.
  const Graph& graph = program_->graph;
  std::vector<Tensor> held;
  std::vector<const int8_t*> inputs;
  for (const ValueId id : node.inputs) {
    const bool constant = id != kNoValue && graph.value(id).is_constant();
    held.push_back(id == kNoValue ? Tensor()
                   : constant     ? graph.value(id).constant.Materialize()
                                  : Read(id));
    inputs.push_back(id == kNoValue
                         ? nullptr
                         : reinterpret_cast<const int8_t*>(held.back().raw()));
  }
  std::vector<Tensor> made(node.outputs.size());
  std::vector<int8_t*> outputs(node.outputs.size(), nullptr);
  for (size_t i = 0; i < made.size(); ++i) {
    if (node.outputs[i] == kNoValue) continue;
    const Value& value = graph.value(node.outputs[i]);
    made[i] = Tensor(value.dtype, *value.shape.values());
    outputs[i] = BytesOf(made[i]);
  }
  std::vector<int8_t> scratch(node.step->scratch_bytes());
  std::vector<int8_t> state(node.step->state_bytes());
  StepRunner runner(inputs, outputs, scratch.data(), state.data());
  node.step->Run(runner);
  for (size_t i = 0; i < made.size(); ++i) {
    if (node.outputs[i] == kNoValue) continue;
    values_[static_cast<size_t>(node.outputs[i])] = std::move(made[i]);
  }
}

void FixedSession::RunReference(const FixedNode& fixed) {
  const Graph& graph = program_->graph;
  const Node& node = graph.node(fixed.id);
  const OpDef* op = FindOp(node.op_type, node.domain);
  if (op == nullptr || op->reference == nullptr) throw CannotRun(node);
  if (node.has_graphs()) {
    Fail(ErrorCode::kUnsupported,
         "{} has nested graphs, which fixed-point arithmetic does not run",
         NodeLabel(graph, node));
  }
  RunContext run{node, {}, {}, {}, {}};
  for (const ValueId id : node.inputs) {
    run.inputs.push_back(id == kNoValue ? nullptr : &Read(id));
    run.input_quant.push_back(nullptr);
  }
  run.outputs.resize(node.outputs.size());
  run.output_quant.resize(node.outputs.size(), nullptr);
  const bool integer = QLinearFormOf(node) && op->integer_reference != nullptr;
  (integer ? op->integer_reference : op->reference)(run);
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    const ValueId id = node.outputs[i];
    if (id == kNoValue || run.outputs[i].empty()) continue;
    values_[static_cast<size_t>(id)] =
        Rounded(graph.value(id), std::move(run.outputs[i]));
  }
}

}  // namespace squint
