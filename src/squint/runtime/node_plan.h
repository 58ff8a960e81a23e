// Prepared forms of one node, by the shapes of its inputs. A node whose
// output shape follows from the content of small integer inputs (Reshape,
// Slice with computed starts) is keyed by that content too; one that even
// then stays unknown (NonZero) runs by its reference.
#ifndef SQUINT_RUNTIME_NODE_PLAN_H_
#define SQUINT_RUNTIME_NODE_PLAN_H_

#include <cstdint>
#include <list>
#include <memory>
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
};

// What preparing needs besides the inputs.
struct PlanContext {
  // A copy of the graph whose value types follow the inputs at hand.
  Graph& shapes;
  const OpDef& op;
  NodeId node_id;
  PackCache& packs;
  int threads;
  std::optional<std::pair<float, float>> clamp;
  // Quantized constants are given as they are stored (prepare_stored).
  bool stored = false;
};

class NodePlan {
 public:
  // The form for these inputs (null where absent, constants included), made
  // when there is none. Valid until the next call.
  const PreparedNode& Get(const PlanContext& context,
                          const std::vector<const Tensor*>& inputs);

 private:
  struct Entry {
    std::vector<int64_t> key;
    PreparedNode prepared;
  };

  std::vector<int64_t> KeyOf(const PlanContext& context,
                             const std::vector<const Tensor*>& inputs) const;
  PreparedNode Prepare(const PlanContext& context,
                       const std::vector<const Tensor*>& inputs);

  std::list<Entry> entries_;  // the last used first
  bool keyed_by_content_ = false;
};

}  // namespace squint

#endif  // SQUINT_RUNTIME_NODE_PLAN_H_
