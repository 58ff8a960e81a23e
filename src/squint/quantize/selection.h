// Which nodes run in integers under a target and a recipe, and for each that
// does not, why, in words.
//
// Anchors (operators with weights, and MatMul) are integer whenever the
// target has them. Followers (additions, pools, data movement ...) are
// integer only inside an island: an input of theirs comes from an integer node and
// their results reach an integer node again. Quantizing a lone follower
// between float neighbours would cost accuracy and time and save nothing.
#ifndef SQUINT_QUANTIZE_SELECTION_H_
#define SQUINT_QUANTIZE_SELECTION_H_

#include <map>
#include <string>
#include <vector>

#include "squint/graph/graph.h"
#include "squint/ops/op.h"
#include "squint/quantize/recipe.h"

namespace squint {

// Why a node runs in float: kinds are what summaries count by.
enum class FloatKind {
  kNone,        // it is integer
  kNotReal,     // works on integers, shapes, masks: nothing to quantize
  kTarget,      // the target does not run this operator in integers
  kRule,        // the operator's own rule
  kExcluded,    // the user asked
  kNeighbours,  // a follower outside every integer island
  kAccuracy,    // a method keeps it float
};

struct Decision {
  bool integer = false;
  bool anchor = false;
  // A clamp (Relu, Clip) whose result is its producer's result: the producer
  // stores no number before it. An asymmetric range absorbs the node itself.
  bool absorbed_clamp = false;
  // A float node whose weights are stored as integers (LSTM, GRU).
  bool stored_weights = false;
  QuantSpec spec;
  FloatKind kind = FloatKind::kNone;
  std::string reason;  // empty when integer
};

// By its type or one of its names.
bool IsExcluded(const Node& node, const Recipe& recipe);

// Nodes that methods want in float: node -> reason.
using FloatRequests = std::map<NodeId, std::string>;

// The target has integer kernels for such nodes.
bool TargetRuns(const Target& target, const Node& node);

class Selection {
 public:
  Selection(const Graph& graph, const Target& target, const Recipe& recipe,
            const FloatRequests& requests);

  const Decision& of(NodeId id) const {
    return decisions_[static_cast<size_t>(id)];
  }
  // The value that carries a node's result: its output, or the output of the
  // clamp that the range absorbs.
  ValueId ResultOf(const Node& node, size_t output = 0) const;
  // An integer node makes this value and stores it quantized.
  bool MadeInteger(ValueId id) const;
  // Input `index` of `node` is read as a quantized activation.
  bool ReadsQuantized(NodeId node, size_t index) const;
  bool OutputQuantized(NodeId node, size_t output) const;
  const UseMap& uses() const { return uses_; }

 private:
  void Decide(NodeId id, const Target& target, const Recipe& recipe,
              const FloatRequests& requests);
  bool IsAbsorbableClamp(NodeId id, const Recipe& recipe) const;
  // The node's result is the gates' part of the input of an LSTM or GRU.
  bool FeedsSteps(NodeId id) const;
  bool InputsSuit(NodeId id) const;
  bool ResultIsUseful(NodeId id) const;
  bool WantsIntegers(const Use& use) const;
  // Why an integer follower must leave its island; "" when it may stay.
  std::string ReasonToLeave(NodeId id) const;
  void Drop(NodeId id, std::string reason);

  const Graph& graph_;
  // What the caller gives and what only it reads are integers, too: a
  // microcontroller's network has no float to begin or end in.
  bool integer_ends_;
  UseMap uses_;
  std::vector<Decision> decisions_;
};

}  // namespace squint

#endif  // SQUINT_QUANTIZE_SELECTION_H_
