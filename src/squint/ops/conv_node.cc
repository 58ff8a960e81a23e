#include "squint/ops/conv_node.h"

namespace squint {

Dims SpatialOf(const Dims& dims) {
  if (dims.size() < 3) {
    Fail(ErrorCode::kInvalidModel, "{} has no spatial axis",
         DimsToString(dims));
  }
  return Dims(dims.begin() + 2, dims.end());
}

Window ReadConvWindow(const Node& node, const Dims& kernel) {
  const Dims declared = node.Ints("kernel_shape", kernel);
  if (declared != kernel) {
    Fail(ErrorCode::kInvalidModel,
         "kernel_shape is {}, but the weight has the kernel {}",
         DimsToString(declared), DimsToString(kernel));
  }
  return ReadWindow(node, kernel);
}

int64_t ReadGroup(const Node& node) {
  const int64_t group = node.Int("group", 1);
  if (group < 1) {
    Fail(ErrorCode::kInvalidModel, "group={}, expected at least 1", group);
  }
  return group;
}

void CheckConvRanks(const Shape& x, const Shape& weight) {
  const bool both = x.has_rank() && weight.has_rank();
  const bool flat = (x.has_rank() && x.rank() < 3) ||
                    (weight.has_rank() && weight.rank() < 3);
  if (flat || (both && x.rank() != weight.rank())) {
    Fail(ErrorCode::kInvalidModel,
         "input {} and weight {} need the same rank, at least 3", x.ToString(),
         weight.ToString());
  }
}

void CheckConvBias(const Shape& bias, const Dim& outputs) {
  if (!bias.has_rank()) return;
  const bool sizes_known =
      bias.rank() == 1 && bias[0].value() && outputs.value();
  if (bias.rank() != 1 || (sizes_known && !(bias[0] == outputs))) {
    Fail(ErrorCode::kInvalidModel,
         "the bias is {}, expected one value for each of {} output channels",
         bias.ToString(), outputs.ToString());
  }
}

QuantSpec ConvolutionRule(const QuantizeQuery& query, int axis,
                          int reduce_axis) {
  const auto computed = [&](size_t input) {
    return query.node.has_input(input) &&
           query.graph.ConstantOf(query.node.input(input)) == nullptr;
  };
  if (computed(1)) {
    return QuantSpec::Float("its weight is computed at run time");
  }
  if (computed(2)) {
    return QuantSpec::Float("its bias is computed at run time");
  }
  QuantSpec spec;
  spec.inputs = {
      {.role = Role::kActivation},
      {.role = Role::kWeight, .axis = axis, .reduce_axis = reduce_axis},
      {.role = Role::kBias}};
  spec.inputs.resize(query.node.inputs.size());
  spec.outputs = {{.role = Role::kActivation}};
  return spec;
}

}  // namespace squint
