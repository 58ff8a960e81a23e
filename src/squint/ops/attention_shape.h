// The shapes of an Attention node: heads split off, past and present lengths
// joined, and the rules between its inputs.
#ifndef SQUINT_OPS_ATTENTION_SHAPE_H_
#define SQUINT_OPS_ATTENTION_SHAPE_H_

#include <cstddef>

#include "squint/graph/graph.h"

namespace squint {

// The inputs of an Attention node.
enum AttentionInput : size_t {
  kAttentionQ,
  kAttentionK,
  kAttentionV,
  kAttentionMask,
  kAttentionPastKey,
  kAttentionPastValue,
  kAttentionLengths  // of the valid keys, one for each sample
};

// The shapes that a node works with, heads split, each dimension possibly
// symbolic or unknown.
struct AttentionShape {
  Dim batch, q_heads, kv_heads, q_length, kv_length, past, size, v_size;

  Dim total() const { return past + kv_length; }
  DimList key() const { return {batch, kv_heads, total(), size}; }
  DimList value() const { return {batch, kv_heads, total(), v_size}; }
  DimList scores() const { return {batch, q_heads, q_length, total()}; }
};

// From Q, K and V of known rank, without the past. Error{kInvalidModel} for
// ranks, head counts and sizes that do not go together.
AttentionShape AttentionShapeOf(const Node& node, const Shape& q,
                                const Shape& k, const Shape& v);

// Whether the node has a past. Error{kInvalidModel} for half of one, and for
// one beside lengths of valid keys.
bool HasPast(const Node& node);

// Adds the length of a past, whose shapes may be unranked.
void AddPast(const Shape& past_key, const Shape& past_value,
             AttentionShape& shape);

}  // namespace squint

#endif  // SQUINT_OPS_ATTENTION_SHAPE_H_
