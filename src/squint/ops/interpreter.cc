#include "squint/ops/interpreter.h"

#include <utility>

#include "squint/ops/dynamic_product.h"
#include "squint/ops/qlinear_form.h"

namespace squint {
namespace {

const OpDef& RowOf(const Graph& graph, const Node& node) {
  const OpDef* op = FindOp(node.op_type, node.domain);
  if (op == nullptr || op->reference == nullptr) {
    Fail(ErrorCode::kUnsupported, "{}: Squint cannot run operator {}{}{}",
         NodeLabel(graph, node), node.domain,
         node.domain.empty() ? "" : "::", node.op_type);
  }
  return *op;
}

// Values during one run: the numbers as stored, and in real types on demand.
class Run {
 public:
  Run(const Graph& graph, const InterpreterOptions& options)
      : graph_(graph),
        options_(options),
        stored_(static_cast<size_t>(graph.num_values())) {}

  void Set(ValueId id, Tensor stored) {
    stored_[static_cast<size_t>(id)] = std::move(stored);
  }

  // A real result: quantized first when the value is. One that is quantized
  // by its own range stays real, for its readers to find that range.
  void SetReal(ValueId id, const Tensor& real) {
    const auto& quant = graph_.value(id).quant;
    const bool now = quant && quant->kind == QuantKind::kStatic;
    Set(id, now ? QuantizeTensor(real, *quant) : real);
  }

  const Tensor& Stored(ValueId id) const {
    const Value& value = graph_.value(id);
    const Tensor& run = stored_[static_cast<size_t>(id)];
    if (run.empty() && value.is_constant()) return value.constant;
    CheckInternal(!run.empty(), "Interpret: value read before it is made");
    return run;
  }

  Tensor Real(ValueId id) const {
    const auto& quant = graph_.value(id).quant;
    if (!quant) return Stored(id).Materialize();
    return quant->kind == QuantKind::kStatic
               ? DequantizeTensor(Stored(id), *quant)
               : DynamicFakeQuantize(Stored(id), *quant);
  }

  void RunNode(const Node& node) {
    const OpDef& op = RowOf(graph_, node);
    const bool integer = options_.reading == Reading::kInteger &&
                         op.integer_reference != nullptr &&
                         (QLinearFormOf(node) || AllQuantized(node));
    const bool dynamic = IsDynamic(node);
    RunContext context{node, {}, {}, {}, {}};
    std::vector<Tensor> held(node.inputs.size());
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const ValueId id = node.inputs[i];
      const bool stored = dynamic ? i < 2 : integer;
      if (id != kNoValue) held[i] = stored ? Stored(id) : Real(id);
      context.inputs.push_back(id == kNoValue ? nullptr : &held[i]);
      context.input_quant.push_back(QuantOf(id));
    }
    for (const ValueId id : node.outputs) {
      context.output_quant.push_back(QuantOf(id));
    }
    context.outputs.resize(node.outputs.size());
    if (dynamic) {
      RunDynamicProduct(op, context);
    } else {
      (integer ? op.integer_reference : op.reference)(context);
    }
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      const ValueId id = node.outputs[i];
      if (id == kNoValue) continue;
      if (integer) {
        Set(id, std::move(context.outputs[i]));
      } else {
        SetReal(id, context.outputs[i]);
      }
      if (options_.tap)
        options_.tap(id, options_.tap_stored ? Stored(id) : Real(id));
    }
  }

 private:
  const QuantParams* QuantOf(ValueId id) const {
    if (id == kNoValue || !graph_.value(id).quant) return nullptr;
    return &*graph_.value(id).quant;
  }

  // In either reading the product of integers that a file has.
  bool IsDynamic(const Node& node) const {
    const QuantParams* first =
        node.inputs.empty() ? nullptr : QuantOf(node.inputs[0]);
    return first != nullptr && first->kind == QuantKind::kDynamicTensor &&
           IsDynamicProduct(graph_, node);
  }

  // The data input is quantized statically; whether the rest suits is the
  // operator's business.
  bool AllQuantized(const Node& node) const {
    const QuantParams* first =
        node.inputs.empty() ? nullptr : QuantOf(node.inputs[0]);
    return first != nullptr && first->kind == QuantKind::kStatic &&
           !first->scale.empty();
  }

  const Graph& graph_;
  const InterpreterOptions& options_;
  std::vector<Tensor> stored_;
};

}  // namespace

std::vector<Tensor> Interpret(const Graph& graph,
                              const std::vector<Tensor>& inputs,
                              const InterpreterOptions& options) {
  if (inputs.size() != graph.inputs().size()) {
    Fail(ErrorCode::kInvalidArgument, "the graph has {} inputs, got {}",
         graph.inputs().size(), inputs.size());
  }
  Run run(graph, options);
  for (size_t i = 0; i < inputs.size(); ++i) {
    run.SetReal(graph.inputs()[i], inputs[i]);
  }
  for (const NodeId id : graph.order()) {
    try {
      run.RunNode(graph.node(id));
    } catch (const Error& error) {
      throw error.In(NodeLabel(graph, graph.node(id)));
    }
  }
  std::vector<Tensor> outputs;
  for (const ValueId id : graph.outputs()) outputs.push_back(run.Real(id));
  return outputs;
}

std::vector<Tensor> RunNodeReference(const Graph& graph, const Node& node,
                                     const std::vector<const Tensor*>& inputs) {
  const OpDef& op = RowOf(graph, node);
  RunContext context{node, inputs, {}, {}, {}};
  context.outputs.resize(node.outputs.size());
  op.reference(context);
  return std::move(context.outputs);
}

}  // namespace squint
