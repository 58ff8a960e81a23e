// Searching for a budget as a part of `squint quantize`: the trials are kept
// in a file beside the output, so that a search that was stopped goes on.
#ifndef SQUINT_API_BUDGET_JOB_H_
#define SQUINT_API_BUDGET_JOB_H_

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "squint/api/jobs.h"
#include "squint/report/budget.h"
#include "squint/squint.h"

namespace squint {

// OUTPUT.trials.json
std::filesystem::path TrialsPath(const std::string& output);

// What a file of trials is about: trials of another network, other samples or
// another recipe are not taken up.
struct TrialsKey {
  std::string model;  // hashes
  std::string data;
  std::string recipe;  // as text
  std::string metric;  // as asked for
  std::string objective;
};

// Nothing where there is no file, or one with another key. What is no file of
// trials is Error{kInvalidArgument}: it would be written over.
SearchRecord ReadTrials(const std::filesystem::path& path,
                        const TrialsKey& key);
void WriteTrials(const std::filesystem::path& path, const TrialsKey& key,
                 const SearchRecord& record);

// One hash for samples: over their own in order.
std::string DataHash(const Calibration& calibration);

class BudgetJob {
 public:
  // All but `dataset` must outlive this. No dataset: Error{kInvalidArgument},
  // a budget is judged on real samples.
  BudgetJob(const QuantizeRequest& request, const Prepared& prepared,
            std::shared_ptr<const Dataset> dataset, const Context& context);

  // Sets aside what judges: the request's other data, or every second sample
  // that would have calibrated. Reads each once.
  void HoldBack(Split& split);
  // What to say of judging samples that calibrated, too; "" for none.
  std::string OverlapNote(const Calibration& calibration) const;
  // Trials go to the file beside the output, and come from there.
  BudgetResult Search(
      const Calibration& calibration, const Recipe& recipe,
      const TuningData& tuning,
      std::function<void(const Recipe&, const QuantizeResult&)> on_best) const;

 private:
  const QuantizeRequest& request_;
  const Prepared& prepared_;
  const Context& context_;
  Budget budget_;
  TuningData judge_;
  std::vector<std::string> judge_hashes_;  // of its samples
};

// Lines for people: what was needed, what was found, the best for each size.
std::string DescribeBudget(const BudgetResult& result);

}  // namespace squint

#endif  // SQUINT_API_BUDGET_JOB_H_
