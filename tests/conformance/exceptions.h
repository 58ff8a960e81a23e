// Failures that are known and accepted, each with its reason: the list may
// only shrink, because a listed case that passes is reported too.
#ifndef SQUINT_TESTS_CONFORMANCE_EXCEPTIONS_H_
#define SQUINT_TESTS_CONFORMANCE_EXCEPTIONS_H_

#include <filesystem>
#include <string>
#include <vector>

#include "conformance/examine.h"

namespace squint {

struct Exception {
  std::string name;  // of the case
  std::string way;   // a name of kWayNames, or "all"
  std::string reason;
};

// Lines "case way reason ..."; '#' starts a comment.
// Error{kInvalidArgument} for a line without a reason or with an unknown way.
std::vector<Exception> ReadExceptions(const std::filesystem::path& file);

// What is wrong, one sentence each: failures that are not listed, listed ones
// that pass, listed cases that do not exist.
std::vector<std::string> Complaints(const std::vector<CaseResult>& results,
                                    const std::vector<Exception>& exceptions);

}  // namespace squint

#endif  // SQUINT_TESTS_CONFORMANCE_EXCEPTIONS_H_
