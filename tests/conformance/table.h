// The results by operator: as text, and as docs/operators.md.
#ifndef SQUINT_TESTS_CONFORMANCE_TABLE_H_
#define SQUINT_TESTS_CONFORMANCE_TABLE_H_

#include <array>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "conformance/examine.h"

namespace squint {

// One operator's cases. Those of its written-out form count as its own.
struct OperatorRow {
  int cases = 0;
  std::array<int, kWays.size()> passed{};
  int failed = 0;                      // in any way, without an excuse
  std::map<std::string, int> skipped;  // by type: cases failing for it
  std::map<std::string, int> unknown;  // by operators without a row
  std::set<std::string> integer_on;    // targets
  std::string reason;                  // why it is float elsewhere

  // Cases that an excuse takes out of the count.
  int excused() const;
};

// Keyed by "domain::type" or "type"; every operator of op_list.inc has a row.
using OperatorTable = std::map<std::string, OperatorRow>;
OperatorTable Tabulate(const std::vector<CaseResult>& results,
                       const std::vector<RuleFinding>& rules);

// The share of Show 1: of the cases of promised operators, those excused by
// a type set aside, how many pass in each way.
struct Share {
  int cases = 0;
  int skipped = 0;
  std::array<int, kWays.size()> passed{};
};
Share ShareOf(const OperatorTable& table,
              const std::set<std::string>& promised);

std::string TextOf(const OperatorTable& table);
std::string MarkdownOf(const OperatorTable& table, const Share& promised);

}  // namespace squint

#endif  // SQUINT_TESTS_CONFORMANCE_TABLE_H_
