#include "graph_maker.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <random>

#include "squint/ops/infer.h"
#include "squint/ops/interpreter.h"

namespace squint {
namespace {

constexpr int64_t kMaxElements = 4096;  // of any value

// What shapes may depend on, as the executor tells it to inference.
std::map<ValueId, DimTensor> ContentsOf(const GraphMaker& maker,
                                        const Node& node) {
  std::map<ValueId, DimTensor> contents;
  for (const ValueId id : node.inputs) {
    if (id == kNoValue) continue;
    const Tensor& tensor = maker.TensorOf(id);
    if (tensor.dtype() != DType::kInt64 || tensor.rank() > 1) continue;
    const std::vector<int64_t> values = tensor.ToInts();
    contents[id] = {{values.begin(), values.end()}, tensor.rank() == 0};
  }
  return contents;
}

// Whether every result is known to be small before it is computed.
bool IsSmall(const std::vector<InferContext::Result>& results) {
  for (const auto& result : results) {
    const auto dims = result.shape.values();
    if (!dims || ElementCount(*dims) > kMaxElements) return false;
  }
  return true;
}

bool HasBodies(const OpExample& example) {
  return std::any_of(example.attributes.begin(), example.attributes.end(),
                     [](const auto& entry) {
                       return std::holds_alternative<GraphBox>(entry.second);
                     });
}

// Comparisons of large and of infinite numbers say little.
bool IsTame(const Tensor& tensor) {
  if (!IsFloat(tensor.dtype())) return true;
  for (const float value : tensor.ToFloats()) {
    if (!(std::fabs(value) < 1e4f)) return false;
  }
  return true;
}

// Elements moved up or down by about one part in a million: more than the
// rounding of any execution. By different steps, so that they do not cancel in
// a sum.
Tensor Shaken(const Tensor& tensor) {
  if (tensor.dtype() != DType::kFloat32) return tensor;
  std::vector<float> values = tensor.ToFloats();
  std::minstd_rand random;
  std::uniform_real_distribution<float> size(0.5f, 1.5f);
  for (float& value : values) {
    const float step = 1e-6f * size(random) * (random() % 2 == 0 ? 1 : -1);
    value += step * (std::fabs(value) + 0.1f);
  }
  return Tensor::Of<float>(tensor.dims(), values);
}

bool IsNear(const Tensor& a, const Tensor& b) {
  const DType dtype = a.dtype();
  if (!IsFloat(dtype) && !IsInteger(dtype) && dtype != DType::kBool) {
    return true;
  }
  if (a.dims() != b.dims()) return false;
  const Tensor x = a.CastTo(DType::kFloat64);
  const Tensor y = b.CastTo(DType::kFloat64);
  const auto p = x.values<double>();
  const auto q = y.values<double>();
  double largest = 1;
  for (const double value : p) largest = std::max(largest, std::fabs(value));
  // Amplified 200 times, rounding of 1e-7 stays well below what CheckNear
  // takes for a difference.
  return std::equal(p.begin(), p.end(), q.begin(), [&](double u, double v) {
    return std::fabs(u - v) <= 2e-4 * largest;
  });
}

// Whether rounding of its inputs does not make the result another one, as it
// does in the normalization of equal numbers and in the quantization of what
// sums to zero: there an execution cannot be judged, and moving the graph's
// inputs alone need not show it.
bool IsSteady(const Graph& graph, const Node& node,
              const std::vector<const Tensor*>& inputs,
              const std::vector<Tensor>& results) {
  std::vector<Tensor> held;
  for (const Tensor* input : inputs) {
    held.push_back(input == nullptr ? Tensor() : Shaken(*input));
  }
  std::vector<const Tensor*> shaken;
  for (size_t i = 0; i < inputs.size(); ++i) {
    shaken.push_back(inputs[i] == nullptr ? nullptr : &held[i]);
  }
  bool steady = false;
  Survives([&] {
    const std::vector<Tensor> moved = RunNodeReference(graph, node, shaken);
    steady = std::equal(results.begin(), results.end(), moved.begin(), IsNear);
  });
  return steady;
}

}  // namespace

const std::vector<OpExample>& FuzzExamples() {
  static const std::vector<OpExample> examples = AllExamples();
  return examples;
}

GraphMaker::GraphMaker(Choices& from) : choices(from) {
  graph.name = "fuzz";
  graph.ir_version = 10;
  graph.opset[""] = 25;
}

void GraphMaker::Keep(ValueId id, const Tensor& value) {
  computed_.resize(static_cast<size_t>(graph.num_values()));
  computed_[static_cast<size_t>(id)] = value;
  pool_.push_back(id);
}

ValueId GraphMaker::Input(const Tensor& value) {
  const ValueId id =
      graph.AddInput("x", value.dtype(), Shape::Of(value.dims()));
  inputs.push_back(value);
  Keep(id, value);
  return id;
}

ValueId GraphMaker::Constant(const Tensor& value) {
  const ValueId id = graph.AddConstant("c", value);
  Keep(id, value);
  return id;
}

ValueId GraphMaker::Ints(std::vector<int64_t> values) {
  const auto count = static_cast<int64_t>(values.size());
  return Constant(Tensor::Of<int64_t>({count}, values));
}

ValueId GraphMaker::Reals(Dims dims, float low, float high) {
  return Constant(Ramp(std::move(dims), low, high, ++seed_));
}

ValueId GraphMaker::Pick(DType dtype) {
  // The newest are the likeliest, so that chains grow long.
  for (size_t back = choices.Index(4); back < pool_.size(); ++back) {
    const ValueId id = pool_[pool_.size() - 1 - back];
    if (graph.value(id).dtype == dtype && !graph.value(id).is_constant()) {
      return id;
    }
  }
  Dims dims(static_cast<size_t>(choices.Int(1, 4)));
  for (int64_t& dim : dims) dim = choices.Int(1, 5);
  return Input(Ramp(std::move(dims), -2, 2, ++seed_).CastTo(dtype));
}

std::vector<ValueId> GraphMaker::Try(Node node, size_t num_outputs) {
  for (size_t i = 0; i < num_outputs; ++i) {
    node.outputs.push_back(graph.AddValue("y"));
  }
  std::vector<const Tensor*> tensors;
  computed_.resize(static_cast<size_t>(graph.num_values()));
  for (const ValueId id : node.inputs) {
    tensors.push_back(id == kNoValue ? nullptr : &TensorOf(id));
  }
  std::vector<Tensor> results;
  const bool runs = Survives([&] {
    if (!IsSmall(InferNode(graph, node, ContentsOf(*this, node)))) return;
    results = RunNodeReference(graph, node, tensors);
  });
  if (!runs || results.size() != num_outputs) return {};
  for (const Tensor& result : results) {
    if (result.empty() || !IsTame(result)) return {};
  }
  if (!quantized_ && !IsSteady(graph, node, tensors, results)) return {};
  const std::vector<ValueId> ids = node.outputs;
  graph.AddNode(std::move(node));
  for (size_t i = 0; i < num_outputs; ++i) {
    graph.value(ids[i]).dtype = results[i].dtype();
    graph.value(ids[i]).shape = Shape::Of(results[i].dims());
    Keep(ids[i], results[i]);
  }
  return ids;
}

ValueId GraphMaker::Add(std::string_view type, std::vector<ValueId> from,
                        Attributes attributes) {
  Node node;
  node.op_type = type;
  node.inputs = std::move(from);
  node.attributes = std::move(attributes);
  for (const ValueId id : node.inputs) {
    if (id == kNoValue) return kNoValue;  // what it was to read was refused
  }
  const std::vector<ValueId> made = Try(std::move(node));
  return made.empty() ? kNoValue : made[0];
}

// An example whose inputs come from the graph where that goes well, else its
// own tensors.
void GraphMaker::AddExample() {
  const OpExample& example = choices.OneOf(FuzzExamples());
  // Bodies run with their node's graph alone; and no file has nodes of
  // domain squint, which the layout writes out in other roundings.
  if (HasBodies(example) || example.domain == "squint") return;
  Node node;
  node.op_type = example.op_type;
  node.domain = example.domain;
  node.attributes = example.attributes;
  Node own = node;
  for (const OpExample::Input& input : example.inputs) {
    if (input.value.empty()) {
      node.inputs.push_back(kNoValue);
    } else if (input.constant || choices.Rarely(64)) {
      node.inputs.push_back(Constant(input.value));
    } else {
      node.inputs.push_back(Pick(input.value.dtype()));
    }
  }
  if (!Try(std::move(node), example.num_outputs).empty()) return;
  for (const OpExample::Input& input : example.inputs) {
    own.inputs.push_back(input.value.empty() ? kNoValue
                         : input.constant    ? Constant(input.value)
                                             : Input(input.value));
  }
  Try(std::move(own), example.num_outputs);
}

void GraphMaker::Grow(int count, bool quantized) {
  quantized_ = quantized;
  for (int i = 0; i < count && !choices.empty(); ++i) {
    const int64_t kind = choices.Int(0, quantized ? 6 : 2);
    if (kind == 0) {
      AddExample();
    } else if (kind <= 2) {
      AddPattern(*this);
    } else if (kind <= 4) {
      AddQuantization(*this);
    } else {
      AddQuantizedLayer(*this);
    }
  }
  ChooseOutputs();
  graph.Compact();
}

void GraphMaker::ChooseOutputs() {
  const UseMap uses(graph);
  for (const ValueId id : pool_) {
    if (graph.value(id).producer == kNoNode) continue;
    if (uses.of(id).empty() || choices.Rarely(16)) graph.AddOutput(id);
  }
}

}  // namespace squint
