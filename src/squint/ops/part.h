// Operators that are one part of a node that stands for several.
#ifndef SQUINT_OPS_PART_H_
#define SQUINT_OPS_PART_H_

#include <span>
#include <string_view>
#include <vector>

#include "squint/ops/infer.h"
#include "squint/ops/op.h"

namespace squint {

// An error unless the node has `count` inputs.
void CheckInputCount(const Node& node, size_t count);

// The ONNX operator `op_type`, without attributes.
Node PartOf(std::string_view op_type);

// The com.microsoft operator `op_type` with the node's name and its inputs up
// to `last`, which is left out where it is absent.
Node PartUpTo(const Node& node, std::string_view op_type, size_t last);

// The result's shape of a part whose input i is the context's input i, or
// absent. `first`: the shape of its input 0, if that is another one.
Shape InferPart(const InferContext& context, Node part,
                const Shape* first = nullptr);

// Type and shape of a part's result from those of its inputs, as many as it
// has.
InferContext::Result InferPart(Node part,
                               std::span<const InferContext::Result> inputs);

// Output 0 of a part with one result: by its integer reading, if it has one.
Tensor RunPart(Node part, std::vector<const Tensor*> inputs);

}  // namespace squint

#endif  // SQUINT_OPS_PART_H_
