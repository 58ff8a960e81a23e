// What op_examples.h declares: builds and quantizes the graphs of one node.
#include "squint/ops/op_examples.h"

#include <algorithm>
#include <array>
#include <set>

#include "squint/ops/infer.h"
#include "squint/ops/interpreter.h"

namespace squint {

// Weak: a file without examples is a failed test, not a failed link.
#define SQUINT_OP(name, file) \
  __attribute__((weak)) std::vector<OpExample> Examples_##file();
#include "squint/ops/op_list.inc"
#undef SQUINT_OP

namespace {

using ExampleList = std::vector<OpExample> (*)();

QuantParams ParamsFor(const Tensor& real, const QuantSlot& slot,
                      const Target& target) {
  const std::vector<float> values = real.ToFloats();
  if (slot.unit_range) {
    const auto zero = static_cast<int32_t>(IntegerMin(target.activation));
    const float steps = static_cast<float>(IntegerMax(target.activation) -
                                           IntegerMin(target.activation) + 1);
    return PerTensor(target.activation, 1.0f / steps, zero);
  }
  if (slot.role == Role::kActivation || slot.axis < 0) {
    const bool weight = slot.role == Role::kWeight;
    const DType dtype = weight ? target.weight : target.activation;
    const auto [low, high] = std::minmax_element(values.begin(), values.end());
    const ScaleZero chosen =
        ChooseScale(values.empty() ? 0 : *low, values.empty() ? 0 : *high,
                    dtype, weight || target.symmetric_activation);
    return PerTensor(dtype, chosen.scale, chosen.zero_point);
  }
  const int64_t channels = real.dim(slot.axis);
  const int64_t inner = StridesOf(real.dims())[static_cast<size_t>(slot.axis)];
  std::vector<float> peaks(static_cast<size_t>(channels), 0.0f);
  for (size_t i = 0; i < values.size(); ++i) {
    const auto index = static_cast<int64_t>(i);
    float& peak = peaks[static_cast<size_t>(index / inner % channels)];
    peak = std::max(peak, std::fabs(values[i]));
  }
  for (float& peak : peaks) {
    peak = ChooseScale(-peak, peak, target.weight, true).scale;
  }
  return PerChannel(target.weight, slot.axis, peaks);
}

void SetQuant(Value& value, const QuantParams& params) {
  value.quant = params;
  if (value.is_constant()) {
    value.constant = QuantizeTensor(value.constant, params);
  }
}

void QuantizeBias(Graph& graph, const Node& node, size_t bias) {
  const QuantParams& x = *graph.value(node.input(0)).quant;
  const QuantParams& w = *graph.value(node.input(1)).quant;
  std::vector<float> scales;
  const int64_t count = graph.value(node.input(bias)).constant.size();
  for (int64_t c = 0; c < count; ++c) {
    scales.push_back(x.scale_at() * w.scale_at(w.per_tensor() ? 0 : c));
  }
  SetQuant(graph.value(node.input(bias)), PerChannel(DType::kInt32, 0, scales));
}

}  // namespace

OpExample::OpExample(std::string type, std::string words, std::string in_domain)
    : op_type(std::move(type)),
      what(std::move(words)),
      domain(std::move(in_domain)) {}

OpExample OpExample::In(Tensor value) && {
  inputs.push_back({std::move(value), false});
  return std::move(*this);
}
OpExample OpExample::Const(Tensor value) && {
  inputs.push_back({std::move(value), true});
  return std::move(*this);
}
OpExample OpExample::Absent() && {
  inputs.push_back({});
  return std::move(*this);
}
OpExample OpExample::Set(std::string_view key, Attribute value) && {
  attributes.insert_or_assign(std::string(key), std::move(value));
  return std::move(*this);
}
OpExample OpExample::Outputs(size_t count) && {
  num_outputs = count;
  return std::move(*this);
}
OpExample OpExample::Steps(double bound) && {
  steps = bound;
  return std::move(*this);
}
OpExample OpExample::DataDependent() && {
  data_dependent = true;
  return std::move(*this);
}
OpExample OpExample::FixedSizes() && {
  fixed_sizes = true;
  return std::move(*this);
}

std::string OpExample::label() const { return op_type + ", " + what; }

Graph GraphOf(const OpExample& example, bool symbolic) {
  Graph graph;
  graph.opset[""] = 25;
  Node node;
  node.op_type = example.op_type;
  node.domain = example.domain;
  node.attributes = example.attributes;
  for (const OpExample::Input& input : example.inputs) {
    if (input.value.empty()) {
      node.inputs.push_back(kNoValue);
    } else if (input.constant) {
      node.inputs.push_back(graph.AddConstant("c", input.value));
    } else {
      DimList dims(input.value.dims().begin(), input.value.dims().end());
      if (symbolic && !dims.empty()) dims[0] = Dim::Symbol("n");
      node.inputs.push_back(
          graph.AddInput("x", input.value.dtype(), Shape(std::move(dims))));
    }
  }
  for (size_t i = 0; i < example.num_outputs; ++i) {
    node.outputs.push_back(graph.AddValue("y"));
    graph.AddOutput(node.outputs.back());
  }
  graph.AddNode(std::move(node));
  return graph;
}

std::vector<Tensor> InputsOf(const OpExample& example) {
  std::vector<Tensor> tensors;
  for (const OpExample::Input& input : example.inputs) {
    if (!input.value.empty() && !input.constant) tensors.push_back(input.value);
  }
  return tensors;
}

std::vector<Tensor> RunExample(const OpExample& example) {
  Graph graph = GraphOf(example);
  InferShapes(graph);  // as after a load: nested graphs' types count
  return Interpret(graph, InputsOf(example));
}

std::vector<float> FloatsOf(const OpExample& example) {
  return RunExample(example).at(0).ToFloats();
}

std::vector<float> ApplyTo(const char* type, std::vector<float> x,
                           Attributes attributes) {
  const auto count = static_cast<int64_t>(x.size());
  OpExample example = OpExample(type, "").In(Floats({count}, std::move(x)));
  example.attributes = std::move(attributes);
  return FloatsOf(example);
}

bool QuantizeExample(const Target& target, Graph& graph,
                     const std::vector<Tensor>& inputs) {
  const Node& node = graph.node(graph.order().front());
  const OpDef& op = *FindOp(node.op_type, node.domain);
  if (op.quantize == nullptr) return false;
  const QuantSpec spec = op.quantize({graph, node, target});
  if (!spec.reason.empty()) return false;
  const std::vector<Tensor> outputs = Interpret(graph, inputs);
  std::vector<size_t> biases;
  for (size_t i = 0; i < spec.inputs.size(); ++i) {
    const QuantSlot& slot = spec.inputs[i];
    if (!node.has_input(i) || slot.role == Role::kFloat) continue;
    if (slot.role == Role::kBias) {
      biases.push_back(i);
      continue;
    }
    Value& value = graph.value(node.input(i));
    const auto at =
        std::find(graph.inputs().begin(), graph.inputs().end(), node.input(i)) -
        graph.inputs().begin();
    SetQuant(value,
             ParamsFor(value.is_constant() ? value.constant
                                           : inputs[static_cast<size_t>(at)],
                       slot, target));
  }
  for (const size_t bias : biases) QuantizeBias(graph, node, bias);
  for (size_t i = 0; i < spec.outputs.size(); ++i) {
    if (node.output(i) == kNoValue) continue;
    const QuantSlot& slot = spec.outputs[i];
    if (slot.role == Role::kFloat) continue;
    SetQuant(graph.value(node.output(i)), ParamsFor(outputs[i], slot, target));
  }
  for (const auto& [input, output] : spec.same) {
    const auto& quant =
        graph.value(node.input(static_cast<size_t>(input))).quant;
    graph.value(node.output(static_cast<size_t>(output))).quant = quant;
  }
  return true;
}

std::vector<int64_t> IntegersOf(const OpExample& example, DType activation) {
  Target target;
  target.activation = activation;
  target.all_integer = true;
  Graph graph = GraphOf(example);
  InferShapes(graph);
  CheckInternal(QuantizeExample(target, graph, InputsOf(example)),
                "IntegersOf: the rule keeps the example float");
  std::vector<int64_t> integers;
  InterpreterOptions options;
  options.reading = Reading::kInteger;
  options.tap_stored = true;
  options.tap = [&](ValueId id, const Tensor& stored) {
    if (id == graph.outputs()[0]) integers = stored.ToInts();
  };
  Interpret(graph, InputsOf(example), options);
  return integers;
}

Tensor Ramp(Dims dims, float low, float high, uint32_t seed) {
  Tensor tensor(DType::kFloat32, std::move(dims));
  float* out = tensor.mutable_data<float>();
  uint32_t state = seed * 2654435761u + 12345u;
  for (int64_t i = 0; i < tensor.size(); ++i) {
    state = state * 1664525u + 1013904223u;
    out[i] = low + (high - low) * static_cast<float>(state >> 8) / 16777216.0f;
  }
  return tensor;
}

Tensor Floats(Dims dims, std::vector<float> values) {
  return Tensor::Of<float>(std::move(dims), values);
}

Tensor Ints(Dims dims, std::vector<int64_t> values) {
  return Tensor::Of<int64_t>(std::move(dims), values);
}

std::vector<OpExample> AllExamples() {
  std::set<ExampleList> lists;
#define SQUINT_OP(name, file) lists.insert(&Examples_##file);
#include "squint/ops/op_list.inc"
#undef SQUINT_OP
  std::vector<OpExample> all;
  for (const ExampleList list : lists) {
    if (list == nullptr) continue;
    for (OpExample& example : list()) all.push_back(std::move(example));
  }
  return all;
}

}  // namespace squint
