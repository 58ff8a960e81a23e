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

constexpr std::array kRealRows = {
#define SQUINT_STEP(type, maker) Row{#type, maker},
#include "squint/fixed/real_step_list.inc"
#undef SQUINT_STEP
};

template <size_t kCount>
std::unique_ptr<FixedStep> MakeFrom(const std::array<Row, kCount>& rows,
                                    const FixedOperation& operation,
                                    std::string_view reason) {
  const auto row = std::ranges::find(
      rows, std::string_view(operation.node.op_type), &Row::op_type);
  Require(row != rows.end(), reason);
  return row->make(operation);
}

}  // namespace

std::unique_ptr<FixedStep> MakeFixedStep(const FixedOperation& operation) {
  return MakeFrom(kRows, operation,
                  "there is no fixed-point form of this operator");
}

std::unique_ptr<FixedStep> MakeRealStep(const FixedOperation& operation) {
  return MakeFrom(kRealRows, operation,
                  "there is no float form of this operator");
}

}  // namespace squint
