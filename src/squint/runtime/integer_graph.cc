#include "squint/runtime/integer_graph.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "squint/kernels/pool/byte_pool.h"
#include "squint/ops/infer.h"
#include "squint/ops/integer_sums.h"
#include "squint/ops/op.h"
#include "squint/ops/operand_params.h"
#include "squint/ops/qlinear_operands.h"
#include "squint/ops/recurrent_steps.h"
#include "squint/ops/sampling.h"
#include "squint/runtime/byte_table.h"
#include "squint/runtime/channels_last.h"
#include "squint/runtime/concat_in_place.h"
#include "squint/runtime/dynamic_graph.h"
#include "squint/runtime/fuse_additions.h"
#include "squint/runtime/fuse_attention.h"
#include "squint/runtime/fuse_chains.h"
#include "squint/runtime/fuse_means.h"
#include "squint/runtime/fuse_normalizations.h"
#include "squint/runtime/fuse_sums.h"
#include "squint/runtime/fuse_to_bytes.h"
#include "squint/runtime/split_in_place.h"

namespace squint {
namespace {

bool Contains(std::span<const std::string_view> names, const Node& node) {
  return std::ranges::find(names, node.op_type) != names.end();
}

// Operators whose outputs are elements of input 0, moved or chosen.
constexpr std::array<std::string_view, 13> kMovement = {
    "DepthToSpace", "Expand",  "Flatten",  "Gather", "GlobalMaxPool",
    "Identity",     "MaxPool", "Reshape",  "Slice",  "SpaceToDepth",
    "Split",        "Squeeze", "Transpose"};

class Lowering {
 public:
  Lowering(const Graph& graph, const IntegerGraphOptions& options)
      : options_(options),
        original_(graph),
        graph_(graph),
        stored_(static_cast<size_t>(graph.num_values()), kNoValue),
        real_(static_cast<size_t>(graph.num_values()), kNoValue) {
    for (ValueId id = 0; id < graph.num_values(); ++id) {
      if (IsLowered(id)) graph_.value(id).quant.reset();
    }
  }

  Graph Run() {
    for (const NodeId id : original_.order()) {
      node_ = id;
      if (graph_.node(id).removed) continue;
      if (!MakeInteger()) KeepReal();
    }
    node_ = kNoNode;
    std::vector<ValueId> outputs;
    for (const ValueId id : original_.outputs()) outputs.push_back(Real(id));
    graph_.SetOutputs(std::move(outputs));
    graph_.Compact();
    InferShapes(graph_);
    UseChannelsLast(graph_);
    if (options_.fuse) {
      FuseAdditions(graph_);
      FuseMeans(graph_);
      FuseToBytes(graph_);
      FuseNormalizations(graph_);
      FuseAttention(graph_);
      FuseSums(graph_);
      WriteInPlace(graph_);
      ReadSplitsInPlace(graph_);
      FuseChains(graph_);
    }
    VerifyGraph(graph_);
    return std::move(graph_);
  }

 private:
  const Node& node() const { return original_.node(node_); }

  // ---- forms of values

  bool IsStatic(const QuantParams& q) const {
    return q.kind == QuantKind::kStatic && !q.scale.empty() && q.block == 0 &&
           (options_.sixteen_bits ? IsByteOrTwo(q.dtype) : IsByte(q.dtype));
  }

  // The value becomes a tensor of integers.
  bool IsLowered(ValueId id) const {
    const Value& value = original_.value(id);
    return !value.is_constant() && value.quant && IsStatic(*value.quant) &&
           value.quant->per_tensor() && value.dtype == DType::kFloat32 &&
           !(original_.IsInput(id) && original_.IsOutput(id)) &&
           !original_.IsCapture(id);
  }

  const QuantParams& Quant(ValueId id) const {
    return *original_.value(id).quant;
  }

  ValueId Constant(const std::string& name, Tensor tensor) {
    return graph_.AddConstant(name, std::move(tensor));
  }

  // Scale and zero point of a value as inputs of a node.
  std::vector<ValueId> ParametersOf(ValueId id) {
    const ParameterTensors tensors = ParameterTensorsOf(Quant(id));
    const std::string& name = original_.value(id).name;
    return {Constant(name + "_scale", tensors.scale),
            Constant(name + "_zero_point", tensors.zero_point)};
  }

  // Before the node at hand, or at the end.
  void Place(Node made) {
    if (node_ == kNoNode) {
      graph_.AddNode(std::move(made));
    } else {
      graph_.InsertBefore(node_, std::move(made));
    }
  }

