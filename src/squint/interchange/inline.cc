#include "squint/interchange/inline.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "squint/graph/splice.h"

namespace squint {
namespace {

constexpr int64_t kMaxNodes = 1'000'000;  // a few functions can make billions

class Inliner {
 public:
  Inliner(const std::vector<ModelFunction>& functions,
          const std::function<void(Graph&)>& upgrade)
      : functions_(functions), upgrade_(upgrade) {}

  void Run(Graph& graph, int depth) {
    ForEachGraph(graph, [&](Graph& each) {
      for (const NodeId id : each.order()) {
        const ModelFunction* function = FunctionOf(each.node(id));
        if (function == nullptr) continue;
        try {
          if (depth == 0) CheckSize(*function);
          Replace(each, id, Instance(*function, each.node(id), depth));
        } catch (const Error& error) {
          throw error.In(NodeLabel(each, each.node(id)));
        }
      }
    });
  }

 private:
  const ModelFunction* FunctionOf(const Node& node) const {
    for (const ModelFunction& function : functions_) {
      if (function.name == node.op_type && function.domain == node.domain &&
          function.overload == OverloadOf(node)) {
        return &function;
      }
    }
    return nullptr;
  }

  // Nodes of the function with all its calls unfolded, up to kMaxNodes.
  int64_t UnfoldedSize(const ModelFunction& function) {
    const auto [it, is_new] = sizes_.try_emplace(&function, kInProgress);
    if (it->second == kInProgress && !is_new) {
      Fail(ErrorCode::kInvalidModel, "function '{}' calls itself",
           function.name);
    }
    if (!is_new) return it->second;
    int64_t size = 0;
    ForEachGraph(function.body, [&](const Graph& each) {
      for (const NodeId id : each.order()) {
        const ModelFunction* called = FunctionOf(each.node(id));
        size += called == nullptr ? 1 : UnfoldedSize(*called);
        size = std::min(size, kMaxNodes);
      }
    });
    return sizes_[&function] = size;
  }

  void CheckSize(const ModelFunction& function) {
    nodes_ += UnfoldedSize(function);
    if (nodes_ >= kMaxNodes) {
      Fail(ErrorCode::kUnsupported,
           "the functions unfold to more than {} nodes", kMaxNodes);
    }
  }

  // A copy of the body for this call, ready to be put in.
  Graph Instance(const ModelFunction& function, const Node& call, int depth) {
    Graph body = function.body;
    ForEachGraph(body, [&](Graph& each) {
      for (const NodeId id : each.order()) {
        BindAttributes(function, call, each.node(id));
      }
    });
    upgrade_(body);
    Run(body, depth + 1);
    return body;
  }

  // Attributes that refer to the call's get its value, else the default,
  // else vanish.
  static void BindAttributes(const ModelFunction& function, const Node& call,
                             Node& node) {
    std::vector<std::pair<std::string, std::string>> references;
    for (const auto& [key, attribute] : node.attributes) {
      std::string referred = ReferredAttribute(attribute);
      if (!referred.empty()) references.emplace_back(key, std::move(referred));
    }
    for (const auto& [key, referred] : references) {
      const Attribute* value = call.FindAttribute(referred);
      if (value == nullptr) {
        const auto it = function.defaults.find(referred);
        if (it != function.defaults.end()) value = &it->second;
      }
      if (value == nullptr) {
        node.attributes.erase(node.attributes.find(key));
        continue;
      }
      if (std::holds_alternative<GraphBox>(*value)) {
        Fail(ErrorCode::kUnsupported,
             "attribute '{}' hands a graph to a function", referred);
      }
      node.Set(key, *value);
    }
  }

  static void Replace(Graph& graph, NodeId id, Graph body) {
    const Node call = graph.node(id);
    for (const NodeId inner : body.order()) {
      body.node(inner).user_names = call.user_names;
    }
    const std::string& scope = call.name.empty() ? call.op_type : call.name;
    Splice(graph, id, body, call.inputs, scope + "/");
    for (const auto& [domain, version] : body.opset) {
      graph.opset.try_emplace(domain, version);
    }
  }

  const std::vector<ModelFunction>& functions_;
  const std::function<void(Graph&)>& upgrade_;
  static constexpr int64_t kInProgress = -1;
  std::map<const ModelFunction*, int64_t> sizes_;
  int64_t nodes_ = 0;
};

// Domains that only calls needed.
void ForgetDomains(Graph& graph, const std::vector<ModelFunction>& functions) {
  std::set<std::string> used;
  ForEachGraph(graph, [&](const Graph& each) {
    for (const NodeId id : each.order()) used.insert(each.node(id).domain);
  });
  for (const ModelFunction& function : functions) {
    if (!used.contains(function.domain)) graph.opset.erase(function.domain);
  }
}

}  // namespace

void InlineFunctions(Graph& graph, const std::vector<ModelFunction>& functions,
                     const std::function<void(Graph&)>& upgrade) {
  if (functions.empty()) return;
  Inliner(functions, upgrade).Run(graph, 0);
  ForgetDomains(graph, functions);
  DropFunctions(graph);
}

}  // namespace squint
