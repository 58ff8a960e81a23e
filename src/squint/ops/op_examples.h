// Small example nodes for the tests that walk op_list.inc. How to add:
//
//   in ops/<file>_test.cc, where <file> is the second column of op_list.inc,
//   define, in namespace squint,
//
//     std::vector<OpExample> Examples_<file>() {
//       return {
//           OpExample("Conv", "strided")
//               .In(Ramp({2, 3, 5, 5}))        // a graph input
//               .Const(Ramp({4, 3, 3, 3}))     // an initializer
//               .Set("strides", std::vector<int64_t>{2, 2}),
//       };
//     }
//
// with at least one example for every row of that file. op_list_test.cc finds
// the function by its name (no other list to edit) and checks for each
// example: inferred types and shapes equal the computed ones, also with axis
// 0 of the graph inputs symbolic; the reference runs; and, where the row has
// an integer reading and its rule takes the node, that reading stays within
// `Steps` output steps of the float operator, for several targets.
#ifndef SQUINT_OPS_OP_EXAMPLES_H_
#define SQUINT_OPS_OP_EXAMPLES_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "squint/graph/graph.h"
#include "squint/ops/op.h"

namespace squint {

class OpExample {
 public:
  OpExample(std::string op_type, std::string what, std::string domain = "");

  // Inputs, in order.
  OpExample In(Tensor value) &&;     // graph input
  OpExample Const(Tensor value) &&;  // initializer
  OpExample Absent() &&;
  OpExample Set(std::string_view key, Attribute value) &&;
  OpExample Outputs(size_t count) &&;  // default 1
  // Bound of the integer reading, in steps of the output (default 1: half a
  // step of rounding and the float error around it).
  OpExample Steps(double bound) &&;
  // The output shape depends on data: inference may leave it unknown.
  OpExample DataDependent() &&;
  // Axis 0 of the inputs is no batch: not tested with a symbol.
  OpExample FixedSizes() &&;

  struct Input {
    Tensor value;  // empty: absent
    bool constant = false;
  };
  std::string op_type;
  std::string what;
  std::string domain;
  std::vector<Input> inputs;
  Attributes attributes;
  size_t num_outputs = 1;
  double steps = 1.0;
  bool data_dependent = false;
  bool fixed_sizes = false;

  std::string label() const;  // "Conv, strided"
};

// A graph of the one node; graph inputs in the order of In(). With
// `symbolic`, axis 0 of every graph input is the symbol "n".
Graph GraphOf(const OpExample& example, bool symbolic = false);
std::vector<Tensor> InputsOf(const OpExample& example);
// The operator's float reference on the example.
std::vector<Tensor> RunExample(const OpExample& example);
// The only output as numbers.
std::vector<float> FloatsOf(const OpExample& example);
// The same of an operator with one input, of rank 1.
std::vector<float> ApplyTo(const char* type, std::vector<float> x,
                           Attributes attributes = {});

// The float graph with quantized values where the row's rule and the target
// allow; ranges from the example's own run. False: the rule keeps it float.
bool QuantizeExample(const Target& target, Graph& graph,
                     const std::vector<Tensor>& inputs);

// The integer reading's stored output of a quantized example, activations of
// the given type, weights int8 per channel.
std::vector<int64_t> IntegersOf(const OpExample& example, DType activation);

// Deterministic pseudo-random float32 in [low, high).
Tensor Ramp(Dims dims, float low = -1.0f, float high = 1.0f, uint32_t seed = 1);
Tensor Floats(Dims dims, std::vector<float> values);
Tensor Ints(Dims dims, std::vector<int64_t> values);  // int64

// All examples of all operator files.
std::vector<OpExample> AllExamples();

}  // namespace squint

#endif  // SQUINT_OPS_OP_EXAMPLES_H_
