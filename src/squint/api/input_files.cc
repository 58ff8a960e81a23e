#include "squint/api/input_files.h"

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
      Fail(ErrorCode::kInvalidArgument, "{}: the model has only {} inputs", arg,
           graph.inputs().size());
    }
    given[graph.value(graph.inputs()[position++]).name] = ReadNpy(arg).Whole();
  }
  return given;
}

std::vector<Tensor> InOrder(const Graph& graph,
                            std::map<std::string, Tensor> given) {
  std::vector<Tensor> inputs;
  for (const ValueId id : graph.inputs()) {
    const Value& value = graph.value(id);
    const auto it = given.find(value.name);
    if (it == given.end()) {
      Fail(ErrorCode::kInvalidArgument,
           "input '{}' ({} {}) is not given: --input {}=FILE.npy", value.name,
           DTypeName(value.dtype), value.shape.ToString(), value.name);
    }
    inputs.push_back(it->second.dtype() == value.dtype
                         ? it->second
                         : it->second.CastTo(value.dtype));
    given.erase(it);
  }
  if (!given.empty()) {
    Fail(ErrorCode::kInvalidArgument, "the model has no input '{}'",
         given.begin()->first);
  }
  return inputs;
}

}  // namespace

std::vector<Tensor> ReadInputs(const Graph& graph,
                               const std::vector<std::string>& args) {
  return InOrder(graph, ByName(graph, args));
}

}  // namespace squint
