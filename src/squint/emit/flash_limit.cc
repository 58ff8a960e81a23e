#include "squint/emit/flash_limit.h"

#include <algorithm>

#include "squint/base/error.h"

namespace squint {
namespace {

constexpr size_t kMostNamed = 3;  // layers

int64_t FlashOf(const StepCost& step) {
  return step.constant_bytes + step.parameter_bytes;
}

}  // namespace

void CheckFlash(const EmittedModel& model, int64_t limit) {
  const int64_t constants = model.constant_bytes + model.parameter_bytes;
  const int64_t bytes = constants + model.code_bound;
  if (bytes <= limit) return;
  std::vector<StepCost> steps = model.steps;
  std::ranges::stable_sort(steps, std::ranges::greater(), FlashOf);
  std::string largest;
  for (size_t i = 0; i < std::min(steps.size(), kMostNamed); ++i) {
    largest += fmt::format("{}'{}' ({})", i == 0 ? "" : ", ", steps[i].layer,
                           FlashOf(steps[i]));
  }
  Fail(
      ErrorCode::kBudgetNotMet,
      "the flash limit of {} bytes cannot be met: the network takes {}, {} too "
      "many ({} of constants, up to {} of code at -O2); most are held by {}",
      limit, bytes, bytes - limit, constants, model.code_bound, largest);
}

}  // namespace squint
