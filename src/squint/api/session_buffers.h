// What a session takes from its caller: descriptions of a network's inputs and
// outputs, checks of buffers against them, buffers as tensors. Errors are
// kInvalidArgument and name the input or output.
#ifndef SQUINT_API_SESSION_BUFFERS_H_
#define SQUINT_API_SESSION_BUFFERS_H_

#include <span>
#include <string_view>
#include <vector>

#include "squint/graph/graph.h"
#include "squint/session.h"
#include "squint/tensor/tensor.h"

namespace squint {

// Error{kUnsupported} for a type that no buffer can have.
TensorInfo TensorInfoOf(const Value& value);

// Which inputs the network may read in the caller's memory while the caller
// changes it: numbers that only kernels read, which take any bits. Others are
// copied, for what decides on a size, an index or an order must stay as it was
// when it was checked.
std::vector<bool> LendableInputs(const Graph& graph);

// "2 shapes of inputs, got 1".
void CheckCount(std::string_view what, size_t got, size_t expected);
// `role` is "input" or "output".
void CheckShape(std::string_view role, const TensorInfo& info,
                const TensorShape& shape);
void CheckInputBuffers(const std::vector<TensorInfo>& infos,
                       std::span<const InputBuffer> inputs);
void CheckOutputs(const std::vector<TensorInfo>& infos,
                  std::span<const OutputBuffer> outputs);
// No output lies over an input or over another output.
void CheckOverlap(const std::vector<TensorInfo>& input_infos,
                  std::span<const InputBuffer> inputs,
                  const std::vector<TensorInfo>& output_infos,
                  std::span<const OutputBuffer> outputs);
// The output that a run makes is what the buffer is for.
void CheckMade(const TensorInfo& info, const OutputBuffer& output, DType dtype,
               const Dims& dims);

// A checked buffer: lent, where it may be and is aligned, else copied.
Tensor TensorOf(const InputBuffer& input, bool lendable);

}  // namespace squint

#endif  // SQUINT_API_SESSION_BUFFERS_H_
