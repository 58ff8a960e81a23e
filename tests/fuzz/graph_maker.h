// Valid small graphs from bytes. A node is only added when inference takes it
// and its reference runs, so the graph runs by construction; where nodes come
// from is the examples of the operators (op_examples.h) and the shapes that
// the optimizer and absorption look for.
#ifndef SQUINT_TESTS_FUZZ_GRAPH_MAKER_H_
#define SQUINT_TESTS_FUZZ_GRAPH_MAKER_H_

#include <string>
#include <string_view>
#include <vector>

#include "choices.h"
#include "squint/graph/graph.h"
#include "squint/ops/op_examples.h"

namespace squint {

class GraphMaker {
 public:
  explicit GraphMaker(Choices& choices);

  // Adds up to `count` nodes, with or without Q and DQ among them, and makes
  // what nobody reads (and a little more) the graph's outputs.
  void Grow(int count, bool quantized);

  Graph graph;
  std::vector<Tensor> inputs;  // for graph.inputs(), all finite

  // ---- for the patterns of graph_patterns.cc
  Choices& choices;
  // The node's results, added to the graph; empty when it breaks a rule, is
  // too large or fails. `num_outputs` of them are wanted.
  std::vector<ValueId> Try(Node node, size_t num_outputs = 1);
  // One result; kNoValue when refused.
  ValueId Add(std::string_view type, std::vector<ValueId> from,
              Attributes attributes = {});
  ValueId Input(const Tensor& value);
  ValueId Constant(const Tensor& value);
  ValueId Ints(std::vector<int64_t> values);
  // float32 in [low, high], different each time.
  ValueId Reals(Dims dims, float low = -1.0f, float high = 1.0f);
  // A value made so far that has this type; a new input when there is none.
  ValueId Pick(DType dtype = DType::kFloat32);
  const Dims& DimsOf(ValueId id) const { return TensorOf(id).dims(); }
  const Tensor& TensorOf(ValueId id) const {
    return computed_[static_cast<size_t>(id)];
  }

 private:
  void AddExample();
  void Keep(ValueId id, const Tensor& value);
  void ChooseOutputs();

  std::vector<Tensor> computed_;  // by ValueId
  std::vector<ValueId> pool_;     // values that nodes may read
  uint32_t seed_ = 1;
  bool quantized_ = false;  // results are compared bit by bit
};

// One of the shapes that optimizer passes look for, grown from a value of
// the graph.
void AddPattern(GraphMaker& maker);
// Q and DQ in one of the ways that files have them.
void AddQuantization(GraphMaker& maker);
// A layer between quantized values, as lowering to integers looks for.
void AddQuantizedLayer(GraphMaker& maker);

// All examples of all operators, made once.
const std::vector<OpExample>& FuzzExamples();

}  // namespace squint

#endif  // SQUINT_TESTS_FUZZ_GRAPH_MAKER_H_
