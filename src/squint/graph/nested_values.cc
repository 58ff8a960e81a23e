#include "squint/graph/nested_values.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "squint/base/error.h"

namespace squint {
namespace {

std::string PathOf(const Graph& graph, const Node& node) {
  if (!node.name.empty() || node.output() == kNoValue) return node.name;
  return graph.value(node.output()).name;
}

// `wish`, or with the first free number behind it.
std::string Unique(const std::string& wish, std::set<std::string>& taken) {
  std::string name = wish;
  for (int i = 1; !taken.insert(name).second; ++i) {
    name = fmt::format("{}_{}", wish, i);
  }
  return name;
}

}  // namespace

NestedValues::NestedValues(const Graph& graph) { Add(graph, ""); }

void NestedValues::Add(const Graph& graph, std::string path) {
  parts_.push_back({&graph, size_, path});
  size_ += graph.num_values();
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    ForEachBody(node, [&](const std::string& key, const Graph& body, size_t) {
      Add(body, fmt::format("{}{}/{}/", path, PathOf(graph, node), key));
    });
  }
}

const NestedValues::Part& NestedValues::PartOf(ValueId number) const {
  CheckInternal(number >= 0 && number < size_,
                "NestedValues: a number outside the graphs");
  const auto behind =
      std::upper_bound(parts_.begin(), parts_.end(), number,
                       [](ValueId n, const Part& p) { return n < p.first; });
  return *(behind - 1);
}

ValueId NestedValues::FirstOf(const Graph& graph) const {
  const auto part =
      std::find_if(parts_.begin(), parts_.end(),
                   [&](const Part& p) { return p.graph == &graph; });
  CheckInternal(part != parts_.end(), "NestedValues: a graph from elsewhere");
  return part->first;
}

const Value& NestedValues::value(ValueId number) const {
  const Part& part = PartOf(number);
  return part.graph->value(number - part.first);
}

std::vector<std::string> NestedValues::Names() const {
  std::map<std::string_view, int> called;
  for (const Part& part : parts_) {
    for (ValueId id = 0; id < part.graph->num_values(); ++id) {
      if (!part.graph->IsCapture(id)) ++called[part.graph->value(id).name];
    }
  }
  std::vector<std::string> names;
  std::set<std::string> taken;
  const auto add_name = [&](const Part& part, ValueId id) {
    const std::string& own = part.graph->value(id).name;
    const bool plain =
        part.path.empty() || (called[own] == 1 && !part.graph->IsCapture(id));
    names.push_back(Unique(plain ? own : part.path + own, taken));
  };
  for (const Part& part : parts_) {
    for (ValueId id = 0; id < part.graph->num_values(); ++id) {
      add_name(part, id);
    }
  }
  return names;
}

}  // namespace squint
