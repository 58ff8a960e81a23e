#include "squint/quantize/graph_quantizer.h"

#include <algorithm>
#include <utility>

#include "squint/graph/user_name.h"
#include "squint/interchange/interchange.h"
#include "squint/ops/recurrent_steps.h"
#include "squint/quantize/activations.h"
#include "squint/quantize/biases.h"
#include "squint/quantize/float_requests.h"
#include "squint/quantize/method.h"
#include "squint/quantize/recurrent.h"
#include "squint/quantize/rewrite.h"
#include "squint/quantize/weight_store.h"

namespace squint {
namespace {

// Embedding tables below this many elements are not worth a node.
constexpr int64_t kSmallestTable = 4096;

bool QuantizesIo(const Recipe& recipe) {
  return recipe.io != DType::kFloat32 && recipe.mode == QuantizeMode::kStatic;
}

// Inputs and outputs of the graph that hold real numbers.
std::vector<ValueId> FloatIo(const Graph& graph) {
  std::vector<ValueId> ids;
  for (const auto* list : {&graph.inputs(), &graph.outputs()}) {
    for (const ValueId id : *list) {
      if (graph.value(id).dtype == DType::kFloat32 &&
          !graph.value(id).is_constant()) {
        ids.push_back(id);
      }
    }
  }
  return ids;
}

class Quantizer {
 public:
  Quantizer(const Graph& original, const Calibration* calibration,
            const Recipe& recipe, const CaptureParams& captures,
            const FloatRequests& requests, const Context& context,
            const TuningData* data)
      : original_(original),
        calibration_(calibration),
        data_(data),
        recipe_(recipe),
        captures_(captures),
        context_(context),
        target_(FindTarget(recipe.target)),
        selection_(original_, target_, recipe_, requests),
        store_(result_.graph, original_, recipe, target_, context) {
    result_.graph = original;
  }

  QuantizeResult Run() {
    if (recipe_.mode == QuantizeMode::kStatic) {
      RemoveAbsorbedClamps();
      MarkActivations();
      AssignActivationParams(graph(), plan_, *calibration_, recipe_, target_);
    }
    QuantizeWeights();
    if (recipe_.mode == QuantizeMode::kStatic) {
      Correct();
      QuantizeBiases();
    }
    RecordOutcomes();
    graph().Compact();
    VerifyGraph(graph());
    return std::move(result_);
  }

 private:
  Graph& graph() { return result_.graph; }

  // With symmetric activations the range does not start at zero, so that the
  // clamp stays, between its producer and the quantized result.
  void RemoveAbsorbedClamps() {
    if (target_.symmetric_activation) return;
    for (const NodeId id : original_.order()) {
      if (!selection_.of(id).absorbed_clamp) continue;
      const ValueId input = original_.node(id).input(0);
      const NodeId producer = original_.value(input).producer;
      if (!selection_.OutputQuantized(producer, 0)) continue;
      const ValueId output = original_.node(id).output();
      graph().RemoveNode(id);
      graph().SetProducer(output, producer, 0);
      auto& names = graph().node(producer).user_names;
      const auto& more = original_.node(id).user_names;
      names.insert(names.end(), more.begin(), more.end());
      plan_.clamps[output] = *selection_.of(id).spec.clamp;
    }
  }

  void MarkActivations() {
    if (QuantizesIo(recipe_)) MarkIo();
    for (const NodeId id : original_.order()) {
      if (!selection_.of(id).integer || selection_.of(id).absorbed_clamp) {
        continue;
      }
      const Node& node = original_.node(id);
      for (size_t j = 0; j < node.outputs.size(); ++j) {
        if (!selection_.OutputQuantized(id, j)) continue;
        const ValueId result = selection_.ResultOf(node, j);
        plan_.values[result] = graph().value(result).name;
        if (selection_.of(id).spec.outputs[j].unit_range &&
            result == node.outputs[j]) {
          plan_.unit_range.insert(result);
        }
      }
      for (size_t i = 0; i < node.inputs.size(); ++i) {
        if (node.inputs[i] != kNoValue && selection_.ReadsQuantized(id, i)) {
          MarkInput(id, i);
        }
      }
    }
  }

  // With --io the float inputs and outputs themselves are on the grid.
  void MarkIo() {
    for (const ValueId id : FloatIo(original_)) {
      plan_.values[id] = original_.value(id).name;
      if (original_.IsInput(id)) requantized_[id] = id;
    }
  }

