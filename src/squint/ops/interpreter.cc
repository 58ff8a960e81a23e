#include "squint/ops/interpreter.h"

#include <map>
#include <utility>

#include "squint/graph/nested_values.h"
#include "squint/ops/dynamic_product.h"
#include "squint/ops/infer.h"
#include "squint/ops/qlinear_form.h"

namespace squint {
namespace {

const OpDef& RowOf(const Graph& graph, const Node& node) {
  const OpDef* op = FindOp(node.op_type, node.domain);
  if (op == nullptr || op->reference == nullptr) {
    throw CannotRun(node).In(NodeLabel(graph, node));
  }
  return *op;
}

// What the graph and its nested ones have in common during one run.
struct Whole {
  const InterpreterOptions& options;
  NestedValues values;
  int64_t body_runs = 0;
};

// Values of one graph during one run: the numbers as stored, and in real
// types on demand.
class GraphRun {
 public:
  GraphRun(const Graph& graph, Whole& whole)
      : graph_(graph),
        whole_(whole),
        options_(whole.options),
        first_(whole.values.FirstOf(graph)),
        stored_(static_cast<size_t>(graph.num_values())) {}

  void SetInputs(const std::vector<Tensor>& inputs) {
    if (inputs.size() != graph_.inputs().size()) {
      Fail(ErrorCode::kInvalidArgument, "the graph has {} inputs, got {}",
           graph_.inputs().size(), inputs.size());
    }
    for (size_t i = 0; i < inputs.size(); ++i) {
      SetReal(graph_.inputs()[i], inputs[i]);
    }
  }

  std::vector<Tensor> RunNodes() {
    for (const NodeId id : graph_.order()) {
      options_.context.ThrowIfCancelled();
      try {
        RunNode(graph_.node(id));
      } catch (const Error& error) {
        throw error.In(NodeLabel(graph_, graph_.node(id)));
      }
    }
    std::vector<Tensor> outputs;
    for (const ValueId id : graph_.outputs()) outputs.push_back(Real(id));
    return outputs;
  }

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
    if (run.empty()) {
      Fail(ErrorCode::kInvalidModel, "tensor '{}' is made by no operator",
           value.name);
    }
    return run;
  }

  Tensor Real(ValueId id) const {
    const Value& value = graph_.value(id);
    if (!value.quant) return Stored(id).Materialize();
    const Tensor real = value.quant->kind == QuantKind::kStatic
                            ? DequantizeTensor(Stored(id), *value.quant)
                            : DynamicFakeQuantize(Stored(id), *value.quant);
    return IsFloat(value.dtype) ? real.CastTo(value.dtype) : real;
  }

  void RunNode(const Node& node) {
    const OpDef& op = RowOf(graph_, node);
    const bool integer = options_.reading == Reading::kInteger &&
                         op.integer_reference != nullptr &&
                         (QLinearFormOf(node) || AllQuantized(node));
    const bool dynamic = IsDynamic(node);
    NodeBodies bodies(*this, node);
    RunContext context{node, {}, {}, {}, {}};
    if (node.has_graphs()) context.bodies = &bodies;
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
    CheckBeforeRunning(node, context.inputs);
    if (dynamic) {
      RunDynamicProduct(op, context);
    } else {
      (integer ? op.integer_reference : op.reference)(context);
    }
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      const ValueId id = node.outputs[i];
      // A name for what the operator does not make is only an error to read.
      if (id == kNoValue || context.outputs[i].empty()) continue;
      if (integer) {
        Set(id, std::move(context.outputs[i]));
      } else {
        SetReal(id, context.outputs[i]);
      }
      if (options_.tap) {
        options_.tap(first_ + id, options_.tap_stored ? Stored(id) : Real(id));
      }
    }
  }

 private:
  // Runs nested graphs; what they capture is looked up once a node.
  class NodeBodies final : public Bodies {
   public:
    NodeBodies(const GraphRun& outer, const Node& node)
        : outer_(outer), node_(node) {}

    std::vector<Tensor> Run(std::string_view wanted,
                            const std::vector<Tensor>& inputs) override {
      std::vector<Tensor> outputs;
      ForEachBody(node_,
                  [&](const std::string& key, const Graph& body, size_t first) {
                    if (key == wanted) outputs = RunBody(body, first, inputs);
                  });
      return outputs;
    }
    const Context& context() const override { return outer_.options_.context; }

   private:
    std::vector<Tensor> RunBody(const Graph& body, size_t first,
                                const std::vector<Tensor>& inputs) {
      CountBodyRun(outer_.whole_.body_runs, context());
      GraphRun run(body, outer_.whole_);
      for (size_t i = 0; i < body.captures().size(); ++i) {
        const ValueId outer = node_.captures[first + i];
        auto [it, is_new] = captured_.try_emplace(outer);
        if (is_new) it->second = outer_.Real(outer);
        run.Set(body.captures()[i], it->second);
      }
      run.SetInputs(inputs);
      return run.RunNodes();
    }

    const GraphRun& outer_;
    const Node& node_;
    std::map<ValueId, Tensor> captured_;
  };

  // The references trust shapes and sizes.
  void CheckBeforeRunning(const Node& node,
                          const std::vector<const Tensor*>& inputs) const {
    for (const auto& result : InferFromTensors(graph_, node, inputs)) {
      const auto dims = result.shape.values();
      if (!dims || result.dtype == DType::kUndefined) continue;
      CheckResultSize(result.dtype, *dims, options_.context.memory_limit);
    }
  }

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
  Whole& whole_;
  const InterpreterOptions& options_;
  ValueId first_;  // number of value 0 among all values
  std::vector<Tensor> stored_;
};

}  // namespace

Error CannotRun(const Node& node) {
  return Error(
      ErrorCode::kUnsupported,
      fmt::format("Squint cannot run operator {}{}{}; quantize with --mode "
                  "weight-only or dynamic (and without --data) runs nothing "
                  "and leaves such nodes as they are",
                  node.domain, node.domain.empty() ? "" : "::", node.op_type));
}

std::vector<Tensor> Interpret(const Graph& graph,
                              const std::vector<Tensor>& inputs,
                              const InterpreterOptions& options) {
  Whole whole{options, NestedValues(graph)};
  GraphRun run(graph, whole);
  run.SetInputs(inputs);
  return run.RunNodes();
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
