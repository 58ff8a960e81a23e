#include "conformance/exceptions.h"

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

#include "squint/base/error.h"

namespace squint {
namespace {

bool IsWay(std::string_view way) {
  return way == "all" ||
         std::find(kWayNames.begin(), kWayNames.end(), way) != kWayNames.end();
}

bool Covers(const Exception& exception, const std::string& name,
            std::string_view way) {
  return exception.name == name &&
         (exception.way == "all" || exception.way == way);
}

}  // namespace

std::vector<Exception> ReadExceptions(const std::filesystem::path& file) {
  std::ifstream in(file);
  if (!in) Fail(ErrorCode::kIo, "cannot read {}", file.string());
  std::vector<Exception> exceptions;
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line[0] == '#') continue;
    Exception exception;
    std::istringstream words(line);
    words >> exception.name >> exception.way >> std::ws;
    std::getline(words, exception.reason);
    if (!IsWay(exception.way) || exception.reason.empty()) {
      Fail(ErrorCode::kInvalidArgument, "{}: '{}' is not 'case way reason'",
           file.string(), line);
    }
    exceptions.push_back(std::move(exception));
  }
  return exceptions;
}

std::vector<std::string> Complaints(const std::vector<CaseResult>& results,
                                    const std::vector<Exception>& exceptions) {
  std::vector<std::string> complaints;
  std::set<std::string> names;
  for (const CaseResult& result : results) {
    names.insert(result.name);
    for (size_t i = 0; i < kWays.size(); ++i) {
      const Outcome& outcome = result.outcomes[i];
      const bool listed = std::any_of(
          exceptions.begin(), exceptions.end(), [&](const Exception& e) {
            return Covers(e, result.name, kWayNames[i]);
          });
      if (listed && outcome.status == Status::kPassed) {
        complaints.push_back(
            fmt::format("{} ({}) is on the exceptions list and passes: remove "
                        "it there",
                        result.name, kWayNames[i]));
      }
      if (!listed && outcome.status == Status::kFailed) {
        complaints.push_back(fmt::format("{} ({}): {}", result.name,
                                         kWayNames[i], outcome.message));
      }
    }
  }
  for (const Exception& exception : exceptions) {
    if (names.contains(exception.name)) continue;
    complaints.push_back(
        fmt::format("{} is on the exceptions list, but there is no such case",
                    exception.name));
  }
  return complaints;
}

}  // namespace squint
