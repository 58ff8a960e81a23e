// Parts of BenchFiles: what is measured, before it becomes tables.
#ifndef SQUINT_API_BENCH_H_
#define SQUINT_API_BENCH_H_

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "squint/base/context.h"
#include "squint/graph/graph.h"
#include "squint/kernels/peak/peak.h"
#include "squint/report/profile.h"
#include "squint/squint.h"

namespace squint {

struct BenchProfile {
  std::string model;
  int threads = 0;
  Peaks peaks;  // of so many threads
  Profile profile;
};

struct BenchResult {
  std::map<std::string, std::string> peers;  // name -> version
  std::vector<BenchRow> rows;                // by threads, then by model
  std::vector<BenchProfile> profiles;
};

// A model with the files of the inputs that all engines get.
struct BenchSubject {
  std::string model;
  size_t file_bytes = 0;
  int64_t samples = 1;  // of a run: first dimension of input 0
  std::vector<std::pair<std::string, std::string>> inputs;  // name, .npy
};

// From the files, or else random.
std::vector<Tensor> InputsFor(const Graph& graph, const BenchInputs& wanted,
                              const Context& context);

// Name -> version. Error{kUnsupported} when the Python has no such package.
std::map<std::string, std::string> PeerVersions(const BenchRequest& request);

// All engines on all models with this many threads, in turn.
std::vector<BenchRow> Race(const BenchRequest& request,
                           const std::vector<BenchSubject>& subjects,
                           int threads, const Context& context);

std::string BenchText(const BenchRequest& request, const BenchResult& result);
std::string BenchJson(const BenchRequest& request, const BenchResult& result);

}  // namespace squint

#endif  // SQUINT_API_BENCH_H_