  void MarkInput(NodeId id, size_t index) {
    const ValueId input = original_.node(id).input(index);
    if (selection_.MadeInteger(input)) return;
    const Value value = graph().value(input);
    if (value.is_constant()) {
      const ValueId copy = graph().AddConstant(value.name, value.constant);
      graph().value(copy).user_name = value.user_name;
      graph().ReplaceInput(id, index, copy);
      plan_.values[copy] = value.name;
      return;
    }
    graph().ReplaceInput(id, index, QuantizedForm(input));
  }

  // The value that integer readers of a float-made value read: itself when
  // nobody reads it as float, else a requantized copy.
  ValueId QuantizedForm(ValueId id, const QuantParams* dynamic = nullptr) {
    if (const auto it = requantized_.find(id); it != requantized_.end()) {
      return it->second;
    }
    ValueId form = id;
    // A capture is the outer value, which has its own quantization or none.
    if (AnyoneReadsFloat(id) || dynamic != nullptr || original_.IsCapture(id)) {
      form = Requantized(id);
    }
    if (dynamic != nullptr) {
      graph().value(form).quant = *dynamic;
    } else {
      plan_.values[form] = original_.value(id).name;
      const auto outer = captures_.find(id);
      if (outer != captures_.end() && SuitsActivations(outer->second)) {
        plan_.exact[form] = outer->second;
      }
    }
    return requantized_[id] = form;
  }

  bool SuitsActivations(const QuantParams& params) const {
    return params.kind == QuantKind::kStatic && params.per_tensor() &&
           params.dtype == ActivationType(recipe_, target_);
  }

  bool AnyoneReadsFloat(ValueId id) const {
    const auto& uses = selection_.uses().of(id);
    return std::any_of(uses.begin(), uses.end(), [&](const Use& use) {
      return use.node == kNoNode ||
             !selection_.ReadsQuantized(use.node,
                                        static_cast<size_t>(use.index));
    });
  }

  ValueId Requantized(ValueId id) {
    const Value source = graph().value(id);
    const ValueId copy = graph().AddValue(source.name + "_requantized",
                                          source.dtype, source.shape);
    graph().value(copy).user_name = source.user_name;
    Node node;
    node.op_type = "Requantize";
    node.domain = "squint";
    node.name = graph().value(copy).name;
    node.inputs = {id};
    node.outputs = {copy};
    if (source.producer != kNoNode) {
      graph().InsertAfter(source.producer, std::move(node));
    } else {
      graph().InsertBefore(graph().order().front(), std::move(node));
    }
    return copy;
  }

  void QuantizeWeights() {
    for (const NodeId id : original_.order()) {
      if (graph().node(id).removed) continue;
      const Decision& decision = selection_.of(id);
      if (IsTable(id)) {
        store_.QuantizeTable(id);
      } else if (decision.stored_weights) {
        store_.QuantizeInputs(id, decision.spec, decision.stored_weights);
        if (recipe_.mode == QuantizeMode::kDynamic) MakeDynamicLstm(id);
      } else if (recipe_.mode == QuantizeMode::kStatic) {
        if (decision.integer)
          store_.QuantizeInputs(id, decision.spec, decision.stored_weights);
        if (decision.integer && IsSteps(graph().node(id)))
          SetStateGrid(graph(), id, ActivationType(recipe_, target_));
      } else if (decision.integer && decision.anchor) {
        store_.QuantizeInputs(id, decision.spec, decision.stored_weights);
        if (recipe_.mode == QuantizeMode::kDynamic) MakeDynamic(id);
      }
    }
  }

  bool IsTable(NodeId id) const {
    const Node& node = original_.node(id);
    const Tensor* table = original_.ConstantOf(node.input(0));
    return node.Is("Gather") && table != nullptr &&
           table->dtype() == DType::kFloat32 && table->rank() == 2 &&
           table->size() >= kSmallestTable && node.Int("axis", 0) == 0 &&
           selection_.of(id).kind == FloatKind::kNotReal;
  }

  void MakeDynamic(NodeId id) {
    const Node& node = graph().node(id);
    if (!node.Is("MatMul") && !node.Is("Gemm")) {
      weights_only_ = true;
      return;
    }
    const ValueId weight = node.input(1);
    const ValueId input = original_.node(id).input(0);
    if (!graph().value(weight).is_constant() ||
        original_.value(input).is_constant()) {
      return;
    }
    QuantParams params;
    params.dtype = DType::kUint8;
    params.kind = QuantKind::kDynamicTensor;
    graph().ReplaceInput(id, 0, QuantizedForm(input, &params));
  }

