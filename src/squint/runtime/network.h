// What all runs of one graph share, however many there are at once: the order
// of its nodes, their prepared steps, packed weights and real constants, and
// the threads. What is made on first use is made by one thread while others
// that need it wait; then it is only read. Each nested graph has a network of
// its own, kept by the one around it.
#ifndef SQUINT_RUNTIME_NETWORK_H_
#define SQUINT_RUNTIME_NETWORK_H_

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "squint/base/context.h"
#include "squint/base/threads.h"
#include "squint/graph/nested_values.h"
#include "squint/runtime/node_plan.h"
#include "squint/runtime/program.h"

namespace squint {

class Network {
 public:
  // A nested graph of some node.
  struct Body {
    std::string key;
    size_t first_capture;  // among the node's captures
    std::unique_ptr<Network> network;
  };

  Network(const std::shared_ptr<const Graph>& graph, const Context& context,
          OpFinder find);

  const Graph& graph() const { return *graph_; }
  const std::vector<ProgramNode>& nodes() const { return program_.nodes; }
  const std::vector<Body>& bodies(size_t position) const {
    return bodies_[position];
  }
  // Number of value 0 among those of the outermost graph and all nested ones,
  // and how many these are.
  ValueId first_value() const { return first_value_; }
  int num_values() const { return shared_->num_values; }
  const Context& context() const { return shared_->context; }
  ThreadPool& threads() { return shared_->threads; }

  // The node at `position` prepared for these inputs (NodePlan::Get).
  std::shared_ptr<const PreparedNode> Prepared(
      size_t position, PlanForm form, const std::vector<const Tensor*>& inputs);

  // Prepares on all threads what a run with inputs of these sizes asks for:
  // nodes of this graph whose inputs' sizes follow from them. What cannot be
  // prepared is left to the run, which tells what is wrong.
  void PrepareFor(const std::vector<Dims>& inputs);

  // A constant in memory as the real numbers it stands for; half precision is
  // widened to float32, for that is what is computed in.
  const Tensor& Constant(ValueId id);
  // The same when it has been asked for before, else as it is stored.
  const Tensor& ConstantAtHand(ValueId id) const;

 private:
  struct Shared {
    Shared(const Context& given, OpFinder finder, int values)
        : context(given),
          find(finder),
          num_values(values),
          threads(given.threads) {}
    Context context;
    OpFinder find;
    int num_values;
    ThreadPool threads;
  };
  struct RealConstant {
    std::atomic<bool> made = false;  // `tensor` is only read from then on
    Tensor tensor;
  };

  Network(std::shared_ptr<const Graph> graph, std::shared_ptr<Shared> shared,
          const NestedValues& values);

  void PrepareNode(const Graph& shaped, size_t position);
  // A clamp that the node before it applies in the runs that are prepared for.
  bool FusesClamp(const ProgramNode& node) const;

  std::shared_ptr<const Graph> graph_;
  std::shared_ptr<Shared> shared_;
  ValueId first_value_;
  Program program_;
  ShapeScratch shapes_;
  std::vector<NodePlan> plans_;            // by position
  std::vector<std::vector<Body>> bodies_;  // by position
  std::mutex constants_mutex_;             // held while one is made
  std::vector<RealConstant> constants_;    // by value
};

// The tensor, in float32 where it is float16 or bfloat16.
Tensor WidenedTensor(const Tensor& tensor);

}  // namespace squint

#endif  // SQUINT_RUNTIME_NETWORK_H_
