#include "squint/base/error.h"

namespace squint {

std::string_view ErrorCodeName(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return "invalid argument";
    case ErrorCode::kInvalidModel:
      return "invalid model";
    case ErrorCode::kUnsupported:
      return "unsupported";
    case ErrorCode::kIo:
      return "input/output";
    case ErrorCode::kOutOfMemory:
      return "out of memory";
    case ErrorCode::kCancelled:
      return "cancelled";
    case ErrorCode::kBudgetNotMet:
      return "budget not met";
    case ErrorCode::kInternal:
      return "internal";
  }
  return "unknown";
}

Error Error::In(std::string_view where) const {
  return Error(code_, fmt::format("{}: {}", where, message_));
}

}  // namespace squint
