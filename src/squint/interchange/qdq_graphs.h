// Quantized graphs as files have them, Q and DQ and QLinear* still nodes: the
// patterns of the table of what ONNX Runtime fuses, and what other tools
// write. For the tests that load, absorb and save.
#ifndef SQUINT_INTERCHANGE_QDQ_GRAPHS_H_
#define SQUINT_INTERCHANGE_QDQ_GRAPHS_H_

#include <string>
#include <vector>

#include "squint/graph/graph.h"

namespace squint {

struct QuantizedExample {
  std::string what;
  Graph graph;
  // Whether all Q/DQ and QLinear nodes become QuantParams.
  bool absorbed = true;
};

std::vector<QuantizedExample> QdqExamples();
std::vector<QuantizedExample> QOperatorExamples();
std::vector<QuantizedExample> RunTimeScaleExamples();

}  // namespace squint

#endif  // SQUINT_INTERCHANGE_QDQ_GRAPHS_H_
