// What an operator on stored integers stands for: QLinearConv is Conv between
// the numbers that its integers mean. One description serves the operators'
// own rows and Absorb, which writes the standard operator out.
#ifndef SQUINT_OPS_QLINEAR_FORM_H_
#define SQUINT_OPS_QLINEAR_FORM_H_

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "squint/graph/graph.h"

namespace squint {

// One input of the standard operator, by input indices of the QLinear node.
struct QLinearOperand {
  size_t data = 0;
  std::optional<size_t> scale = {};  // none: taken as it is (a condition)
  std::optional<size_t> zero_point = {};
  std::optional<int> axis = {};  // where there may be one scale per channel
  bool bias = false;  // int32 in steps of both scales of operands 0 and 1
};

struct QLinearForm {
  std::string_view op_type;  // of ai.onnx
  Attributes attributes;
  std::vector<QLinearOperand> inputs;
  // Scale and zero point of the result; without a scale it is float32.
  std::optional<size_t> scale = {};
  std::optional<size_t> zero_point = {};
  std::optional<size_t> added = {};  // a float bias behind the product
  float alpha = 1.0f;                // joins the steps of the bias
  // Operand 0 and the result are [N, spatial ..., C].
  bool channels_last = false;
  // Softmax before opset 13: axes from this one on form one row.
  std::optional<int64_t> flatten_from = {};
};

// Nullopt for any other operator. Absent inputs are left out.
std::optional<QLinearForm> QLinearFormOf(const Node& node);

// Entry i of the result is entry perm[i].
Dims Permuted(const Dims& dims, const std::vector<int64_t>& perm);
Shape Permuted(const Shape& shape, const std::vector<int64_t>& perm);

// Axis orders of [N, spatial ..., C] -> [N, C, spatial ...] and back; an error
// below rank 2.
std::vector<int64_t> ChannelsFirst(int rank);
std::vector<int64_t> ChannelsLast(int rank);

}  // namespace squint

#endif  // SQUINT_OPS_QLINEAR_FORM_H_
