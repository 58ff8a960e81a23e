// The one exception type of Squint and the closed list of its codes. The
// message says what, where, expected, got, and what to do.
#ifndef SQUINT_BASE_ERROR_H_
#define SQUINT_BASE_ERROR_H_

#include <fmt/core.h>

#include <exception>
#include <string>
#include <string_view>
#include <utility>

namespace squint {

enum class ErrorCode {
  kInvalidArgument,  // the caller's request makes no sense
  kInvalidModel,     // the file breaks the rules of its format
  kUnsupported,      // legal, but not something Squint can do (yet)
  kIo,               // a file cannot be read or written
  kOutOfMemory,      // a size is beyond the limit or the machine
  kCancelled,        // Context::cancel said so
  kBudgetNotMet,     // the best result misses the stated budget
  kInternal,         // a defect of Squint
};

std::string_view ErrorCodeName(ErrorCode code);

class Error : public std::exception {
 public:
  Error(ErrorCode code, std::string message)
      : code_(code), message_(std::move(message)) {}
  ErrorCode code() const { return code_; }
  const std::string& message() const { return message_; }
  const char* what() const noexcept override { return message_.c_str(); }

  // The same error, told from further out: "where: message".
  Error In(std::string_view where) const {
    return Error(code_, fmt::format("{}: {}", where, message_));
  }

 private:
  ErrorCode code_;
  std::string message_;
};

template <typename... Args>
[[noreturn]] void Fail(ErrorCode code, fmt::format_string<Args...> format,
                       Args&&... args) {
  throw Error(code, fmt::format(format, std::forward<Args>(args)...));
}

// For what only a defect of Squint can cause.
inline void CheckInternal(bool ok, std::string_view what) {
  if (!ok) throw Error(ErrorCode::kInternal, std::string(what));
}

}  // namespace squint

#endif  // SQUINT_BASE_ERROR_H_
