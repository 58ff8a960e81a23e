// Model-local functions (FunctionProto), which a Graph carries unread in
// opaque_model_fields until somebody inlines them.
#ifndef SQUINT_ONNX_FUNCTIONS_H_
#define SQUINT_ONNX_FUNCTIONS_H_

#include <filesystem>
#include <string>
#include <vector>

#include "squint/graph/graph.h"

namespace squint {

struct ModelFunction {
  std::string domain;  // domain, name and overload are what a node calls
  std::string name;
  std::string overload;
  std::vector<std::string> attributes;  // those a call must or may give
  Attributes defaults;                  // those with a value of their own
  // Inputs and outputs in the order of the call's, of unknown type. It has
  // its own opset. Attributes that refer to the call's (ReferredAttribute)
  // are opaque.
  Graph body;
};

// `model` is the file the graph was read from, for external data.
std::vector<ModelFunction> ReadFunctions(const Graph& graph,
                                         const std::filesystem::path& model);
// Removes them from the graph, once every call is inlined.
void DropFunctions(Graph& graph);

// The attribute of the enclosing function that stands for this one; "" when
// it refers to none.
std::string ReferredAttribute(const Attribute& attribute);
// The overload that a node calls; "" for the plain function.
std::string OverloadOf(const Node& node);

}  // namespace squint

#endif  // SQUINT_ONNX_FUNCTIONS_H_
