// A quantized graph as one that computes on the stored integers.
#ifndef SQUINT_RUNTIME_INTEGER_GRAPH_H_
#define SQUINT_RUNTIME_INTEGER_GRAPH_H_

#include "squint/graph/graph.h"

namespace squint {

struct IntegerGraphOptions {
  // What follows a product joins it (fuse_additions.h, fuse_means.h,
  // fuse_to_bytes.h, fuse_sums.h), normalizations make bytes
  // (fuse_normalizations.h), attention becomes one node (fuse_attention.h), parts of
  // images stay where they lie (concat_in_place.h, split_in_place.h), and
  // convolutions behind each other run by bands (fuse_chains.h).
  bool fuse = true;
  // Values of 16 bits become integers, too, and nodes between them the same
  // operators as those between bytes: a form that steps are made of
  // (fixed/lower.h), with no kernels in the engine.
  bool sixteen_bits = false;
};

// Values that are quantized per tensor to 8 bits with known parameters become
// tensors of integers, and the nodes between them operators on integers:
// QLinearConv, QLinearMatMul, QGemm, QLinearAdd ...; tables for functions of
// one number (squint::Lookup); data movement as it is. What else a node reads
// or makes is converted at its edge, by DequantizeLinear and QuantizeLinear.
// Every result is that of the integer reading (ops/interpreter.h), but for
// nodes that stay float between integers.
//
// Weights of 4 bits per tensor or channel become int8 there.
//
// Products of values quantized at run time: dynamic_graph.h. Values quantized
// in another way (16 bits, per channel, storage types), and nested graphs, keep
// their QuantParams: an executor simulates them. Inputs and outputs keep names
// and types. Shapes are inferred.
Graph LowerToIntegers(const Graph& graph,
                      const IntegerGraphOptions& options = {});

}  // namespace squint

#endif  // SQUINT_RUNTIME_INTEGER_GRAPH_H_
