// Searching for a budget as a part of `squint quantize`: the trials are kept
// in a file beside the output, so that a search that was stopped goes on.
#ifndef SQUINT_API_BUDGET_JOB_H_
#define SQUINT_API_BUDGET_JOB_H_

#include <filesystem>
#include <string>
#include <vector>

#include "squint/report/budget.h"

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
};

// None where there is no file, or one with another key.
std::vector<Trial> ReadTrials(const std::filesystem::path& path,
                              const TrialsKey& key);
void WriteTrials(const std::filesystem::path& path, const TrialsKey& key,
                 const std::vector<Trial>& trials);

// Lines for people: what was needed, what was found, the best for each size.
std::string DescribeBudget(const BudgetResult& result);

}  // namespace squint

#endif  // SQUINT_API_BUDGET_JOB_H_
