// A float network and its quantized form on the same samples: how far the
// outputs and the inner values are apart. No labels needed.
#ifndef SQUINT_REPORT_COMPARE_H_
#define SQUINT_REPORT_COMPARE_H_

#include <memory>
#include <string>
#include <vector>

#include "squint/base/context.h"
#include "squint/data/dataset.h"
#include "squint/report/runner.h"

namespace squint {

struct ValueDifference {
  std::string name;
  std::string op_type;  // of the float network's node that makes it
  // 10 log10(sum r^2 / sum (r - q)^2); infinite when equal.
  double sqnr = 0;
  double cosine = 0;
};

struct Comparison {
  int64_t samples = 0;
  // Share of samples (rows of the last axis, for sequences) whose largest
  // element of the first output is at the same place.
  double agreement = 0;
  // One a graph output; where the output is a Softmax, the value before it.
  std::vector<ValueDifference> outputs;
  std::vector<ValueDifference> inner;  // in execution order, when asked
};

struct CompareOptions {
  std::vector<int64_t> samples;
  bool inner = false;  // also every inner value that both networks name
};

Comparison Compare(Runner& real, Runner& quantized,
                   const std::shared_ptr<const Dataset>& dataset,
                   const CompareOptions& options, const Context& context);

}  // namespace squint

#endif  // SQUINT_REPORT_COMPARE_H_
