// Inputs for a network when only its speed matters.
#ifndef SQUINT_REPORT_RANDOM_INPUTS_H_
#define SQUINT_REPORT_RANDOM_INPUTS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "squint/base/context.h"
#include "squint/data/dataset.h"
#include "squint/graph/graph.h"

namespace squint {

// What symbolic dimensions of inputs become. The rest are chosen: 1 for the
// first of an input, 224 in images, else 16.
struct InputSizes {
  int64_t batch = 0;  // every symbolic first dimension not named below; 0: 1
  // By symbol, or "input[axis]" where the file has no name for it.
  std::map<std::string, int64_t> dims;
};

// What the graph's inputs look like at these sizes. Integers that a Gather
// takes as indices are below 30000 and stay within its table; others are 0 or
// 1, but for 8-bit types, whose numbers are all over their range.
// Error{kInvalidArgument} for a size that no input has, or is fixed.
std::vector<InputSpec> SizedInputs(const Graph& graph, const InputSizes& sizes);

// Normal floats, masks of ones, integers as said above; by context.seed.
std::vector<Tensor> RandomInputs(const Graph& graph, const InputSizes& sizes,
                                 const Context& context);

}  // namespace squint

#endif  // SQUINT_REPORT_RANDOM_INPUTS_H_
