#include "squint/quantize/method.h"

#include <array>

#include "squint/base/error.h"

namespace squint {

#define SQUINT_METHOD(name) extern const MethodDef k##name##Method;
#include "squint/quantize/method_list.inc"
#undef SQUINT_METHOD

namespace {

constexpr std::array kMethods = {
#define SQUINT_METHOD(name) &k##name##Method,
#include "squint/quantize/method_list.inc"
#undef SQUINT_METHOD
};

}  // namespace

std::span<const MethodDef* const> AllMethods() { return kMethods; }

bool MethodIsOn(const MethodDef& method, const Recipe& recipe) {
  const auto it = recipe.methods.find(std::string(method.name));
  if (it != recipe.methods.end()) return it->second;
  return method.on_for ? method.on_for(recipe) : method.on_by_default;
}

void CheckMethodNames(const Recipe& recipe) {
  for (const auto& [name, on] : recipe.methods) {
    std::string known;
    bool found = false;
    for (const MethodDef* method : kMethods) {
      found = found || method->name == name;
      known += fmt::format(" {}", method->name);
    }
    if (!found) {
      Fail(ErrorCode::kInvalidArgument,
           "method '{}' is not known; there are:{}", name, known);
    }
  }
}

}  // namespace squint
