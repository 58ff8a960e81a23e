#include "squint/graph/captures.h"

#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "squint/base/hash.h"

namespace squint {
namespace {

// Keeps the captures for which keep(inner, outer) holds, in all nested graphs
// of the node. Returns how many went.
template <typename F>
int FilterCaptures(Node& node, F&& keep) {
  std::vector<ValueId> passed;
  const size_t before = node.captures.size();
  std::vector<std::pair<Graph*, std::vector<ValueId>>> kept_inside;
  ForEachBody(node, [&](const std::string&, Graph& body, size_t first) {
    std::vector<ValueId> kept;
    for (size_t i = 0; i < body.captures().size(); ++i) {
      const ValueId outer = node.captures[first + i];
      if (!keep(body, body.captures()[i], outer)) continue;
      kept.push_back(body.captures()[i]);
      passed.push_back(outer);
    }
    kept_inside.emplace_back(&body, std::move(kept));
  });
  for (auto& [body, kept] : kept_inside) body->SetCaptures(std::move(kept));
  node.captures = std::move(passed);
  return static_cast<int>(before - node.captures.size());
}

// The inner value becomes what the outer one is.
void Own(Value& inner, const Value& outer) {
  inner.constant = outer.constant;
  inner.dtype = outer.dtype;
  inner.shape = outer.shape;
  inner.quant = outer.quant;
}

// ---- sharing

struct Copy {
  std::vector<NodeId> around;  // the nodes on the way in; empty: outermost
  std::vector<std::string> keys;
  ValueId id = kNoValue;
};

// Graphs that have the same constant can only be told apart by content, but
// content is only looked at where type and shape are the same.
using Likeness = std::tuple<DType, Dims>;

class Sharing {
 public:
  Sharing(Graph& graph, size_t least_bytes)
      : graph_(graph), least_bytes_(least_bytes) {}

  int Run() {
    Collect(graph_, {});
    int dropped = 0;
    for (auto& [likeness, copies] : copies_) {
      const bool any_nested =
          std::any_of(copies.begin(), copies.end(),
                      [](const Copy& copy) { return !copy.around.empty(); });
      if (copies.size() > 1 && any_nested) dropped += ShareEqual(copies);
    }
    return dropped;
  }

 private:
  void Collect(Graph& graph, const Copy& place) {
    for (ValueId id = 0; id < graph.num_values(); ++id) {
      const Value& value = graph.value(id);
      if (!value.is_constant() || value.producer != kNoNode || value.quant ||
          graph.IsInput(id) || value.constant.bytes() < least_bytes_ ||
          BitsOf(value.dtype) == 0) {
        continue;
      }
      Copy copy = place;
      copy.id = id;
      copies_[{value.dtype, value.constant.dims()}].push_back(std::move(copy));
    }
    for (const NodeId node : graph.order()) {
      ForEachBody(graph.node(node),
                  [&](const std::string& key, Graph& body, size_t) {
                    Copy inside = place;
                    inside.around.push_back(node);
                    inside.keys.push_back(key);
                    Collect(body, inside);
                  });
    }
  }

  Graph& GraphOf(const Copy& copy, size_t depth) {
    Graph* graph = &graph_;
    for (size_t i = 0; i < depth; ++i) {
      auto& attributes = graph->node(copy.around[i]).attributes;
      graph = &*std::get<GraphBox>(attributes.find(copy.keys[i])->second);
    }
    return *graph;
  }

  int ShareEqual(const std::vector<Copy>& copies) {
    std::map<std::string, std::vector<const Copy*>> by_content;
    for (const Copy& copy : copies) {
      const Tensor held = GraphOf(copy, copy.around.size())
                              .value(copy.id)
                              .constant.Materialize();
      by_content[ContentHash({held.raw(), held.bytes()})].push_back(&copy);
    }
    int dropped = 0;
    for (const auto& [hash, equal] : by_content) {
      if (equal.size() > 1) dropped += ShareOne(equal);
    }
    return dropped;
  }

  // Copies come outermost first.
  int ShareOne(const std::vector<const Copy*>& equal) {
    int dropped = 0;
    ValueId shared = equal[0]->around.empty() ? equal[0]->id : kNoValue;
    for (const Copy* copy : equal) {
      if (copy->around.empty()) continue;
      Graph& inner = GraphOf(*copy, copy->around.size());
      if (shared == kNoValue) {
        const Value source = inner.value(copy->id);
        shared = graph_.AddConstant(source.name, source.constant);
        graph_.value(shared).user_name = source.user_name;
      } else {
        ++dropped;
      }
      Capture(*copy, shared);
    }
    return dropped;
  }

  // The copy's value becomes a capture of `shared`, through every graph on
  // the way.
  void Capture(const Copy& copy, ValueId shared) {
    ValueId outer = shared;
    for (size_t depth = 0; depth < copy.around.size(); ++depth) {
      Graph& graph = GraphOf(copy, depth);
      Graph& inner = GraphOf(copy, depth + 1);
      ValueId inside = copy.id;
      if (depth + 1 < copy.around.size()) {
        inside =
            inner.AddValue(graph.value(outer).name, graph.value(outer).dtype,
                           graph.value(outer).shape);
      } else {
        inner.value(copy.id).constant = Tensor();
      }
      Pass(graph.node(copy.around[depth]), copy.keys[depth], outer, inside);
      outer = inside;
    }
  }

  static void Pass(Node& node, const std::string& wanted, ValueId outer,
                   ValueId inside) {
    size_t at = 0;
    ForEachBody(node, [&](const std::string& key, Graph& body, size_t first) {
      if (key == wanted) at = first + body.captures().size();
    });
    node.captures.insert(node.captures.begin() + static_cast<ptrdiff_t>(at),
                         outer);
    Graph& body = *std::get<GraphBox>(node.attributes.find(wanted)->second);
    std::vector<ValueId> captures = body.captures();
    captures.push_back(inside);
    body.SetCaptures(std::move(captures));
  }

  Graph& graph_;
  size_t least_bytes_;
  std::map<Likeness, std::vector<Copy>> copies_;
};

}  // namespace

int OwnCapturedConstants(Graph& graph) {
  int moved = 0;
  for (const NodeId id : graph.order()) {
    Node& node = graph.node(id);
    if (!node.has_graphs()) continue;
    moved +=
        FilterCaptures(node, [&](Graph& body, ValueId inner, ValueId outer) {
          const Value& constant = graph.value(outer);
          if (!constant.is_constant() || graph.IsInput(outer)) return true;
          Own(body.value(inner), constant);
          return false;
        });
    ForEachBody(node, [&](const std::string&, Graph& body, size_t) {
      moved += OwnCapturedConstants(body);
    });
  }
  return moved;
}

int ShareNestedConstants(Graph& graph, size_t least_bytes) {
  return Sharing(graph, least_bytes).Run();
}

int DropUnreadCaptures(Graph& graph) {
  int dropped = 0;
  for (const NodeId id : graph.order()) {
    Node& node = graph.node(id);
    if (!node.has_graphs()) continue;
    ForEachBody(node, [&](const std::string&, Graph& body, size_t) {
      dropped += DropUnreadCaptures(body);
    });
    std::map<const Graph*, UseMap> uses;
    dropped += FilterCaptures(node, [&](Graph& body, ValueId inner, ValueId) {
      const UseMap& map = uses.try_emplace(&body, body).first->second;
      return !map.of(inner).empty();
    });
  }
  return dropped;
}

}  // namespace squint