  ValueId Convert(const char* op_type, ValueId from, ValueId of, ValueId to) {
    Node made;
    made.op_type = op_type;
    made.name = original_.value(of).name + "_" + op_type;
    made.inputs = {from};
    const std::vector<ValueId> parameters = ParametersOf(of);
    made.inputs.insert(made.inputs.end(), parameters.begin(), parameters.end());
    made.outputs = {to};
    Place(std::move(made));
    return to;
  }

  ValueId NewStored(ValueId id) {
    const Value& value = original_.value(id);
    return graph_.AddValue(value.name + "_stored", value.quant->dtype,
                           value.shape);
  }

  // The integers of a lowered value, or of a quantized constant.
  ValueId Stored(ValueId id) {
    ValueId& form = stored_[static_cast<size_t>(id)];
    if (form != kNoValue) return form;
    const Value& value = original_.value(id);
    if (value.is_constant()) {
      return form = Constant(value.name + "_stored", value.constant);
    }
    // A graph input: what nodes make is stored where it is made.
    return form = Convert("QuantizeLinear", id, id, NewStored(id));
  }

  // The value in real numbers: those that its integers stand for.
  ValueId Real(ValueId id) {
    if (id == kNoValue || !IsLowered(id)) return id;
    ValueId& form = real_[static_cast<size_t>(id)];
    if (form != kNoValue) return form;
    const ValueId stored = Stored(id);
    // The name belongs to the real numbers, unless the caller gives them.
    const Value& value = original_.value(id);
    form = original_.IsInput(id)
               ? graph_.AddValue(value.name + "_real", value.dtype, value.shape)
               : id;
    return Convert("DequantizeLinear", stored, id, form);
  }

  // ---- nodes that stay

  // Reads reals; what is quantized is rounded behind it.
  void KeepReal() {
    const Node before = node();
    for (size_t i = 0; i < before.inputs.size(); ++i) {
      const ValueId real = Real(before.inputs[i]);
      if (real != before.inputs[i]) graph_.ReplaceInput(node_, i, real);
    }
    for (ValueId& id : graph_.node(node_).captures) id = Real(id);
    for (size_t i = 0; i < before.outputs.size(); ++i) {
      const ValueId id = before.outputs[i];
      if (id != kNoValue && IsLowered(id)) RoundResult(id, i);
    }
  }

  void RoundResult(ValueId id, size_t output) {
    const Value& value = original_.value(id);
    const ValueId raw =
        graph_.AddValue(value.name + "_raw", value.dtype, value.shape);
    graph_.SetProducer(raw, node_, output);
    graph_.value(id).producer = kNoNode;
    const ValueId stored = NewStored(id);
    Node made;
    made.op_type = "QuantizeLinear";
    made.name = value.name + "_QuantizeLinear";
    made.inputs = {raw};
    const std::vector<ValueId> parameters = ParametersOf(id);
    made.inputs.insert(made.inputs.end(), parameters.begin(), parameters.end());
    made.outputs = {stored};
    graph_.InsertAfter(node_, std::move(made));
    stored_[static_cast<size_t>(id)] = stored;
  }

  // ---- nodes that become integer

  bool MakeInteger() {
    const Node& n = node();
    if (n.outputs.empty() || n.has_graphs() || !n.has_input(0) ||
        n.output() == kNoValue) {
      return false;
    }
    if (MapsChannels(original_, n)) return MakeChannelTables();
    // Products and means have a form with a real result.
    if (n.Is("MatMul")) return MakeMatMul();
    if (n.Is("Gemm")) return MakeGemm();
    if (n.Is("GlobalAveragePool") && MakeRealMean()) return true;
    for (const ValueId id : n.outputs) {
      if (id != kNoValue && !IsLowered(id)) return false;
    }
    if (n.Is("Conv")) return MakeConv();
    if (n.Is("Add") || n.Is("Mul")) return MakeTable() || MakeBinary();
    if (n.Is("GlobalAveragePool") || IsPlainAverage(n)) return MakeAverage();
    if (n.Is("Concat")) return MakeConcat();
    if (n.Is("Pad")) return MakePad();
    const bool moves =
        Contains(kMovement, n) || (n.Is("Resize") && ResizeOnlyMoves(n));
    if (n.domain.empty() && moves) return MakeMovement();
    return MakeTable();
  }

  // A lowered value, or a constant quantized per tensor.
  bool IsOperand(ValueId id) const {
    if (id == kNoValue) return false;
    const Value& value = original_.value(id);
    return IsLowered(id) ||
           (value.is_constant() && value.quant && IsStatic(*value.quant) &&
            value.quant->per_tensor());
  }

