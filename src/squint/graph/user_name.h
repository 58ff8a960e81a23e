// What the user calls a node.
#ifndef SQUINT_GRAPH_USER_NAME_H_
#define SQUINT_GRAPH_USER_NAME_H_

#include <string>

#include "squint/graph/graph.h"

namespace squint {

// Its name in the user's file, the first where it stands for several; "" where
// it had none.
inline const std::string& UserName(const Node& node) {
  return node.user_names.empty() ? node.name : node.user_names.front();
}

// The same, or the name of its first result.
inline const std::string& UserName(const Graph& graph, const Node& node) {
  const std::string& name = UserName(node);
  return name.empty() && node.output() != kNoValue
             ? graph.value(node.output()).name
             : name;
}

}  // namespace squint

#endif  // SQUINT_GRAPH_USER_NAME_H_
