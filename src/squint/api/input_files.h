// What --input says: arrays in files, for a network's inputs.
#ifndef SQUINT_API_INPUT_FILES_H_
#define SQUINT_API_INPUT_FILES_H_

#include <string>
#include <vector>

#include "squint/graph/graph.h"
#include "squint/tensor/tensor.h"

namespace squint {

// In the order of graph.inputs(), in their types, from "name=file.npy",
// "file.npy" (inputs in order) or one .npz. Error{kInvalidArgument} names an
// input that is missing or too many.
std::vector<Tensor> ReadInputs(const Graph& graph,
                               const std::vector<std::string>& args);

}  // namespace squint

#endif  // SQUINT_API_INPUT_FILES_H_
