// A step that is written as a call of CMSIS-NN, and what decides whether it
// may be.
#ifndef SQUINT_EMIT_CMSIS_NN_STEP_H_
#define SQUINT_EMIT_CMSIS_NN_STEP_H_

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "squint/emit/recorded_call.h"
#include "squint/fixed/step.h"

namespace squint {

// Runs and describes itself as our own; Write is another's.
class CmsisStep : public FixedStep {
 public:
  explicit CmsisStep(std::shared_ptr<const FixedStep> own)
      : own_(std::move(own)) {}

  const std::shared_ptr<const FixedStep>& own() const { return own_; }
  void Run(StepRunner& runner) const override { own_->Run(runner); }
  size_t scratch_bytes() const override {
    return std::max(own_->scratch_bytes(), cmsis_scratch());
  }
  int64_t macs() const override { return own_->macs(); }
  std::optional<int64_t> Lead(size_t, const Patch*) const override {
    return std::nullopt;
  }
  // In patches the own step runs.
  const squint_window* window() const override { return own_->window(); }
  bool IsByPixel(int64_t pixels, int64_t channels) const override {
    return own_->IsByPixel(pixels, channels);
  }

 protected:
  // The most that any version of the kernel takes.
  virtual size_t cmsis_scratch() const { return 0; }

 private:
  std::shared_ptr<const FixedStep> own_;
};

// Numbers of up to `bound` by this factor: CMSIS-NN for Helium shifts them to
// the left first, by 32 - shift.
inline bool CmsisCanScale(int64_t bound, int64_t multiplier, int64_t shift) {
  constexpr int64_t kLimit = int64_t{1} << 31;
  if (bound >= kLimit) return false;
  return multiplier == 0 || shift > 31 || bound < int64_t{1} << (shift - 1);
}

// A factor's shift in CMSIS-NN's terms: to the left, of a multiplier below 1.
inline int32_t CmsisShift(int64_t multiplier, int64_t shift) {
  return multiplier == 0 ? 0 : static_cast<int32_t>(31 - shift);
}

// The call of CMSIS-NN that gives the bytes of `call`; null: there is none.
std::shared_ptr<const FixedStep> CmsisConv(const RecordedCall& call,
                                           std::shared_ptr<const FixedStep>);
std::shared_ptr<const FixedStep> CmsisDepthwise(
    const RecordedCall& call, std::shared_ptr<const FixedStep>);
std::shared_ptr<const FixedStep> CmsisRows(const RecordedCall& call,
                                           std::shared_ptr<const FixedStep>);
std::shared_ptr<const FixedStep> CmsisAdd(const RecordedCall& call,
                                          std::shared_ptr<const FixedStep>);
std::shared_ptr<const FixedStep> CmsisMul(const RecordedCall& call,
                                          std::shared_ptr<const FixedStep>);
std::shared_ptr<const FixedStep> CmsisMaxPool(const RecordedCall& call,
                                              std::shared_ptr<const FixedStep>);

}  // namespace squint

#endif  // SQUINT_EMIT_CMSIS_NN_STEP_H_
