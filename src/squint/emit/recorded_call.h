// What a step calls, as data: for whoever writes another call in its place.
#ifndef SQUINT_EMIT_RECORDED_CALL_H_
#define SQUINT_EMIT_RECORDED_CALL_H_

#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "squint/base/error.h"
#include "squint/fixed/step.h"

namespace squint {

// A kernel's name and its arguments in their order: decimal numbers, and marks
// of what lies behind a pointer.
struct RecordedCall {
  std::string kernel;
  std::vector<std::string> arguments;
  // Behind a mark: the fields of a struct, or numbers of an array.
  std::map<std::string, std::vector<int64_t>> numbers;
  std::map<std::string, FixedWeights> weights;

  int32_t Number(size_t argument) const {
    return std::stoi(arguments.at(argument));
  }
  const FixedWeights& Weights(size_t argument) const {
    return weights.at(arguments.at(argument));
  }
  // T: of int32_t fields, the kernel's parameter.
  template <typename T>
  T Struct(size_t argument) const {
    static_assert(std::is_trivially_copyable_v<T>);
    const auto& fields = numbers.at(arguments.at(argument));
    CheckInternal(4 * fields.size() == sizeof(T), "another struct was passed");
    const std::vector<int32_t> narrow(fields.begin(), fields.end());
    T made;
    std::memcpy(&made, narrow.data(), sizeof(T));
    return made;
  }
};

// The call of a whole step that makes no more than one.
std::optional<RecordedCall> RecordCall(const FixedStep& step);

}  // namespace squint

#endif  // SQUINT_EMIT_RECORDED_CALL_H_
