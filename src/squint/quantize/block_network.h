// One block as a network of its own that can be differentiated: forward with
// quantized activations simulated, of which a part may be left out at random
// (QDrop, arXiv:2203.05740), and backward to the constants that are tuned.
#ifndef SQUINT_QUANTIZE_BLOCK_NETWORK_H_
#define SQUINT_QUANTIZE_BLOCK_NETWORK_H_

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "squint/base/context.h"
#include "squint/quantize/block.h"
#include "squint/runtime/buffer_pool.h"
#include "squint/runtime/node_plan.h"

namespace squint {

// Random bits, the same for the same seed.
class RandomBits {
 public:
  explicit RandomBits(uint64_t seed) : state_(seed | 1) {}
  uint64_t Next();  // 64 of them

 private:
  uint64_t state_;
};

// Each element of either tensor with even odds.
Tensor Mixed(const Tensor& a, const Tensor& b, RandomBits& bits,
             ThreadPool& pool);

class BlockNetwork {
 public:
  // `graph` has quantized activations; both must outlive this. Constants in
  // `tuned` are set by SetConstant and differentiated by.
  BlockNetwork(const Graph& graph, const TuningBlock& block,
               const std::set<ValueId>& tuned, const Context& context,
               ThreadPool& pool);

  // What readers of a constant in the block compute with from now on.
  void SetConstant(ValueId id, Tensor real);
  // Values of block.outputs from those of block.inputs, in their order. With
  // `drop`, half of the numbers are not rounded, only limited to their range.
  std::vector<Tensor> Forward(const std::vector<Tensor>& inputs,
                              RandomBits* drop);
  // Adds the gradients by the tuned constants of a scalar whose gradients by
  // the outputs of the last Forward are given.
  void Backward(const std::vector<Tensor>& output_gradients,
                std::map<ValueId, Tensor>& gradients);
  // Multiply-accumulates of the last Forward.
  int64_t macs() const { return macs_; }

 private:
  const Tensor& Real(ValueId id);
  void RunNode(NodeId id);
  void Simulate(ValueId id, RandomBits* drop);
  bool Differentiates(ValueId id) const {
    return follows_.contains(id) || tuned_.contains(id);
  }
  void NodeBackward(const Node& node, std::map<ValueId, Tensor>& by_value,
                    std::map<ValueId, Tensor>& gradients);

  const Graph& graph_;
  const TuningBlock& block_;
  std::set<ValueId> tuned_;
  ThreadPool& pool_;
  ShapeScratch shapes_;
  BufferPool memory_;
  std::map<NodeId, std::unique_ptr<NodePlan>> plans_;
  std::set<ValueId> follows_;  // made from tuned constants
  std::map<ValueId, Tensor> constants_;
  std::map<ValueId, Tensor> values_;     // as read
  std::map<ValueId, Tensor> unrounded_;  // as made, where simulated
  int64_t macs_ = 0;
};

}  // namespace squint

#endif  // SQUINT_QUANTIZE_BLOCK_NETWORK_H_
