// What it means for one node when its data come in another order of axes:
// which operators compute the same on permuted data once their own axes, pads
// and constants are permuted too.
//
// A value v in the file's order is v = Transpose(v', perm): dimension k of v
// is dimension perm[k] of v'. Nodes are turned from v to v'.
#ifndef SQUINT_OPTIMIZE_PERMUTE_H_
#define SQUINT_OPTIMIZE_PERMUTE_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "squint/optimize/editor.h"

namespace squint {

using Permutation = std::vector<int64_t>;

bool IsIdentity(const Permutation& perm);
// Transpose by `first`, then by `second`, in one.
Permutation Then(const Permutation& first, const Permutation& second);
// A Transpose's permutation; nullopt without a known rank.
std::optional<Permutation> PermutationOf(const Editor& editor,
                                         const Node& node);

enum class Permuted {
  kNo,       // the node needs its data in the file's order
  kYes,      // its outputs are permuted like its data
  kDropped,  // its output has lost the axes that moved: it is the same
};
// `is_permuted` tells which inputs come in the new order; all other inputs
// must be constants for an answer but kNo.
Permuted CanPermute(const Editor& editor, const Node& node,
                    const Permutation& perm,
                    const std::function<bool(ValueId)>& is_permuted);

// Rewrites attributes and constant inputs of a node that CanPermute; its data
// inputs and outputs are the caller's.
void PermuteParameters(Editor& editor, NodeId id, const Permutation& perm,
                       const std::function<bool(ValueId)>& is_permuted);

}  // namespace squint

#endif  // SQUINT_OPTIMIZE_PERMUTE_H_
