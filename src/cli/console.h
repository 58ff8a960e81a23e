// What a person sees while a job runs: progress and notes on stderr, results
// on stdout.
#ifndef SQUINT_CLI_CONSOLE_H_
#define SQUINT_CLI_CONSOLE_H_

#include <chrono>
#include <string>
#include <string_view>

#include "squint/context.h"

namespace squint {

struct CommonOptions;

class Console {
 public:
  // A Context that reports here and stops on Ctrl-C.
  Context MakeContext(const CommonOptions& common);
  ~Console();

 private:
  void Show(const Progress& progress);
  void Say(LogLevel level, std::string_view text);
  void ClearLine();

  bool verbose_ = false;
  bool line_open_ = false;
  std::string stage_;
  std::chrono::steady_clock::time_point stage_start_;
  std::chrono::steady_clock::time_point last_shown_;
};

std::string HumanBytes(size_t bytes);  // "1.25 MB"

}  // namespace squint

#endif  // SQUINT_CLI_CONSOLE_H_
