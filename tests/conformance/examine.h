// What one case is about and how Squint does on it.
#ifndef SQUINT_TESTS_CONFORMANCE_EXAMINE_H_
#define SQUINT_TESTS_CONFORMANCE_EXAMINE_H_

#include <array>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "conformance/test_case.h"
#include "conformance/ways.h"

namespace squint {

enum class Status {
  kPassed,
  kFailed,
  kSkipped,  // fails, and has an element or value type that Squint leaves out
  kUnknown,  // fails, and has an operator without a row
};

struct Outcome {
  Status status = Status::kFailed;
  std::string message;  // empty when passed
};

// How an operator is quantized, as its rule says on the cases' nodes.
struct RuleFinding {
  std::string op;  // "com.microsoft::QGemm", "Conv"
  std::string target;
  std::string reason;  // empty: it runs in integers there
};

struct CaseResult {
  std::string name;
  std::string op;  // of the case's only node
  std::array<Outcome, kWays.size()> outcomes;
  std::vector<RuleFinding> rules;
};

// A case whose model is an operator written out in others: its name is the
// operator's case's and a suffix. The same name where it is no such case.
std::string_view UnexpandedName(std::string_view name);

// In processes of their own. `scratch` is a file to write and remove.
CaseResult Examine(const TestCase& test, const std::filesystem::path& scratch);

// What every row's rule says of a node on float32 [1,4,4,4], for operators
// that no case has.
std::vector<RuleFinding> ExamineRows();

}  // namespace squint

#endif  // SQUINT_TESTS_CONFORMANCE_EXAMINE_H_
