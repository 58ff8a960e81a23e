// For the tests of prepared steps: runs one example by its step and compares
// with the operator's reference.
#ifndef SQUINT_OPS_PREPARED_EXAMPLE_H_
#define SQUINT_OPS_PREPARED_EXAMPLE_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "squint/base/threads.h"
#include "squint/ops/interpreter.h"
#include "squint/ops/op_examples.h"
#include "squint/ops/qlinear_form.h"

namespace squint {

// The prepared step of one example and what it needs to run.
class PreparedExample {
 public:
  // `packs`: shared with others, else its own.
  PreparedExample(const OpExample& example, const std::vector<Tensor>& truth,
                  std::optional<std::pair<float, float>> clamp = {},
                  PackCache* packs = nullptr, int threads = 2)
      : graph_(GraphOf(example)), op_(FindOp(example.op_type, example.domain)) {
    PrepareContext context{.node = graph_.node(graph_.order().front()),
                           .input_dtypes = {},
                           .input_dims = {},
                           .output_dtypes = {},
                           .output_dims = {},
                           .constants = {},
                           .packs = packs == nullptr ? packs_ : *packs,
                           .pack_key = "example",
                           .threads = threads,
                           .clamp = clamp};
    for (const auto& input : example.inputs) {
      const bool absent = input.value.empty();
      context.input_dtypes.push_back(input.value.dtype());
      context.input_dims.push_back(absent ? Dims{} : input.value.dims());
      context.constants.push_back(input.constant ? &input.value : nullptr);
      inputs_.push_back(absent ? nullptr : input.value.raw());
    }
    for (const Tensor& tensor : truth) {
      context.output_dtypes.push_back(tensor.dtype());
      context.output_dims.push_back(tensor.dims());
      outputs_.push_back(Tensor(tensor.dtype(), tensor.dims()));
    }
    if (op_->prepare != nullptr) step_ = op_->prepare(context);
  }

  bool prepared() const { return step_ != nullptr; }

  std::vector<Tensor> Run(int threads) {
    ThreadPool pool(threads);
    const size_t bytes = step_->scratch_bytes();
    const auto scratch = Buffer::Allocate(bytes + 64);
    std::memset(scratch->mutable_data(), 0xFF, bytes);
    std::vector<void*> outputs;
    for (Tensor& tensor : outputs_) {
      std::memset(tensor.mutable_raw(), 0xFF, tensor.bytes());
      outputs.push_back(tensor.mutable_raw());
    }
    step_->Run({inputs_, outputs, scratch->mutable_data(), pool});
    return outputs_;
  }

 private:
  Graph graph_;
  const OpDef* op_;
  PackCache packs_;
  std::unique_ptr<Step> step_;
  std::vector<const void*> inputs_;
  std::vector<Tensor> outputs_;
};

inline void ExpectSame(const Tensor& result, const Tensor& truth) {
  ASSERT_EQ(result.dims(), truth.dims());
  if (truth.dtype() != DType::kFloat32) {
    EXPECT_EQ(std::memcmp(result.raw(), truth.raw(), truth.bytes()), 0);
    return;
  }
  const float* a = result.data<float>();
  const float* b = truth.data<float>();
  float largest = 1.0f;
  for (int64_t i = 0; i < truth.size(); ++i) {
    if (std::isfinite(b[i])) largest = std::max(largest, std::fabs(b[i]));
  }
  for (int64_t i = 0; i < truth.size(); ++i) {
    if (std::isnan(b[i])) {
      EXPECT_TRUE(std::isnan(a[i])) << i;
    } else if (std::isinf(b[i])) {
      EXPECT_EQ(a[i], b[i]) << i;
    } else {
      ASSERT_NEAR(a[i], b[i], 1e-5f * largest) << "element " << i;
    }
  }
}

// What a step must give: operators on stored integers have a formula.
inline std::vector<Tensor> TruthOf(const OpExample& example) {
  const Graph graph = GraphOf(example);
  if (!QLinearFormOf(graph.node(graph.order().front()))) {
    return RunExample(example);
  }
  return Interpret(graph, InputsOf(example), {.reading = Reading::kInteger});
}

// False: no step was prepared.
inline bool CheckExample(const OpExample& example) {
  SCOPED_TRACE(example.label());
  const std::vector<Tensor> truth = TruthOf(example);
  PreparedExample prepared(example, truth);
  if (!prepared.prepared()) return false;
  for (const int threads : {1, 2}) {
    const std::vector<Tensor> result = prepared.Run(threads);
    for (size_t i = 0; i < truth.size(); ++i) {
      SCOPED_TRACE(i);
      if (!truth[i].empty()) ExpectSame(result[i], truth[i]);
    }
  }
  return true;
}

// The reference's outputs, limited, where the row can fuse a clamp.
inline void CheckClamped(const OpExample& example) {
  SCOPED_TRACE(example.label());
  std::vector<Tensor> truth = RunExample(example);
  PreparedExample prepared(example, truth, std::pair{-0.25f, 0.5f});
  ASSERT_TRUE(prepared.prepared());
  Tensor limited = truth[0].Clone();
  float* values = limited.mutable_data<float>();
  for (int64_t i = 0; i < limited.size(); ++i) {
    values[i] = std::clamp(values[i], -0.25f, 0.5f);
  }
  ExpectSame(prepared.Run(2)[0], limited);
}

// The node of an example's graph, which has none then.
inline Node TakeNode(Graph& graph) {
  const NodeId id = graph.order().front();
  Node node = graph.node(id);
  graph.RemoveNode(id);
  return node;
}

// The node as a graph of the two operators that it stands for: `first` of the
// node, `second` of the node and the first one's result.
inline Graph InTwoParts(const OpExample& example, Node (*first)(const Node&),
                        Node (*second)(const Node&, ValueId)) {
  Graph graph = GraphOf(example);
  const Node both = TakeNode(graph);
  Node a = first(both);
  a.outputs = {graph.AddValue("first")};
  Node b = second(both, a.outputs[0]);
  b.outputs = {graph.AddValue("second")};
  graph.AddNode(std::move(a));
  graph.SetOutputs(b.outputs);
  graph.AddNode(std::move(b));
  return graph;
}

// The node and its step give what the operators do that it stands for: `apart`.
inline void CheckParts(const OpExample& example, const Graph& apart,
                       int threads = 2) {
  SCOPED_TRACE(example.label());
  const std::vector<Tensor> truth =
      Interpret(apart, InputsOf(example), {.reading = Reading::kInteger});
  PreparedExample prepared(example, truth, {}, nullptr, threads);
  ASSERT_TRUE(prepared.prepared());
  const std::vector<Tensor> reference = RunExample(example);
  const std::vector<Tensor> results = prepared.Run(threads);
  for (size_t i = 0; i < truth.size(); ++i) {
    ExpectSame(reference[i], truth[i]);
    ExpectSame(results[i], truth[i]);
  }
}

inline void CheckPrepared(const OpExample& example) {
  EXPECT_TRUE(CheckExample(example)) << example.label() << ": no step";
}

}  // namespace squint

#endif  // SQUINT_OPS_PREPARED_EXAMPLE_H_
