// Throwing the public Error with a formatted message.
#ifndef SQUINT_BASE_ERROR_H_
#define SQUINT_BASE_ERROR_H_

#include <fmt/core.h>

#include <string_view>
#include <utility>

#include "squint/error.h"

namespace squint {

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
