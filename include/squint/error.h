// The one exception type of Squint and the closed list of its codes. The
// message says what, where, expected, got, and what to do.
#ifndef SQUINT_ERROR_H_
#define SQUINT_ERROR_H_

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
  Error In(std::string_view where) const;

 private:
  ErrorCode code_;
  std::string message_;
};

}  // namespace squint

#endif  // SQUINT_ERROR_H_
