// Prepared forms of one node, by the shapes of its inputs. A node whose
// output shape follows from the content of small integer inputs (Reshape,
// Slice with computed starts) is keyed by that content too; one that even
// then stays unknown (NonZero) runs by its reference. A node remembers the
// forms for the 16 shapes that were asked for last; they share its packed
// weights, which stay.
#ifndef SQUINT_RUNTIME_NODE_PLAN_H_
#define SQUINT_RUNTIME_NODE_PLAN_H_

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "squint/graph/graph.h"
#include "squint/ops/op.h"

namespace squint {

struct PreparedNode {
  // False: the output shapes cannot be told before running.
  bool shapes_known = false;
  std::vector<DType> output_dtypes;
  std::vector<Dims> output_dims;
  std::unique_ptr<const Step> step;  // null: the reference runs
  // The form follows what is in an input that is not constant.
  bool by_content = false;
};

// Which form of a node is wanted.
struct PlanForm {
  bool fused = false;  // with the clamp behind it
  // Quantized constants are given as they are stored (prepare_stored).
  bool stored = false;
};

// A copy of the graph whose value types follow the inputs at hand, shared by
// all nodes: `mutex` is held while they are written and shapes inferred.
struct ShapeScratch {
  std::mutex mutex;
  Graph graph;
};

// What preparing needs besides the inputs.
struct PlanContext {
  ShapeScratch& shapes;
  const OpDef& op;
  NodeId node_id;
  int threads;
  std::optional<std::pair<float, float>> clamp;
  bool stored = false;  // of PlanForm
};

class NodePlan {
 public:
  // The form for these inputs (null where absent, constants included), made
  // when there is none. From any thread: one prepares, the others wait.
  std::shared_ptr<const PreparedNode> Get(
      const PlanContext& context, const std::vector<const Tensor*>& inputs);

 private:
  struct Entry {
    std::vector<int64_t> key;
    std::shared_ptr<const PreparedNode> prepared;
  };

  std::vector<int64_t> KeyOf(const PlanContext& context,
                             const std::vector<const Tensor*>& inputs) const;
  // The same without making it.
  bool IsKeyOf(const PlanContext& context,
               const std::vector<const Tensor*>& inputs,
               const std::vector<int64_t>& key) const;
  PreparedNode Prepare(const PlanContext& context,
                       const std::vector<const Tensor*>& inputs);
  bool InferAll(const PlanContext& context,
                const std::vector<const Tensor*>& inputs,
                PreparedNode& prepared);

  std::mutex mutex_;
  PackCache packs_;
  std::list<Entry> entries_;  // the last used first
  bool keyed_by_content_ = false;
};

}  // namespace squint

#endif  // SQUINT_RUNTIME_NODE_PLAN_H_
