#include "squint/emit/model_writer.h"

#include <utility>

#include "squint/emit/c_text.h"
#include "squint/emit/kernel_text.h"
#include "squint/graph/user_name.h"

namespace squint {
namespace {

constexpr size_t kCommentWidth = 66;

int64_t BytesOfType(std::string_view type) {
  if (type.find("64") != std::string_view::npos) return 8;
  if (type == "float" || type.find("32") != std::string_view::npos) return 4;
  return type.find("16") != std::string_view::npos ? 2 : 1;
}

// What an array takes with the space before the next one: gcc begins each at a
// multiple of 8 for Cortex-M55, for others at multiples of 4.
int64_t SpaceOf(int64_t bytes_of_one, int64_t size) {
  return (bytes_of_one * size + 7) / 8 * 8;
}

}  // namespace

ModelWriter::ModelWriter(const FixedNetwork& network, const MemoryPlan& plan,
                         std::string prefix,
                         std::function<std::string(ValueId)> argument)
    : network_(network),
      plan_(plan),
      prefix_(std::move(prefix)),
      argument_(std::move(argument)) {}

const FixedNode& ModelWriter::step() const {
  return network_.steps()[plan_.order[position_]];
}

void ModelWriter::WriteStep(size_t position) {
  position_ = position;
  if (step().step->is_view()) return;
  if (step().id != kNoNode) Begin(*step().step, step().id);
  step().step->Write(*this);
}

void ModelWriter::Begin(const FixedStep& step, NodeId id) {
  const Graph& graph = network_.program.graph;
  const Node& node = graph.node(id);
  std::string type = AsWord(node.op_type, "layer");
  for (const std::string_view start : {"qlinear", "nhwc", "q"}) {
    if (type.starts_with(start)) type = type.substr(start.size());
  }
  if (layer_ != nullptr && !layer_->move.empty()) type = layer_->move;
  StepCost cost;
  cost.op_type = node.op_type;
  cost.layer = UserName(graph, node);
  cost.name = fmt::format("{}_{}", type, costs_.size() + 1);
  cost.macs = layer_ == nullptr ? step.macs() : layer_->macs();
  cost.state_bytes = static_cast<int64_t>(step.state_bytes());
  calls_ +=
      fmt::format("\n{}/* {} */\n", indent_,
                  CommentText(cost.name + ": " + cost.layer, kCommentWidth));
  costs_.push_back(std::move(cost));
}

void ModelWriter::WriteCopy(ValueId id, const std::string& output) {
  StepCost cost;
  cost.name = fmt::format("copy_{}", costs_.size() + 1);
  cost.op_type = "Identity";
  cost.layer = network_.program.graph.value(id).name;
  costs_.push_back(std::move(cost));
  CountCall(kLibraryCalls, 3);
  calls_ += fmt::format("\n  memcpy({}, {}, {});\n", output, argument_(id),
                        network_.BytesOf(id));
}

std::string ModelWriter::In(size_t i) {
  return layer_ == nullptr ? argument_(step().inputs[i])
                           : Operand(layer_->inputs[i], step().inputs);
}
std::string ModelWriter::Out(size_t i) {
  return layer_ == nullptr ? argument_(step().outputs[i])
                           : Operand(layer_->output, step().outputs);
}
std::string ModelWriter::Scratch(size_t offset) {
  return ScratchAt((layer_ == nullptr ? 0 : layer_->scratch) +
                   static_cast<int64_t>(offset));
}
std::string ModelWriter::State(size_t offset) {
  const std::string start =
      fmt::format("(int8_t*)state->{}", costs_.back().name);
  return offset == 0 ? start : fmt::format("{} + {}", start, offset);
}

std::string ModelWriter::Define(const std::string& type,
                                const std::string& wish,
                                const std::vector<std::string>& items,
                                int64_t bytes, const std::string& size) {
  const std::string body = Wrapped("    ", items, "};\n", 4);
  auto [found, is_new] = defined_.try_emplace(type + size + body);
  if (!is_new) return found->second;
  std::string name = wish;
  for (int n = 2; !names_.insert(name).second; ++n) {
    name = fmt::format("{}_{}", wish, n);
  }
  found->second = name;
  parameters_ +=
      fmt::format("static const {} {}{} = {{\n{}", type, name, size, body);
  costs_.back().parameter_bytes += bytes;
  return name;
}

std::string ModelWriter::WriteParams(std::string_view type,
                                     std::span<const int32_t> values) {
  const std::vector<std::string> names = FieldsOf(type);
  CheckInternal(names.size() == values.size(),
                "a kernel's struct has other fields than int32_t");
  std::vector<std::string> fields;
  for (size_t i = 0; i < names.size(); ++i) {
    fields.push_back(fmt::format(".{} = {}", names[i], values[i]));
  }
  const std::string role(type.substr(std::string_view("squint_").size()));
  return "&" + Define(std::string(type), costs_.back().name + "_" + role,
                      fields, 4 * static_cast<int64_t>(fields.size()));
}

std::string ModelWriter::WriteWeights(const std::string& values,
                                      const std::string& bias,
                                      const std::string& multiplier,
                                      const std::string& shift) {
  constexpr int64_t kPointers = 4 * 4;
  return "&" + Define("squint_weights", costs_.back().name + "_weights",
                      {".w = " + values, ".bias = " + bias,
                       ".multiplier = " + multiplier, ".shift = " + shift},
                      kPointers);
}

std::string ModelWriter::WriteArray(std::string_view role,
                                    std::string_view type,
                                    const std::vector<int64_t>& values) {
  return Constant(role, type, ArrayBody(values), values.size());
}

std::string ModelWriter::WriteReals(std::string_view role,
                                    const std::vector<float>& values) {
  return Constant(role, "float", RealsBody(values), values.size());
}

std::string ModelWriter::WriteFunction(std::string_view header,
                                       std::string_view name) {
  kernels_.insert(std::string(header));
  return std::string(name);
}

std::string ModelWriter::Real(float value) { return FloatText(value); }

std::string ModelWriter::Constant(std::string_view role, std::string_view type,
                                  const std::string& body, size_t size) {
  auto [found, is_new] = arrays_.try_emplace(std::string(type) + body);
  if (!is_new) return found->second;
  std::string name = fmt::format("{}_{}_{}", prefix_, costs_.back().name, role);
  const std::string wish = name;
  for (int n = 2; !names_.insert(name).second; ++n) {
    name = fmt::format("{}_{}", wish, n);
  }
  found->second = name;
  // Declared without a size: gcc 12 warns of places beyond it that loops whose
  // ends it does not know never reach.
  declarations_ += fmt::format("extern const {} {}[];\n", type, name);
  constants_ +=
      fmt::format("\nconst {} {}[{}] = {{\n{}}};\n", type, name, size, body);
  costs_.back().constant_bytes +=
      SpaceOf(BytesOfType(type), static_cast<int64_t>(size));
  return name;
}

std::string ModelWriter::ConstantInput(ValueId id) {
  const Tensor tensor = network_.program.graph.value(id).constant.Materialize();
  if (tensor.dtype() == DType::kFloat32) {
    return "(const int8_t*)" + WriteReals("operand", tensor.ToFloats());
  }
  if (tensor.dtype() != DType::kInt16) {
    return WriteArray("operand", "int8_t", tensor.ToInts());
  }
  return "(const int8_t*)" + WriteArray("operand", "int16_t", tensor.ToInts());
}

void ModelWriter::CountCall(std::string_view header, size_t arguments) {
  if (header != kLibraryCalls) kernels_.insert(std::string(header));
  CallCount& count = call_counts_[std::string(header)];
  ++count.calls;
  count.arguments += static_cast<int64_t>(arguments);
}

void ModelWriter::WriteCall(std::string_view header, std::string_view name,
                            const std::vector<std::string>& arguments) {
  CountCall(header, arguments.size());
  const std::string opening = fmt::format("{}{}(", indent_, name);
  calls_ += Wrapped(opening, arguments, ");\n", indent_.size() + 4);
}

}  // namespace squint
