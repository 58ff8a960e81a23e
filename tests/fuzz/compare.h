// Whether two executions of a network agree, judged by how much the network
// itself makes of a tiny change of its inputs: what amplifies noise (a
// comparison, a division by almost nothing) cannot be held to more.
#ifndef SQUINT_TESTS_FUZZ_COMPARE_H_
#define SQUINT_TESTS_FUZZ_COMPARE_H_

#include <functional>
#include <string_view>
#include <vector>

#include "squint/graph/graph.h"

namespace squint {

// The reference's outputs, and what they become when every real input and
// constant is moved by about one part in a million, either way.
struct Expected {
  std::vector<Tensor> outputs;
  std::vector<Tensor> up;
  std::vector<Tensor> down;
};
Expected ExpectedOf(const Graph& graph, const std::vector<Tensor>& inputs);

// Runs f; ends the process with the graph printed when f throws: the graph is
// valid, so there is no reason to.
void MustRun(const Graph& graph, const std::function<void()>& f);

// Ends the process with both graphs printed when `actual` differs.
void CheckNear(const Expected& expected, const std::vector<Tensor>& actual,
               std::string_view what, const Graph& before, const Graph& after);

// Equal types, shapes and bytes (any NaN equals any other).
void CheckSame(const std::vector<Tensor>& expected,
               const std::vector<Tensor>& actual, std::string_view what,
               const Graph& before, const Graph& after);

}  // namespace squint

#endif  // SQUINT_TESTS_FUZZ_COMPARE_H_
