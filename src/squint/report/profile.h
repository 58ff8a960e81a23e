// Where the time of a network goes, node by node, beside what the machine
// could do at best.
#ifndef SQUINT_REPORT_PROFILE_H_
#define SQUINT_REPORT_PROFILE_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "squint/graph/graph.h"
#include "squint/kernels/peak/peak.h"
#include "squint/report/runner.h"
#include "squint/runtime/executor.h"

namespace squint {

// What stands against a node's time: a roofline. It takes at least the longer
// of its arithmetic at the peak and of reading and writing its operands once
// from memory; what comes from the caches may be faster than that.
struct ProfileRow {
  std::string name;       // the user's; of a total: the operator
  std::string op_type;    // "Conv+Relu" where a clamp was fused
  std::string shape;      // of output 0
  double seconds = 0;     // median over the runs, without nested graphs' nodes
  double share = 0;       // of all rows' seconds
  int64_t macs = 0;       // of a whole run, as bytes are
  bool integer = false;   // arithmetic of the macs
  double bytes = 0;       // of inputs, weights included, and outputs
  double peak_share = 0;  // of the macs a second that are possible; 0: no macs
  double roof_share = 0;  // of the speed that the roofline allows
  bool compute_bound = false;
  int64_t nodes = 1;  // of a total
};

// Collects what an executor tells of its steps.
class Profiler {
 public:
  // For RunOptions::on_step.
  void Add(const StepEvent& event);
  // All nodes of one run are there.
  void EndRun();

  // In the order in which nodes ran first. Shares of peaks are 0 without peaks.
  std::vector<ProfileRow> Rows(const Peaks& peaks) const;

 private:
  struct Record {
    ProfileRow row;
    ProfileRow current;           // sums of the run that goes on
    std::vector<double> seconds;  // of each run before
  };
  using Key = std::pair<const Graph*, NodeId>;

  std::map<Key, size_t> index_;
  std::vector<Record> records_;
  std::vector<double> nested_;  // seconds at each depth not yet taken off
  size_t runs_ = 0;
};

// Sums by operator, the longest first.
std::vector<ProfileRow> TotalsByOperator(const std::vector<ProfileRow>& rows,
                                         const Peaks& peaks);

struct Profile {
  std::vector<ProfileRow> rows;    // the longest first
  std::vector<ProfileRow> totals;  // by operator
  double run_seconds = 0;          // median of whole runs
  int64_t runs = 0;
  ArenaUse arena;  // of the results
};
// Runs for `seconds`, three times at least, after a run to warm up. Not with
// RunMode::kReference, whose steps nobody times.
Profile ProfileRuns(Runner& runner, const std::vector<Tensor>& inputs,
                    double seconds, const Peaks& peaks);

}  // namespace squint

#endif  // SQUINT_REPORT_PROFILE_H_
