// AttributeProto to Attribute. Kinds that Squint does not interpret, and
// references to attributes of an enclosing function, are kept as bytes.
#ifndef SQUINT_ONNX_ATTRIBUTE_READER_H_
#define SQUINT_ONNX_ATTRIBUTE_READER_H_

#include "squint/graph/graph.h"
#include "squint/onnx/tensor_reader.h"
#include "squint/onnx/wire.h"

namespace squint {

// Adds one attribute; `depth` is that of the graph around the node.
void ReadAttribute(WireReader message, TensorSource& source, int depth,
                   Attributes& into);

}  // namespace squint

#endif  // SQUINT_ONNX_ATTRIBUTE_READER_H_