  // A weight with one scale, or one for each index of `axis`.
  bool IsWeight(ValueId id, int axis) const {
    if (IsOperand(id)) return true;
    const Value& value = original_.value(id);
    return value.is_constant() && value.quant && IsStatic(*value.quant) &&
           value.quant->axis == axis;
  }

  void Become(std::string_view op_type, std::string_view domain,
              std::vector<ValueId> inputs, Attributes attributes) {
    Node& made = graph_.node(node_);
    made.op_type = op_type;
    made.domain = domain;
    made.inputs = std::move(inputs);
    made.attributes = std::move(attributes);
    const std::vector<ValueId> outputs = made.outputs;
    for (size_t i = 0; i < outputs.size(); ++i) {
      const ValueId id = outputs[i];
      if (id == kNoValue || !IsLowered(id)) continue;
      const ValueId stored = NewStored(id);
      graph_.SetProducer(stored, node_, i);
      graph_.value(id).producer = kNoNode;
      stored_[static_cast<size_t>(id)] = stored;
    }
  }

  void Append(std::vector<ValueId>& inputs, ValueId id) {
    inputs.push_back(Stored(id));
    AppendParameters(inputs, id);
  }
  void AppendParameters(std::vector<ValueId>& inputs, ValueId id) {
    const std::vector<ValueId> parameters = ParametersOf(id);
    inputs.insert(inputs.end(), parameters.begin(), parameters.end());
  }

  // The constant bias in steps of scale(x) * scale(w), as the integer reading
  // takes it; nullopt where it cannot.
  std::optional<Tensor> BiasOf(size_t input, int64_t channels) const {
    const Value& value = original_.value(node().input(input));
    if (!value.is_constant()) return std::nullopt;
    const Tensor bias = value.constant.Materialize();
    RunContext context{node(), {}, {}, {}, {}};
    context.inputs.resize(input + 1, nullptr);
    context.input_quant.resize(input + 1, nullptr);
    context.inputs[input] = &bias;
    if (value.quant) context.input_quant[input] = &*value.quant;
    const auto steps =
        BiasSteps(context, input, channels, Quant(node().input(0)),
                  Quant(node().input(1)));
    if (!steps) return std::nullopt;
    Tensor integers(DType::kInt32, {channels});
    for (int64_t c = 0; c < channels; ++c) {
      const double step = (*steps)[static_cast<size_t>(c)];
      if (std::fabs(step) > 2147483647.0) return std::nullopt;
      integers.mutable_data<int32_t>()[c] = static_cast<int32_t>(step);
    }
    return integers;
  }

  bool HasProductOperands(int weight_axis) const {
    return IsOperand(node().input(0)) && node().has_input(1) &&
           IsWeight(node().input(1), weight_axis);
  }

  bool MakeConv() {
    const Node n = node();
    if (!HasProductOperands(0)) return false;
    const Value& weight = original_.value(n.input(1));
    if (!weight.is_constant()) return false;
    std::optional<Tensor> bias;
    if (n.has_input(2)) {
      bias = BiasOf(2, weight.constant.dim(0));
      if (!bias) return false;
    }
    std::vector<ValueId> inputs;
    Append(inputs, n.input(0));
    Append(inputs, n.input(1));
    AppendParameters(inputs, n.output());
    if (bias) inputs.push_back(Constant("bias", *bias));
    Become("QLinearConv", "", std::move(inputs), n.attributes);
    return true;
  }

  int RankOf(ValueId id) const {
    const Value& value = original_.value(id);
    if (value.is_constant()) return value.constant.rank();
    return value.shape.has_rank() ? value.shape.rank() : -1;
  }

  // The result is stored as integers, or real numbers without a grid.
  bool HasPlainResult() const {
    const ValueId y = node().output();
    return IsLowered(y) || !original_.value(y).quant;
  }

  bool MakeMatMul() {
    const Node n = node();
    if (!n.has_input(1) || !HasProductOperands(RankOf(n.input(1)) - 1) ||
        !HasPlainResult()) {
      return false;
    }
    std::vector<ValueId> inputs;
    if (!IsLowered(n.output())) {
      const std::vector<ValueId> a = ParametersOf(n.input(0));
      const std::vector<ValueId> b = ParametersOf(n.input(1));
      Become("MatMulIntegerToFloat", "com.microsoft",
             {Stored(n.input(0)), Stored(n.input(1)), a[0], b[0], a[1], b[1]},
             {});
      return true;
    }
    Append(inputs, n.input(0));
    Append(inputs, n.input(1));
    AppendParameters(inputs, n.output());
    Become("QLinearMatMul", "", std::move(inputs), {});
    return true;
  }

