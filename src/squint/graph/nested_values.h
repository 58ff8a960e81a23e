// The values of a graph and of all graphs nested in it under one numbering,
// for what speaks of values across graphs: taps, simulation, calibration.
// The graph's own ids come first, so that the numbering of a graph without
// nested graphs is its own; then come the ids of each nested graph, in the
// order of ForEachGraph.
#ifndef SQUINT_GRAPH_NESTED_VALUES_H_
#define SQUINT_GRAPH_NESTED_VALUES_H_

#include <string>
#include <vector>

#include "squint/graph/graph.h"

namespace squint {

class NestedValues {
 public:
  // The graph must outlive this and stay as it is.
  explicit NestedValues(const Graph& graph);

  struct Part {
    const Graph* graph;
    ValueId first;     // number of its value 0
    std::string path;  // "loop1/body/"; "" for the graph itself
  };
  const std::vector<Part>& parts() const { return parts_; }
  int size() const { return size_; }
  const Part& PartOf(ValueId number) const;
  // The number of value 0 of a graph that is one of the parts.
  ValueId FirstOf(const Graph& graph) const;
  const Value& value(ValueId number) const;

  // A name for every number, each only once. The graph's own values have
  // their names. An inner value has its own too when nothing else is called
  // so, else with the path of its graph: the node around (its name, or that
  // of its first output) and the attribute, as in "loop1/body/x". Captures,
  // which are called like what they stand for, always have the path.
  std::vector<std::string> Names() const;

 private:
  void Add(const Graph& graph, std::string path);

  std::vector<Part> parts_;
  int size_ = 0;
};

}  // namespace squint

#endif  // SQUINT_GRAPH_NESTED_VALUES_H_
