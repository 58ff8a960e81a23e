#include "squint/quantize/quantize.h"

#include <algorithm>
#include <tuple>

#include "squint/base/threads.h"
#include "squint/graph/nested_values.h"
#include "squint/interchange/interchange.h"
#include "squint/ops/infer.h"
#include "squint/ops/recurrent_steps.h"
#include "squint/quantize/activations.h"
#include "squint/quantize/check_recipe.h"
#include "squint/quantize/local_view.h"
#include "squint/quantize/method.h"
#include "squint/quantize/recurrent.h"
#include "squint/quantize/weights.h"
#include "squint/tensor/pieces.h"

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

// Branches that no sample took have no ranges.
void KeepUnreached(const Graph& graph, const Calibration& calibration,
                   FloatRequests& requests) {
  const auto unreached = [&](ValueId id) {
    if (id == kNoValue) return false;
    const auto it = calibration.values.find(graph.value(id).name);
    return it != calibration.values.end() && it->second.count == 0;
  };
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    if (std::any_of(node.inputs.begin(), node.inputs.end(), unreached) ||
        std::any_of(node.outputs.begin(), node.outputs.end(), unreached)) {
      requests.emplace(id, "no calibration sample reaches it");
    }
  }
}

FloatRequests RequestsOf(const Graph& graph, const Calibration* calibration,
                         const Recipe& recipe, const Target& target,
                         const Context& context) {
  FloatRequests requests;
  for (const auto& [name, override] : recipe.tensors) {
    if (!override.keep_float.value_or(false)) continue;
    for (const NodeId id : graph.order()) {
      const Node& node = graph.node(id);
      const auto touches = [&](const std::vector<ValueId>& list) {
        return std::any_of(list.begin(), list.end(), [&](ValueId v) {
          return v != kNoValue && (graph.value(v).name == name ||
                                   graph.value(v).user_name == name);
        });
      };
      if (touches(node.inputs) || touches(node.outputs)) {
        requests[id] = fmt::format("the recipe keeps '{}' float", name);
      }
    }
  }
  if (calibration != nullptr) KeepUnreached(graph, *calibration, requests);
  const MethodContext method_context{graph, calibration, recipe, target,
                                     context};
  for (const MethodDef* method : AllMethods()) {
    if (method->select == nullptr || !MethodIsOn(*method, recipe)) continue;
    if (method->needs_calibration && calibration == nullptr) continue;
    method->select(method_context, requests);
  }
  return requests;
}

// Applies the rewriting methods one after the other.
void Rewrite(Graph& graph, Calibration& calibration, const Recipe& recipe,
             const Target& target, const FloatRequests& requests,
             const Context& context) {
  for (const MethodDef* method : AllMethods()) {
    if (method->rewrite == nullptr || !MethodIsOn(*method, recipe)) continue;
    const Graph before = graph;
    const Calibration statistics = calibration;
    const int changed =
        method->rewrite({before, &statistics, recipe, target, context},
                        requests, graph, calibration);
    if (changed > 0) {
      context.Detail(fmt::format("{}: {} places", method->name, changed));
    }
  }
}

// For a nested graph: its captures whose outer values are quantized, and how.
using CaptureParams = std::map<ValueId, QuantParams>;

