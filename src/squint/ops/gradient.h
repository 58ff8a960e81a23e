// Gradients of operators: what a method needs that tunes the numbers of one
// layer or block by descent. An operator without one is no error; whoever
// tunes leaves the block alone.
#ifndef SQUINT_OPS_GRADIENT_H_
#define SQUINT_OPS_GRADIENT_H_

#include <cstddef>
#include <vector>

#include "squint/graph/graph.h"
#include "squint/tensor/tensor.h"

namespace squint {

class ThreadPool;

// One node after it has run, all in float32 (indices and shapes as they are).
struct GradientContext {
  const Node& node;
  std::vector<const Tensor*> inputs;   // null where absent
  std::vector<const Tensor*> outputs;  // null where absent
  // Of a scalar by each output, in its shape; null: zero. Output 0 has one.
  std::vector<const Tensor*> output_gradients;
  std::vector<bool> wanted;  // the inputs by which to differentiate
  // To fill: by each wanted input, in its shape. What stays empty is zero.
  std::vector<Tensor> input_gradients;
  ThreadPool& pool;

  const Tensor& in(size_t i) const { return *inputs[i]; }
  bool has(size_t i) const { return i < inputs.size() && inputs[i] != nullptr; }
  bool wants(size_t i) const { return i < wanted.size() && wanted[i]; }
  const Tensor& gradient() const { return *output_gradients[0]; }
};

// Fills context.input_gradients; the same numbers for any thread count.
using Gradient = void (*)(GradientContext&);

// Null where the operator has none.
Gradient FindGradient(const Node& node);

// The sum of `gradient` over the axes along which `dims` was broadcast to its
// shape.
Tensor SumTo(const Tensor& gradient, const Dims& dims);
// to += from; takes it over where `to` is empty. Equal shapes.
void Accumulate(Tensor& to, Tensor from);

}  // namespace squint

#endif  // SQUINT_OPS_GRADIENT_H_
