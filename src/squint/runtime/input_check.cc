#include "squint/runtime/input_check.h"

#include <map>
#include <string>

namespace squint {
namespace {

bool IsHalf(DType dtype) {
  return dtype == DType::kFloat16 || dtype == DType::kBfloat16;
}

void CheckDType(const Value& value, const Tensor& tensor) {
  if (value.dtype == DType::kUndefined || tensor.dtype() == value.dtype) return;
  if (IsHalf(value.dtype) && tensor.dtype() == DType::kFloat32) return;
  Fail(ErrorCode::kInvalidArgument, "input '{}' is {}, got {}", value.name,
       DTypeName(value.dtype), DTypeName(tensor.dtype()));
}

// What each symbol was first seen as, to compare its other uses with.
struct Binding {
  int64_t size;
  std::string input;
};

void CheckShape(const Value& value, const Tensor& tensor,
                std::map<std::string, Binding>& bindings) {
  if (!value.shape.has_rank()) return;
  const auto fail = [&] {
    Fail(ErrorCode::kInvalidArgument, "input '{}' has shape {}, got {}",
         value.name, value.shape.ToString(), DimsToString(tensor.dims()));
  };
  if (value.shape.rank() != tensor.rank()) fail();
  for (int i = 0; i < tensor.rank(); ++i) {
    const Dim& dim = value.shape[i];
    const int64_t size = tensor.dim(i);
    if (const auto fixed = dim.value(); fixed && *fixed != size) fail();
    const auto symbol = dim.symbol();
    if (!symbol) continue;
    const auto [it, fresh] =
        bindings.try_emplace(*symbol, Binding{size, value.name});
    if (!fresh && it->second.size != size) {
      Fail(ErrorCode::kInvalidArgument,
           "input '{}' has {} = {}, but input '{}' has {} = {}", value.name,
           *symbol, size, it->second.input, *symbol, it->second.size);
    }
  }
}

}  // namespace

void CheckInputs(const Graph& graph, const std::vector<Tensor>& inputs) {
  if (inputs.size() != graph.inputs().size()) {
    Fail(ErrorCode::kInvalidArgument, "the graph has {} inputs, got {}",
         graph.inputs().size(), inputs.size());
  }
  std::map<std::string, Binding> bindings;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Value& value = graph.value(graph.inputs()[i]);
    if (inputs[i].empty()) {
      Fail(ErrorCode::kInvalidArgument, "input '{}' is missing", value.name);
    }
    CheckDType(value, inputs[i]);
    CheckShape(value, inputs[i], bindings);
  }
}

void CheckNestedInputs(const Graph& nested, const std::vector<Tensor>& inputs) {
  if (inputs.size() != nested.inputs().size()) {
    Fail(ErrorCode::kInvalidModel, "the nested graph has {} inputs, got {}",
         nested.inputs().size(), inputs.size());
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    CheckDType(nested.value(nested.inputs()[i]), inputs[i]);
  }
}

}  // namespace squint
