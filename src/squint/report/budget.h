// The cheapest way to quantize a network that keeps its accuracy within a
// stated budget: which layers need more bits than the recipe gives all, or
// float. Found by trying: layers are ranked by what each alone costs in
// accuracy against what it saves, and the ranking is searched for the fewest
// layers that must be raised.
#ifndef SQUINT_REPORT_BUDGET_H_
#define SQUINT_REPORT_BUDGET_H_

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "squint/base/context.h"
#include "squint/calibrate/calibration.h"
#include "squint/data/dataset.h"
#include "squint/graph/graph.h"
#include "squint/quantize/quantize.h"
#include "squint/quantize/recipe.h"

namespace squint {

enum class Objective { kSize, kLatency };

struct Budget {
  double max_drop = 0;
  bool relative = true;  // max_drop is a share of the float metric
  std::string metric;    // "": the dataset's; agreement where it has no labels
  double seconds = 0;    // for the search; 0: no limit
  Objective objective = Objective::kSize;
};

// "0.5%" is relative, "0.005" absolute. Error{kInvalidArgument}.
Budget ParseBudget(const std::string& max_drop);

// What is tried: formats of layers, by node name, and methods that are on.
struct Trial {
  std::map<std::string, WeightFormat> layers;
  std::map<std::string, bool> methods;
  double metric = 0;
  size_t bytes = 0;    // of the quantized weights and the float layers'
  double latency = 0;  // seconds of one sample, from measured layers
  double seconds = 0;  // that the trial took
  bool holds = false;
};

// What ranking found of one layer: the noise of the outputs, as a share of
// their power, with this layer's weights as `low` and all others' as `high`.
struct LayerNoise {
  std::string layer;  // "": all of `high`
  WeightFormat low;
  WeightFormat high;
  std::map<std::string, bool> methods;  // that were on
  double noise = 0;
};

// What a search has found out: given to another one of the same network, data
// and recipe, nothing of it is measured again.
struct SearchRecord {
  std::vector<Trial> trials;
  std::vector<LayerNoise> noises;
};

struct BudgetRequest {
  const Graph& graph;  // as for Quantize
  const Calibration& calibration;
  Recipe recipe;      // the cheapest that may come out
  TuningData tuning;  // what calibrated: ranks the layers
  TuningData judge;   // what the budget is held on
  Budget budget;
  SearchRecord known = {};  // of the same search, when it was stopped
  // Called behind each trial that is the best so far, with its network.
  std::function<void(const Recipe&, const QuantizeResult&)> on_best = {};
  // Called behind each trial and each layer that was ranked.
  std::function<void(const SearchRecord&)> on_record = {};
};

struct BudgetResult {
  Recipe recipe;           // of the best trial
  QuantizeResult network;  // likewise
  bool met = false;
  std::string metric;
  double float_metric = 0;
  double limit = 0;  // what the metric must reach
  Trial best;
  std::vector<Trial> trials;
  size_t ranked = 0;          // networks that were made to rank layers
  std::vector<Trial> pareto;  // no other trial is cheaper and as accurate
  bool out_of_time = false;
};

// Error{kInvalidArgument}: a metric that does not fit the data. Cancelled
// searches throw Error{kCancelled}; on_best has been told the best.
BudgetResult SearchBudget(const BudgetRequest& request, const Context& context);

}  // namespace squint

#endif  // SQUINT_REPORT_BUDGET_H_
