#include "squint/fixed/step_list.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace squint {
namespace {

struct Row {
  std::string_view op_type;
  std::unique_ptr<FixedStep> (*make)(const FixedOperation& operation);
};

constexpr std::array kRows = {
#define SQUINT_STEP(type, maker) Row{#type, maker},
#include "squint/fixed/step_list.inc"
#undef SQUINT_STEP
};

}  // namespace

std::unique_ptr<FixedStep> MakeFixedStep(const FixedOperation& operation) {
  const auto* row = std::find_if(kRows.begin(), kRows.end(), [&](const Row& r) {
    return r.op_type == operation.node.op_type;
  });
  Require(row != kRows.end(), "there is no fixed-point form of this operator");
  return row->make(operation);
}

}  // namespace squint