  void MakeDynamicLstm(NodeId id) {
    if (UseDynamicLstm(graph(), id)) dynamic_lstms_.insert(id);
  }

  void Correct() {
    const MethodContext method_context{original_, calibration_, recipe_,
                                       target_,   context_,     data_};
    for (const MethodDef* method : AllMethods()) {
      if (method->correct == nullptr || !MethodIsOn(*method, recipe_)) {
        continue;
      }
      const int changed = method->correct(method_context, graph());
      if (changed > 0) {
        context_.Detail(fmt::format("{}: {} layers", method->name, changed));
      }
    }
  }

  void QuantizeBiases() {
    if (!target_.quantize_bias) return;
    for (const NodeId id : original_.order()) {
      const Node& node = graph().node(id);
      const QuantSpec& spec = selection_.of(id).spec;
      if (node.removed || !selection_.of(id).integer ||
          spec.inputs.size() < 3 || spec.inputs[2].role != Role::kBias ||
          !node.has_input(2)) {
        continue;
      }
      QuantizeBias(graph(), id);
    }
  }

  void RecordOutcomes() {
    for (const NodeId id : original_.order()) {
      const Node& node = original_.node(id);
      const Decision& decision = selection_.of(id);
      NodeOutcome outcome;
      outcome.name = UserName(node);
      outcome.op_type = node.op_type;
      outcome.integer = decision.integer || dynamic_lstms_.contains(id);
      outcome.kind = decision.kind;
      outcome.reason = decision.reason;
      result_.nodes.push_back(std::move(outcome));
    }
    if (weights_only_) {
      result_.notes.push_back(
          "convolutions keep float activations in dynamic mode: ONNX "
          "Runtime's ConvInteger takes one scale per tensor only, which "
          "costs accuracy; their weights are stored as integers");
    }
    if (!dynamic_lstms_.empty()) {
      result_.notes.push_back(
          "LSTM is written as com.microsoft DynamicQuantizeLSTM, which takes "
          "one scale for all samples of a batch: results depend on the batch");
    }
    const std::vector<std::string> notes = store_.Notes();
    result_.notes.insert(result_.notes.end(), notes.begin(), notes.end());
    result_.float_weight_bytes = store_.float_bytes();
    result_.quantized_weight_bytes = store_.quantized_bytes();
  }

  const Graph& original_;
  const Calibration* calibration_;
  const TuningData* data_;
  const Recipe& recipe_;
  const CaptureParams& captures_;
  const Context& context_;
  const Target& target_;
  Selection selection_;
  QuantizeResult result_;
  WeightStore store_;
  ActivationPlan plan_;
  std::map<ValueId, ValueId> requantized_;
  std::set<NodeId> dynamic_lstms_;
  bool weights_only_ = false;
};

}  // namespace

std::set<ValueId> WantedValues(const Graph& graph, const Recipe& recipe) {
  const Selection selection(graph, FindTarget(recipe.target), recipe, {});
  std::set<ValueId> wanted;
  if (QuantizesIo(recipe)) {
    const std::vector<ValueId> io = FloatIo(graph);
    wanted.insert(io.begin(), io.end());
  }
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    for (size_t j = 0; j < node.outputs.size(); ++j) {
      if (selection.OutputQuantized(id, j)) {
        wanted.insert(selection.ResultOf(node, j));
      }
    }
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const ValueId input = node.inputs[i];
      if (input != kNoValue && selection.ReadsQuantized(id, i) &&
          !graph.value(input).is_constant()) {
        wanted.insert(input);
      }
    }
  }
  return wanted;
}

QuantizeResult QuantizeGraph(const Graph& graph, const Calibration* calibration,
                             const Recipe& recipe,
                             const CaptureParams& captures,
                             const Context& context, const TuningData* data) {
  const Target& target = FindTarget(recipe.target);
  const FloatRequests requests =
      CollectFloatRequests({graph, calibration, recipe, target, context});
  if (recipe.mode != QuantizeMode::kStatic) {
    return Quantizer(graph, calibration, recipe, captures, requests, context,
                     data)
        .Run();
  }
  Graph rewritten = graph;
  Calibration statistics = *calibration;
  Rewrite(rewritten, statistics,
          {graph, calibration, recipe, target, context, data}, requests);
  return Quantizer(rewritten, &statistics, recipe, captures, requests, context,
                   data)
      .Run();
}

}  // namespace squint
