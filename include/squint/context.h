// What every long function takes besides its input: how to tell progress,
// when to stop, how many threads and how much memory it may use.
#ifndef SQUINT_CONTEXT_H_
#define SQUINT_CONTEXT_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

namespace squint {

struct Progress {
  std::string_view stage;  // "calibrate", "compare", ...
  int64_t done = 0;
  int64_t total = 0;  // 0: not known
};

enum class LogLevel { kNote, kWarning, kDetail };

struct Context {
  std::function<void(const Progress&)> progress;        // may be empty
  std::function<void(LogLevel, std::string_view)> log;  // may be empty
  const std::atomic<bool>* cancel = nullptr;
  int threads = 0;                        // 0: as many as the process may use
  size_t memory_limit = size_t{4} << 30;  // bytes for one tensor or cache
  // How often nested graphs may run in one run of a network, all trips of all
  // loops together. ONNX allows a Loop that never ends; beyond the limit it
  // is an error that names the node.
  int64_t loop_limit = 10'000'000;
  uint64_t seed = 1;

  void Report(std::string_view stage, int64_t done, int64_t total) const {
    if (progress) progress({stage, done, total});
  }
  void Note(std::string_view text) const {
    if (log) log(LogLevel::kNote, text);
  }
  void Warn(std::string_view text) const {
    if (log) log(LogLevel::kWarning, text);
  }
  void Detail(std::string_view text) const {
    if (log) log(LogLevel::kDetail, text);
  }
  void ThrowIfCancelled() const;  // Error{kCancelled}
};

}  // namespace squint

#endif  // SQUINT_CONTEXT_H_
