// The ways in which Squint executes a model, each of which must give what
// the case expects.
#ifndef SQUINT_TESTS_CONFORMANCE_WAYS_H_
#define SQUINT_TESTS_CONFORMANCE_WAYS_H_

#include <array>
#include <filesystem>
#include <string>
#include <string_view>

#include "conformance/test_case.h"

namespace squint {

enum class Way {
  kInterpreter,  // the reference, on the loaded graph
  kExecutor,     // the runtime, twice, so that cached plans are used too
  kSaved,        // the reference, after SaveModel and LoadModel
  kOptimized,    // the reference, after every pass of the optimizer
};
inline constexpr std::array kWays = {Way::kInterpreter, Way::kExecutor,
                                     Way::kSaved, Way::kOptimized};
inline constexpr std::array<std::string_view, 4> kWayNames = {
    "interpreter", "executor", "saved", "optimized"};

// Runs all data sets of the case, with the inputs as the file has them and
// with all but the first bound as constants. Returns the first difference,
// empty when there is none; throws what the way throws. `scratch` is a file
// that the way may write.
std::string CheckWay(Way way, const TestCase& test,
                     const std::filesystem::path& scratch);

}  // namespace squint

#endif  // SQUINT_TESTS_CONFORMANCE_WAYS_H_
