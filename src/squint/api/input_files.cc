#include "squint/api/input_files.h"

#include <algorithm>
#include <map>

#include "squint/base/error.h"
#include "squint/data/npy.h"
#include "squint/data/npz.h"

namespace squint {
namespace {

// Tensors by input name, from "name=file", "file" (in order) or one .npz.
std::map<std::string, Tensor> ByName(const Graph& graph,
                                     const std::vector<std::string>& args) {
  std::map<std::string, Tensor> given;
  size_t position = 0;
  for (const std::string& arg : args) {
    if (arg.ends_with(".npz")) {
      for (const auto& [name, array] : ReadNpz(arg)) {
        given[name] = array.Whole();
      }
      continue;
    }
    const size_t equals = arg.find('=');
    if (equals != std::string::npos) {
      given[arg.substr(0, equals)] = ReadNpy(arg.substr(equals + 1)).Whole();
      continue;
    }
    if (position >= graph.inputs().size()) {
      Fail(ErrorCode::kInvalidArgument,
           "{}: more files than the model has inputs ({})", arg,
           graph.inputs().size());
    }
    given[graph.value(graph.inputs()[position++]).name] = ReadNpy(arg).Whole();
  }
  return given;
}

// The numbers as the input's type. Real numbers are no integers: a place in a
// table of words would be another one.
Tensor AsInput(const Tensor& given, const Value& input) {
  if (given.dtype() == input.dtype) return given;
  if (IsFloat(given.dtype()) && !IsFloat(input.dtype)) {
    Fail(ErrorCode::kInvalidArgument, "input '{}' is {}, got {}", input.name,
         DTypeName(input.dtype), DTypeName(given.dtype()));
  }
  return given.CastTo(input.dtype);
}

std::vector<Tensor> InOrder(const Graph& graph,
                            const std::map<std::string, Tensor>& given) {
  for (const auto& [name, tensor] : given) {
    if (!std::ranges::any_of(graph.inputs(), [&](ValueId id) {
          return graph.value(id).name == name;
        })) {
      Fail(ErrorCode::kInvalidArgument, "the model has no input '{}'", name);
    }
  }
  std::vector<Tensor> inputs;
  for (const ValueId id : graph.inputs()) {
    const Value& value = graph.value(id);
    const auto it = given.find(value.name);
    if (it == given.end()) {
      Fail(ErrorCode::kInvalidArgument,
           "input '{}' ({} {}) is not given: --input {}=FILE.npy", value.name,
           DTypeName(value.dtype), value.shape.ToString(), value.name);
    }
    inputs.push_back(AsInput(it->second, value));
  }
  return inputs;
}

}  // namespace

std::vector<Tensor> ReadInputs(const Graph& graph,
                               const std::vector<std::string>& args) {
  return InOrder(graph, ByName(graph, args));
}

}  // namespace squint
