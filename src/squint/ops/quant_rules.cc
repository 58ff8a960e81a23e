#include "squint/ops/quant_rules.h"

namespace squint {

std::optional<QuantSpec> FloatUnlessReal(const QuantizeQuery& query,
                                         size_t data) {
  if (!query.node.has_input(data)) return std::nullopt;
  const DType dtype = query.graph.value(query.node.input(data)).dtype;
  if (dtype == DType::kUndefined || IsFloat(dtype)) return std::nullopt;
  return QuantSpec::Float(
      fmt::format("works on {}, not on real numbers", DTypeName(dtype)));
}

QuantSpec MovementRule(const QuantizeQuery& query) {
  if (auto spec = FloatUnlessReal(query)) return *spec;
  QuantSpec spec;
  spec.inputs.resize(query.node.inputs.size());
  spec.inputs[0].role = Role::kActivation;
  for (size_t j = 0; j < query.node.outputs.size(); ++j) {
    spec.outputs.push_back({.role = Role::kActivation});
    spec.same.emplace_back(0, static_cast<int>(j));
  }
  return spec;
}

QuantSpec SelectionRule(const QuantizeQuery& query) {
  if (auto spec = FloatUnlessReal(query)) return *spec;
  QuantSpec spec;
  spec.inputs.resize(query.node.inputs.size());
  spec.inputs[0].role = Role::kActivation;
  spec.outputs.resize(query.node.outputs.size());
  spec.outputs[0].role = Role::kActivation;
  spec.same = {{0, 0}};
  return spec;
}

QuantSpec ActivationRule(const QuantizeQuery& query) {
  if (auto spec = FloatUnlessReal(query)) return *spec;
  QuantSpec spec;
  spec.inputs.resize(query.node.inputs.size());
  spec.inputs[0].role = Role::kActivation;
  spec.outputs.resize(query.node.outputs.size());
  spec.outputs[0].role = Role::kActivation;
  return spec;
}

QuantSpec StoredIntegersRule(const QuantizeQuery&) {
  return QuantSpec::Float("it computes with integers already");
}

QuantSpec AllActivationRule(const QuantizeQuery& query) {
  if (auto spec = FloatUnlessReal(query)) return *spec;
  QuantSpec spec;
  spec.inputs.assign(query.node.inputs.size(), {.role = Role::kActivation});
  spec.outputs.assign(query.node.outputs.size(), {.role = Role::kActivation});
  return spec;
}

bool SameParamsThroughout(const RunContext& context) {
  const QuantParams* first = context.input_quant[0];
  if (first == nullptr || !first->per_tensor()) return false;
  for (size_t j = 0; j < context.outputs.size(); ++j) {
    if (context.node.output(j) == kNoValue) continue;
    const QuantParams* quant = context.output_quant[j];
    if (quant == nullptr || !(*quant == *first)) return false;
  }
  return true;
}

}  // namespace squint
