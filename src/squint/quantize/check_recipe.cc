#include "squint/quantize/check_recipe.h"

#include <algorithm>
#include <initializer_list>
#include <set>
#include <string>

#include "squint/calibrate/calibration.h"
#include "squint/graph/nested_values.h"
#include "squint/interchange/interchange.h"
#include "squint/quantize/method.h"
#include "squint/quantize/weight_format.h"

namespace squint {
namespace {

void CheckNames(const Graph& graph, const Recipe& recipe) {
  std::set<std::string, std::less<>> nodes;
  std::set<std::string, std::less<>> values;
  const NestedValues nested(graph);
  for (const NestedValues::Part& part : nested.parts()) {
    for (const NodeId id : part.graph->order()) {
      const Node& node = part.graph->node(id);
      nodes.insert(node.name);
      nodes.insert(node.user_names.begin(), node.user_names.end());
    }
    for (ValueId id = 0; id < part.graph->num_values(); ++id) {
      values.insert(part.graph->value(id).name);
      values.insert(part.graph->value(id).user_name);
    }
  }
  for (std::string& name : nested.Names()) values.insert(std::move(name));
  const auto require = [](const auto& known, const std::string& name,
                          std::string_view what) {
    if (!known.contains(name)) {
      Fail(ErrorCode::kInvalidArgument,
           "the recipe names {} '{}', which the network does not have", what,
           name);
    }
  };
  for (const auto& name : recipe.exclude_nodes) require(nodes, name, "node");
  for (const auto& [name, type] : recipe.layers) require(nodes, name, "node");
  for (const auto& [name, override] : recipe.tensors) {
    require(values, name, "tensor");
  }
}

bool OneOf(DType dtype, std::initializer_list<DType> list) {
  return std::find(list.begin(), list.end(), dtype) != list.end();
}

void RequireObserver(const std::string& name) {
  if (FindObserver(name) != nullptr) return;
  std::string known;
  for (const auto* row : AllObservers()) known += fmt::format(" {}", row->name);
  Fail(ErrorCode::kInvalidArgument, "observer '{}' is not known; there are:{}",
       name, known);
}

}  // namespace

void CheckRecipe(const Graph& graph, const Recipe& recipe) {
  if (graph.outputs().empty()) {
    Fail(ErrorCode::kInvalidModel, "the model has no outputs");
  }
  CheckMethodNames(recipe);
  CheckNames(graph, recipe);
  const Target& target = FindTarget(recipe.target);
  const DType weights = CommonWeightType(recipe, target);
  const DType activations = recipe.activations.value_or(target.activation);
  if (!OneOf(activations, {DType::kUint8, DType::kInt8, DType::kUint16,
                           DType::kInt16, DType::kUint4, DType::kInt4})) {
    Fail(ErrorCode::kInvalidArgument,
         "activations are of 4, 8 or 16 bits, signed or unsigned, not {}",
         DTypeName(activations));
  }
  if (!OneOf(weights, {DType::kInt8, DType::kUint8, DType::kInt16, DType::kInt4,
                       DType::kFloat16, DType::kBfloat16})) {
    Fail(ErrorCode::kInvalidArgument,
         "weights are int8, uint8, int16, int4, float16 or bfloat16, not {}",
         DTypeName(weights));
  }
  if (!OneOf(recipe.io, {DType::kFloat32, DType::kInt8, DType::kUint8})) {
    Fail(ErrorCode::kInvalidArgument,
         "inputs and outputs are float, int8 or uint8, not {}",
         DTypeName(recipe.io));
  }
  if (recipe.io != DType::kFloat32 &&
      (recipe.mode != QuantizeMode::kStatic || BitsOf(activations) != 8)) {
    Fail(ErrorCode::kInvalidArgument,
         "integer inputs and outputs need static quantization with 8-bit "
         "activations");
  }
  const bool dynamic = recipe.mode == QuantizeMode::kDynamic;
  if ((weights == DType::kInt4 && dynamic) ||
      (IsFloat(weights) && recipe.mode != QuantizeMode::kWeightOnly)) {
    Fail(ErrorCode::kUnsupported,
         "{} weights are stored weight-only so far: add --mode weight-only",
         DTypeName(weights));
  }
  if (recipe.weight_bits != 0 &&
      (weights != DType::kInt8 || recipe.weight_bits < 2 ||
       recipe.weight_bits > 8)) {
    Fail(ErrorCode::kInvalidArgument,
         "int8 weights hold 2 to 8 bits, {} were asked for of {}",
         recipe.weight_bits, DTypeName(weights));
  }
  for (const auto& [name, format] : recipe.layers) {
    if (OneOf(format.dtype,
              {DType::kInt8, DType::kInt4, DType::kInt16, DType::kFloat32})) {
      continue;
    }
    Fail(ErrorCode::kInvalidArgument,
         "weights of layer '{}' are int4 to int8, int16 or float32, not {}",
         name, FormatName(format));
  }
  if (recipe.group < 16 || recipe.group > 256 ||
      (recipe.group & (recipe.group - 1)) != 0) {
    Fail(ErrorCode::kInvalidArgument,
         "a group is a power of two from 16 to 256, not {}", recipe.group);
  }
  if (recipe.iterations < 1 || recipe.iterations > 1'000'000) {
    Fail(ErrorCode::kInvalidArgument, "iterations are 1 to 1,000,000, not {}",
         recipe.iterations);
  }
  if (!recipe.observer.empty()) RequireObserver(recipe.observer);
}

}  // namespace squint
