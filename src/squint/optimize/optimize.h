// Rewrites of a float graph that keep its results (to float rounding) and
// make it smaller: a list of passes run to a bounded fixpoint. Each pass has
// a name, a switch, a timer and the verifier after it.
//
// Graph inputs and outputs, their names and their types never change. Values
// that are quantized, and the nodes that touch them, are left as they are.
#ifndef SQUINT_OPTIMIZE_OPTIMIZE_H_
#define SQUINT_OPTIMIZE_OPTIMIZE_H_

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "squint/base/context.h"
#include "squint/graph/graph.h"

namespace squint {

class PassContext;

struct PassDef {
  std::string_view name;     // "fold-constants", what --disable takes
  std::string_view summary;  // one line for `--help`
  // Rewrites one graph (nested graphs are passed by themselves) and returns
  // how many changes it made.
  int (*run)(Graph& graph, PassContext& pass) = nullptr;
};

struct PassReport {
  std::string_view name;
  int changes = 0;
  double seconds = 0.0;
  std::vector<std::string> lines;  // "bn1 into conv1", for --verbose
};

struct OptimizeOptions {
  std::vector<std::string> disabled;  // names of passes
  // Largest tensor, in bytes, that constant folding may create where it is
  // larger than the node's inputs; beyond 1 KB at most twice their bytes.
  size_t fold_limit = size_t{16} << 20;
  bool verify = true;  // VerifyGraph after each pass
};

// Runs every enabled pass, in the list's order, until none finds anything.
// Reports are in that order too. Error{kInvalidArgument} for a disabled name
// that is no pass.
std::vector<PassReport> Optimize(Graph& graph,
                                 const OptimizeOptions& options = {},
                                 const Context& context = {});

std::span<const PassDef* const> AllPasses();
// Null when there is no such pass.
const PassDef* FindPass(std::string_view name);

}  // namespace squint

#endif  // SQUINT_OPTIMIZE_OPTIMIZE_H_