  bool MakeGemm() {
    const Node n = node();
    const int axis = n.Int("transB", 0) != 0 ? 0 : 1;
    if (!HasProductOperands(axis) || !HasPlainResult() ||
        n.Float("beta", 1.0f) != 1.0f || n.Float("alpha", 1.0f) != 1.0f) {
      return false;
    }
    const Value& weight = original_.value(n.input(1));
    if (!weight.is_constant()) return false;
    std::optional<Tensor> bias;
    if (n.has_input(2)) {
      bias = BiasOf(2, weight.constant.dim(axis));
      if (!bias) return false;
    }
    std::vector<ValueId> inputs;
    Append(inputs, n.input(0));
    Append(inputs, n.input(1));
    if (bias || IsLowered(n.output())) {
      inputs.push_back(bias ? Constant("bias", *bias) : kNoValue);
    }
    if (IsLowered(n.output())) AppendParameters(inputs, n.output());
    Attributes attributes = n.attributes;
    attributes.erase("beta");
    Become("QGemm", "com.microsoft", std::move(inputs), std::move(attributes));
    return true;
  }

  bool MakeBinary() {
    const Node n = node();
    if (n.inputs.size() != 2 || !IsOperand(n.input(0)) ||
        !IsOperand(n.input(1))) {
      return false;
    }
    std::vector<ValueId> inputs;
    Append(inputs, n.input(0));
    Append(inputs, n.input(1));
    AppendParameters(inputs, n.output());
    Become("QLinear" + n.op_type, "com.microsoft", std::move(inputs), {});
    return true;
  }

  // com.microsoft::QLinearAveragePool has no dilations; its step has a limit.
  static bool IsPlainAverage(const Node& n) {
    if (!n.Is("AveragePool")) return false;
    int64_t taps = 1;
    for (const int64_t k : n.Ints("kernel_shape")) {
      if (k > kMeanTaps) return false;
      taps *= k;
    }
    return taps <= kMeanTaps &&
           std::ranges::all_of(n.Ints("dilations"),
                               [](int64_t d) { return d == 1; });
  }

  bool MakeAverage() {
    const Node n = node();
    if (!IsOperand(n.input(0))) return false;
    std::vector<ValueId> inputs;
    Append(inputs, n.input(0));
    AppendParameters(inputs, n.output());
    Become("QLinear" + n.op_type, "com.microsoft", std::move(inputs),
           n.attributes);
    return true;
  }

  bool MakeRealMean() {
    const Node n = node();
    if (options_.sixteen_bits || !IsOperand(n.input(0)) ||
        original_.value(n.output()).quant) {
      return false;
    }
    std::vector<ValueId> inputs;
    Append(inputs, n.input(0));
    Become("GlobalAveragePoolToFloat", "squint", std::move(inputs), {});
    return true;
  }

  bool MakeMovement() {
    const Node n = node();
    if (!IsOperand(n.input(0))) return false;
    if (n.Is("MaxPool") && n.output(1) != kNoValue) return false;
    for (const ValueId id : n.outputs) {
      if (id != kNoValue && !(Quant(id) == Quant(n.input(0)))) return false;
    }
    std::vector<ValueId> inputs = n.inputs;
    inputs[0] = Stored(n.input(0));
    for (size_t i = 1; i < inputs.size(); ++i) inputs[i] = Real(inputs[i]);
    Become(n.op_type, "", std::move(inputs), n.attributes);
    return true;
  }

  // What stands around is rounded as the integer reading does it.
  bool MakePad() {
    const Node n = node();
    if (!IsOperand(n.input(0)) || !(Quant(n.input(0)) == Quant(n.output()))) {
      return false;
    }
    std::vector<ValueId> inputs = n.inputs;
    inputs[0] = Stored(n.input(0));
    if (n.String("mode", "constant") == "constant") {
      Tensor border = Tensor::Scalar<float>(0.0f);
      if (n.has_input(2)) {
        const Value& value = original_.value(n.input(2));
        if (!value.is_constant() || value.quant) return false;
        if (value.constant.size() > 0) border = value.constant.Materialize();
      }
      inputs.resize(std::max<size_t>(inputs.size(), 3), kNoValue);
      inputs[2] = Constant(original_.value(n.output()).name + "_border",
                           QuantizeTensor(border, Quant(n.input(0))));
    }
    Become("Pad", "", std::move(inputs), n.attributes);
    return true;
  }