class Quantizer {
 public:
  Quantizer(const Graph& original, const Calibration* calibration,
            const Recipe& recipe, const CaptureParams& captures,
            const FloatRequests& requests, const Context& context)
      : original_(original),
        calibration_(calibration),
        recipe_(recipe),
        captures_(captures),
        context_(context),
        target_(FindTarget(recipe.target)),
        selection_(original_, target_, recipe_, requests),
        pool_(context.threads) {
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

  // ---- weights

  WeightOptions OptionsFor(const QuantSlot& slot, ValueId weight) const {
    WeightOptions options;
    options.dtype = recipe_.weights.value_or(target_.weight);
    options.per_channel = recipe_.per_channel && slot.axis >= 0;
    options.axis = slot.axis;
    options.reduce_axis = slot.reduce_axis;
    options.saturation_safe = recipe_.saturation_safe;
    if (options.per_channel && slot.axis == slot.reduce_axis) {
      options.group = result_.graph.value(weight).constant.dim(slot.axis);
    }
    return options;
  }

  // In static mode the integers are held: the network runs right after.
  Tensor Stored(const Tensor& weight, const QuantParams& params) const {
    if (recipe_.mode != QuantizeMode::kStatic) {
      return QuantizeWeight(weight, params);
    }
    const size_t bytes = BytesOf(params.dtype, weight.size());
    if (bytes > context_.memory_limit) {
      Fail(ErrorCode::kOutOfMemory,
           "needs {} bytes as {}, the limit is {}; weight-only quantization "
           "needs no memory for its weights",
           bytes, DTypeName(params.dtype), context_.memory_limit);
    }
    return QuantizeTensor(weight.Materialize(), params);
  }

  // One quantized constant for every way in which a constant is used.
  ValueId QuantizedWeight(ValueId id, const WeightOptions& options) {
    const auto key = std::make_tuple(id, options.dtype,
                                     options.per_channel ? options.axis : -1,
                                     options.group, options.reduce_axis);
    const auto [it, added] = weights_.try_emplace(key, kNoValue);
    if (!added) return it->second;
    const Value source = graph().value(id);
    const Tensor& weight = source.constant;
    Tensor stored;
    QuantParams params;
    try {
      params = ChooseWeightParams(weight, options, &pool_);
      stored = Stored(weight, params);
    } catch (const Error& error) {
      throw error.In(fmt::format("weight '{}'", source.name));
    }
    const ValueId copy =
        graph().AddConstant(source.name + "_quantized", std::move(stored));
    Value& value = graph().value(copy);
    value.dtype = DType::kFloat32;
    value.user_name = source.user_name;
    value.quant = params;
    result_.quantized_weight_bytes += value.constant.bytes() +
                                      params.scale.bytes() +
                                      params.zero_point.bytes();
    if (quantized_once_.insert(id).second) {
      result_.float_weight_bytes += weight.bytes();
    } else {
      result_.notes.push_back(fmt::format(
          "weight '{}' is stored twice, {} bytes more: its readers need "
          "different scales",
          source.name, value.constant.bytes()));
    }
    return it->second = copy;
  }

  void QuantizeWeights() {
    for (const NodeId id : original_.order()) {
      if (graph().node(id).removed) continue;
      const Decision& decision = selection_.of(id);
      if (IsTable(id)) {
        QuantizeTable(id);
      } else if (decision.stored_weights) {
        QuantizeNodeWeights(id);
        if (recipe_.mode == QuantizeMode::kDynamic) MakeDynamicLstm(id);
      } else if (recipe_.mode == QuantizeMode::kStatic) {
        if (decision.integer) QuantizeNodeWeights(id);
        if (decision.integer && IsSteps(graph().node(id))) SetStateGrid(id);
      } else if (decision.integer && decision.anchor) {
        QuantizeNodeWeights(id);
        if (recipe_.mode == QuantizeMode::kDynamic) MakeDynamic(id);
      }
    }
  }

  void QuantizeNodeWeights(NodeId id) {
    const QuantSpec& spec = selection_.of(id).spec;
    for (size_t i = 0; i < spec.inputs.size(); ++i) {
      const ValueId input = graph().node(id).input(i);
      if (spec.inputs[i].role != Role::kWeight || input == kNoValue) continue;
      WeightOptions options = OptionsFor(spec.inputs[i], input);
      if (BitsOf(options.dtype) == 4 && !UseGroups(id, options)) {
        options.dtype = DType::kInt8;
      }
      graph().ReplaceInput(id, i,
                           QuantizedWeight(graph().node(id).input(i), options));
    }
  }

  // 4 bits: MatMul and Gemm in the form that fuses to MatMulNBits, K first;
  // recurrent weights as they lie.
  bool UseGroups(NodeId id, WeightOptions& options) {
    Node& node = graph().node(id);
    if (selection_.of(id).stored_weights) {
      options.group = recipe_.group;
      return true;
    }
    const Tensor* weight = graph().ConstantOf(node.input(1));
    const bool fits = (node.Is("MatMul") || node.Is("Gemm")) && weight &&
                      weight->rank() == 2 && node.Int("transA", 0) == 0 &&
                      node.Float("alpha", 1.0f) == 1.0f;
    if (!fits) {
      eight_bits_instead_ = true;
      return false;
    }
    if (node.Int("transB", 0) != 0) {
      const std::string name = graph().value(node.input(1)).name;
      graph().ReplaceInput(id, 1,
                           graph().AddConstant(name, TransposeLazily(*weight)));
      graph().node(id).Set("transB", int64_t{0});
    }
    options.group = recipe_.group;
    options.reduce_axis = 0;
    options.axis = 1;
    return true;
  }

  bool IsTable(NodeId id) const {
    const Node& node = original_.node(id);
    const Tensor* table = original_.ConstantOf(node.input(0));
    return node.Is("Gather") && table != nullptr &&
           table->dtype() == DType::kFloat32 && table->rank() == 2 &&
           table->size() >= kSmallestTable && node.Int("axis", 0) == 0 &&
           selection_.of(id).kind == FloatKind::kNotReal;
  }

  // Embedding tables: one scale per column, so that the looked-up rows can
  // be dequantized along their last axis.
  void QuantizeTable(NodeId id) {
    WeightOptions options;
    options.dtype = recipe_.weights.value_or(target_.weight);
    options.axis = 1;
    options.reduce_axis = 1;
    if (BitsOf(options.dtype) == 4) options.group = recipe_.group;
    graph().ReplaceInput(id, 0,
                         QuantizedWeight(graph().node(id).input(0), options));
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

  // The state that the steps multiply is quantized like an activation of
  // range [-1, 1], which no state leaves: it is a product or a mean of tanh
  // and sigmoid.
  void SetStateGrid(NodeId id) {
    const DType dtype = ActivationType(recipe_, target_);
    const int32_t zero =
        IsSigned(dtype) ? 0 : static_cast<int32_t>(IntegerMax(dtype) / 2 + 1);
    const auto steps = static_cast<float>(IntegerMax(dtype) - zero);
    const QuantParams grid = PerTensor(dtype, 1.0f / steps, zero);
    const StepInputs& at = InputsOfSteps(graph().node(id));
    const std::string name = graph().node(id).name;
    const ValueId scale =
        graph().AddConstant(name + "_state_scale", grid.scale);
    const ValueId zero_point =
        graph().AddConstant(name + "_state_zero_point", grid.zero_point);
    graph().node(id).inputs.resize(at.zero_point + 1, kNoValue);
    graph().ReplaceInput(id, at.scale, scale);
    graph().ReplaceInput(id, at.zero_point, zero_point);
  }

  // ---- after the weights

  void Correct() {
    const MethodContext method_context{original_, calibration_, recipe_,
                                       target_, context_};
    for (const MethodDef* method : AllMethods()) {
      if (method->correct == nullptr || !MethodIsOn(*method, recipe_)) {
        continue;
      }
      const int changed = method->correct(method_context, graph());
      if (changed > 0) {
        context_.Detail(fmt::format("{}: {} biases", method->name, changed));
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
      QuantizeBias(id);
    }
  }

  void QuantizeBias(NodeId id) {
    const Node& node = graph().node(id);
    const Tensor* bias = graph().ConstantOf(node.input(2));
    const auto& input = graph().value(node.input(0)).quant;
    const auto& weight = graph().value(node.input(1)).quant;
    if (bias == nullptr || bias->dtype() != DType::kFloat32 || !input ||
        !weight || weight->scale.empty()) {
      return;
    }
    const Tensor flat = bias->Reshaped({bias->size()}).Materialize();
    const int64_t scales = weight->scale.size();
    if (bias->rank() > 2 || (scales > 1 && flat.size() != scales)) return;
    const BiasParams chosen =
        ChooseBiasParams(flat, input->scale_at(), *weight);
    if (chosen.must_grow) GrowWeight(id, chosen.grow);
    const BiasParams final_params =
        ChooseBiasParams(flat, input->scale_at(),
                         *graph().value(graph().node(id).input(1)).quant);
    const std::string name = graph().value(node.input(2)).name;
    const ValueId quantized = graph().AddConstant(
        name + "_quantized", QuantizeTensor(flat, final_params.params));
    graph().value(quantized).dtype = DType::kFloat32;
    graph().value(quantized).quant = final_params.params;
    graph().ReplaceInput(id, 2, quantized);
  }

  // A bias beyond 2^30 steps: the weight scale is raised, so that it fits.
  void GrowWeight(NodeId id, const std::vector<float>& grow) {
    const Value weight = graph().value(graph().node(id).input(1));
    QuantParams params = *weight.quant;
    std::vector<float> scales = params.scale.ToFloats();
    for (size_t c = 0; c < scales.size(); ++c) scales[c] *= grow[c];
    params.scale = Tensor::Of<float>(params.scale.dims(), scales);
    const Tensor real = DequantizeTensor(weight.constant, *weight.quant);
    const ValueId copy =
        graph().AddConstant(weight.name, QuantizeTensor(real, params));
    graph().value(copy).dtype = DType::kFloat32;
    graph().value(copy).user_name = weight.user_name;
    graph().value(copy).quant = params;
    graph().ReplaceInput(id, 1, copy);
  }

  void RecordOutcomes() {
    for (const NodeId id : original_.order()) {
      const Node& node = original_.node(id);
      const Decision& decision = selection_.of(id);
      NodeOutcome outcome;
      outcome.name = node.user_names.empty() ? node.name : node.user_names[0];
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
    if (eight_bits_instead_) {
      result_.notes.push_back(
          "4 bits in groups suit MatMul, Gemm, LSTM and GRU; other weights "
          "have 8 bits");
    }
  }

  const Graph& original_;
  const Calibration* calibration_;
  const Recipe& recipe_;
  const CaptureParams& captures_;
  const Context& context_;
  const Target& target_;
  Selection selection_;
  ThreadPool pool_;
  QuantizeResult result_;
  ActivationPlan plan_;
  std::map<ValueId, ValueId> requantized_;
  std::map<std::tuple<ValueId, DType, int, int64_t, int>, ValueId> weights_;
  std::set<ValueId> quantized_once_;
  std::set<NodeId> dynamic_lstms_;
  bool weights_only_ = false;
  bool eight_bits_instead_ = false;
};

bool HasQuantization(const Graph& whole) {
  bool found = false;
  ForEachGraph(whole, [&](const Graph& graph) {
    for (ValueId id = 0; id < graph.num_values(); ++id) {
      found = found || graph.value(id).quant.has_value();
    }
  });
  return found;
}

// What one graph of a nest needs calibrated, by its own ids.
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

// One graph; nested ones are copied as they are.
QuantizeResult QuantizeGraph(const Graph& graph, const Calibration* calibration,
                             const Recipe& recipe,
                             const CaptureParams& captures,
                             const Context& context) {
  const Target& target = FindTarget(recipe.target);
  const FloatRequests requests =
      RequestsOf(graph, calibration, recipe, target, context);
  if (recipe.mode != QuantizeMode::kStatic) {
    return Quantizer(graph, calibration, recipe, captures, requests, context)
        .Run();
  }
  Graph rewritten = graph;
  Calibration statistics = *calibration;
  Rewrite(rewritten, statistics, recipe, target, requests, context);
  return Quantizer(rewritten, &statistics, recipe, captures, requests, context)
      .Run();
}

void Append(QuantizeResult& to, QuantizeResult from) {
  to.nodes.insert(to.nodes.end(), from.nodes.begin(), from.nodes.end());
  for (std::string& note : from.notes) {
    if (std::find(to.notes.begin(), to.notes.end(), note) == to.notes.end()) {
      to.notes.push_back(std::move(note));
    }
  }
  to.float_weight_bytes += from.float_weight_bytes;
  to.quantized_weight_bytes += from.quantized_weight_bytes;
}

std::vector<NodeId> NodesWithGraphs(const Graph& graph) {
  std::vector<NodeId> nodes = graph.order();
  std::erase_if(nodes, [&](NodeId id) { return !graph.node(id).has_graphs(); });
  return nodes;
}

CaptureParams ParamsOfCaptures(const Graph& outer, const Node& node,
                               const Graph& body, size_t first) {
  CaptureParams params;
  for (size_t i = 0; i < body.captures().size(); ++i) {
    const auto& quant = outer.value(node.captures[first + i]).quant;
    if (quant) params[body.captures()[i]] = *quant;
  }
  return params;
}

// `graph` is one of the parts of `view`. Its nested graphs come after it: what
// happens in them changes nothing around.
QuantizeResult QuantizeNested(const Graph& graph, const LocalView& view,
                              const CaptureParams& captures,
                              const Context& context) {
  const std::optional<Calibration> calibration = view.CalibrationOf(graph);
  QuantizeResult result =
      QuantizeGraph(graph, calibration ? &*calibration : nullptr,
                    view.RecipeOf(graph), captures, context);
  const std::vector<NodeId> before = NodesWithGraphs(graph);
  const std::vector<NodeId> after = NodesWithGraphs(result.graph);
  CheckInternal(before.size() == after.size(),
                "Quantize: nodes with nested graphs came or went");
  for (size_t i = 0; i < before.size(); ++i) {
    ForEachBody(graph.node(before[i]), [&](const std::string& key,
                                           const Graph& body, size_t first) {
      const Node& node = result.graph.node(after[i]);
      QuantizeResult inner = QuantizeNested(
          body, view, ParamsOfCaptures(result.graph, node, body, first),
          context);
      result.graph.node(after[i]).Set(key, GraphBox(std::move(inner.graph)));
      Append(result, std::move(inner));
    });
  }
  return result;
}

}  // namespace

void PrepareForRecipe(Graph& graph, const Recipe& recipe) {
  const Target& target = FindTarget(recipe.target);
  if (recipe.mode != QuantizeMode::kStatic || !target.all_integer) return;
  bool any = false;
  ForEachGraph(graph, [&](Graph& each) {
    bool changed = false;
    for (const NodeId id : each.order()) {
      if (IsExcluded(each.node(id), recipe)) continue;
      changed |= SplitRecurrent(each, id);
    }
    if (changed) each.Compact();
    any |= changed;
  });
  if (any) InferShapes(graph);
}

std::vector<ValueId> ValuesToCalibrate(const Graph& graph,
                                       const Recipe& recipe) {
  CheckRecipe(graph, recipe);  // before the work, not after it
  if (recipe.mode != QuantizeMode::kStatic) return {};
  const NestedValues nested(graph);
  const LocalView view(nested, nullptr, recipe);
  std::vector<ValueId> wanted;
  for (const NestedValues::Part& part : nested.parts()) {
    for (const ValueId id :
         WantedValues(*part.graph, view.RecipeOf(*part.graph))) {
      wanted.push_back(part.first + id);
    }
  }
  return wanted;
}

QuantizeResult Quantize(const Graph& graph, const Calibration* calibration,
                        const Recipe& recipe, const Context& context) {
  if (HasQuantization(graph)) {
    Fail(ErrorCode::kInvalidArgument,
         "the network is quantized already; start from the float one");
  }
  CheckRecipe(graph, recipe);
  if (recipe.mode == QuantizeMode::kStatic && calibration == nullptr) {
    Fail(ErrorCode::kInvalidArgument,
         "static quantization needs data to calibrate with");
  }
  const NestedValues nested(graph);
  return QuantizeNested(graph, LocalView(nested, calibration, recipe), {},
                        context);
}

}  // namespace squint
