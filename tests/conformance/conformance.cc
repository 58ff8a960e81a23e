// Runs the ONNX backend node tests in every way that Squint executes models.
//
//   squint_conformance CASES LISTS [--filter WORD] [--markdown FILE]
//
// CASES: the folder of unpacked test_* folders. LISTS: the folder with
// exceptions.txt and promised_operators.txt. --filter runs the cases whose
// name contains WORD, and judges no list. Exit code 1 when a case fails that
// is no exception, or an exception passes.
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "conformance/examine.h"
#include "conformance/exceptions.h"
#include "conformance/table.h"
#include "squint/base/error.h"
#include "squint/base/file.h"

namespace squint {
namespace {

namespace fs = std::filesystem;

struct Arguments {
  fs::path cases;
  fs::path lists;
  std::optional<std::string> filter;
  std::optional<fs::path> markdown;
};

Arguments ReadArguments(int argc, char** argv) {
  Arguments arguments;
  std::vector<fs::path> folders;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--filter" && i + 1 < argc) {
      arguments.filter = argv[++i];
    } else if (word == "--markdown" && i + 1 < argc) {
      arguments.markdown = argv[++i];
    } else {
      folders.emplace_back(word);
    }
  }
  if (folders.size() != 2) {
    Fail(ErrorCode::kInvalidArgument,
         "usage: squint_conformance CASES LISTS [--filter WORD] "
         "[--markdown FILE]");
  }
  arguments.cases = folders[0];
  arguments.lists = folders[1];
  return arguments;
}

std::set<std::string> ReadPromised(const fs::path& file) {
  std::ifstream in(file);
  if (!in) Fail(ErrorCode::kIo, "cannot read {}", file.string());
  return {std::istream_iterator<std::string>(in), {}};
}

std::vector<CaseResult> ExamineAll(const Arguments& arguments) {
  const fs::path scratch = fs::temp_directory_path() /
                           fmt::format("squint_conformance_{}.onnx", getpid());
  std::vector<CaseResult> results;
  for (const TestCase& test : FindCases(arguments.cases)) {
    if (arguments.filter &&
        test.name.find(*arguments.filter) == std::string::npos) {
      continue;
    }
    results.push_back(Examine(test, scratch));
  }
  fs::remove(scratch);
  return results;
}

int Run(const Arguments& arguments) {
  const std::vector<CaseResult> results = ExamineAll(arguments);
  const OperatorTable table = Tabulate(results, ExamineRows());
  const Share share =
      ShareOf(table, ReadPromised(arguments.lists / "promised_operators.txt"));
  std::fputs(TextOf(table).c_str(), stdout);
  std::printf("promised operators: %d cases, %d of types left out; passed",
              share.cases, share.skipped);
  for (const int passed : share.passed) std::printf(" %d", passed);
  std::printf("\n");
  if (arguments.markdown) {
    std::ofstream(*arguments.markdown) << MarkdownOf(table, share);
  }
  std::vector<Exception> exceptions;
  if (!arguments.filter) {
    exceptions = ReadExceptions(arguments.lists / "exceptions.txt");
  }
  const std::vector<std::string> complaints = Complaints(results, exceptions);
  for (const std::string& complaint : complaints) {
    std::printf("FAILED %s\n", complaint.c_str());
  }
  return complaints.empty() ? 0 : 1;
}

}  // namespace
}  // namespace squint

int main(int argc, char** argv) {
  try {
    return squint::Run(squint::ReadArguments(argc, argv));
  } catch (const squint::Error& error) {
    std::fprintf(stderr, "squint_conformance: %s\n", error.what());
    return 2;
  }
}