  // Parts on another grid are looked up on the result's.
  bool MakeConcat() {
    const Node n = node();
    if (!std::ranges::all_of(n.inputs,
                             [&](ValueId id) { return IsOperand(id); })) {
      return false;
    }
    std::vector<ValueId> inputs;
    for (const ValueId id : n.inputs) {
      const QuantParams& from = Quant(id);
      const QuantParams& to = Quant(n.output());
      ValueId part = Stored(id);
      if (!(from == to)) {
        Node made;
        made.op_type = "Lookup";
        made.domain = "squint";
        made.name = original_.value(id).name + "_moved";
        made.inputs = {
            part, Constant(made.name + "_table",
                           QuantizeTensor(
                               DequantizeTensor(AllNumbers(from), from), to))};
        part = graph_.AddValue(made.name, to.dtype, original_.value(id).shape);
        made.outputs = {part};
        Place(std::move(made));
      }
      inputs.push_back(part);
    }
    Become("Concat", "", std::move(inputs), n.attributes);
    return true;
  }

  // ---- functions of one number

  bool MakeTable() {
    const int mapped = MappedInput(original_, node());
    if (mapped < 0) return false;
    const ValueId x = node().input(static_cast<size_t>(mapped));
    if (!IsLowered(x)) return false;
    const std::string name = original_.value(node().output()).name;
    const ValueId table =
        Constant(name + "_table", TableOf(original_, node(), mapped));
    const ValueId stored = Stored(x);
    Become("Lookup", "squint", {stored, table}, {});
    return true;
  }

  // The node that maps what the one at hand makes, itself real, and alone
  // reads it; null where there is none.
  const Node* MappingReader() const {
    const ValueId made = node().output();
    const NodeId reader = uses_.SoleReader(made);
    if (reader == kNoNode || original_.value(made).quant ||
        original_.IsOutput(made)) {
      return nullptr;
    }
    const Node& after = original_.node(reader);
    const bool maps = MappedInput(original_, after) == 0 &&
                      after.input(0) == made && IsLowered(after.output());
    return maps ? &after : nullptr;
  }

  bool MakeChannelTables() {
    const ValueId x = node().input(0);
    const ValueId made = node().output();
    const auto is_byte = [&](ValueId id) {
      return IsLowered(id) && IsByte(Quant(id).dtype);
    };
    const Node* after = IsLowered(made) ? nullptr : MappingReader();
    if (!is_byte(x) || !is_byte(after == nullptr ? made : after->output())) {
      return false;
    }
    const Tensor tables = ChannelTables(original_, node(), after);
    if (after != nullptr) {
      const ValueId end = after->output();
      graph_.RemoveNode(uses_.SoleReader(made));
      graph_.SetProducer(end, node_, 0);
      graph_.value(made).producer = kNoNode;
    }
    const ValueId constant =
        Constant(original_.value(made).name + "_tables", tables);
    const ValueId stored = Stored(x);
    Become("Lookup", "squint", {stored, constant}, {{"axis", int64_t{1}}});
    return true;
  }

  const IntegerGraphOptions options_;
  const Graph& original_;
  UseMap uses_{original_};
  Graph graph_;
  std::vector<ValueId> stored_;
  std::vector<ValueId> real_;
  NodeId node_ = kNoNode;  // the one at hand
};

// A weight of 4 bits becomes int8: the kernels read bytes.
void WidenWeight(Graph& graph, NodeId id, size_t input) {
  const Value narrow = graph.value(graph.node(id).input(input));
  if (!narrow.is_constant() || !narrow.quant || narrow.quant->block != 0 ||
      narrow.quant->dtype != DType::kInt4) {
    return;
  }
  const ValueId wide =
      graph.AddConstant(narrow.name, narrow.constant.CastTo(DType::kInt8));
  Value& value = graph.value(wide);
  value.dtype = narrow.dtype;
  value.user_name = narrow.user_name;
  value.quant = narrow.quant;
  value.quant->dtype = DType::kInt8;
  Tensor& zero = value.quant->zero_point;
  if (!zero.empty()) zero = zero.CastTo(DType::kInt8);
  graph.ReplaceInput(id, input, wide);
}

// Those that meet integers: inputs 1 behind quantized ones, and the weights of
// recurrent steps.
void WidenWeights(Graph& graph) {
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    if (IsSteps(node)) {
      const size_t count = InputsOfSteps(node).num_weights;
      for (size_t i = 0; i < count; ++i) {
        WidenWeight(graph, id, StepInputs::kWeights + i);
      }
    } else if (node.has_input(1) && graph.value(node.input(0)).quant) {
      WidenWeight(graph, id, 1);
    }
  }
}

}  // namespace

Graph LowerToIntegers(const Graph& graph, const IntegerGraphOptions& options) {
  Graph dynamic = graph;
  WidenWeights(dynamic);
  LowerDynamicProducts(dynamic);
  return Lowering(dynamic, options).Run();
}

}  // namespace squint
