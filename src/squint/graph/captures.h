// What nested graphs read from the graphs around them, kept to what they
// need: constants that they own instead of capturing see every rewrite and
// the quantizer, captures that nothing reads any more keep nothing alive.
#ifndef SQUINT_GRAPH_CAPTURES_H_
#define SQUINT_GRAPH_CAPTURES_H_

#include "squint/graph/graph.h"

namespace squint {

// Constants that nested graphs capture, at any depth, become constants of
// their own; the bytes stay shared. Constants that are also graph inputs may
// be overridden and stay captured. Returns how many moved.
int OwnCapturedConstants(Graph& graph);

// The inverse where it pays, before a graph is written: constants of at
// least `least_bytes` whose type, shape and content stand in several graphs
// of the nest stay in the outermost graph alone, and the others capture them.
// Returns how many were dropped.
int ShareNestedConstants(Graph& graph, size_t least_bytes);

// Captures of the nested graphs of `graph` that nothing in them reads go.
// Deeper graphs are looked at first. Returns how many went.
int DropUnreadCaptures(Graph& graph);

}  // namespace squint

#endif  // SQUINT_GRAPH_CAPTURES_H_
