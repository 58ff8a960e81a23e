// ModelProto to Graph, from bytes in memory.
#ifndef SQUINT_ONNX_MODEL_READER_H_
#define SQUINT_ONNX_MODEL_READER_H_

#include <string_view>

#include "squint/graph/graph.h"
#include "squint/onnx/tensor_reader.h"

namespace squint {

// Sorted and verified; tensors may point into `bytes`, which source.owner
// keeps alive.
Graph ReadModel(std::string_view bytes, TensorSource& source);

}  // namespace squint

#endif  // SQUINT_ONNX_MODEL_READER_H_
