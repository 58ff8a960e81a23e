// squint::Lookup: functions of one number as tables.
#include <cstring>

#include "squint/fixed/step_list.h"
#include "squint/fixed/steps/call_curve.h"
#include "squint/fixed/steps/table.h"
#include "squint/kernels/fixed/lookup.h"

namespace squint {
namespace {

class LookupStep : public StepOf<LookupStep> {
 public:
  LookupStep(int64_t outer, int64_t channels, int64_t inner,
             std::vector<int8_t> tables)
      : outer_(Size(outer)),
        channels_(Size(channels)),
        inner_(Size(inner)),
        tables_(std::move(tables)) {
    if (channels_ > 1) return;
    inner_ = Size(inner * outer);
    outer_ = 1;
  }
  template <typename Machine>
  void Do(Machine& m) const {
    const bool flat = channels_ == 1;
    m.Call(SQUINT_KERNEL("lookup", squint_lookup),
           flat ? m.Number(1) : m.Count(outer_), m.Number(channels_),
           flat ? m.Count(inner_) : m.Number(inner_), m.Array("table", tables_),
           m.In(0), m.Out(0));
  }
  std::optional<int64_t> Lead(size_t, const Patch*) const override { return 0; }
  bool IsByPixel(int64_t pixels, int64_t channels) const override {
    return channels_ == 1
               ? inner_ == pixels * channels
               : outer_ == pixels && channels_ == channels && inner_ == 1;
  }

 private:
  int32_t outer_;
  int32_t channels_;
  int32_t inner_;
  std::vector<int8_t> tables_;
};

class CurveStep : public StepOf<CurveStep> {
 public:
  CurveStep(int64_t count, Curve curve)
      : count_(Size(count)), curve_(std::move(curve)) {}
  template <typename Machine>
  void Do(Machine& m) const {
    CallCurve(m, curve_, count_, m.In(0), m.Out(0));
  }
  std::optional<int64_t> Lead(size_t, const Patch*) const override { return 0; }

 private:
  int32_t count_;
  Curve curve_;
};

}  // namespace

std::vector<int8_t> BytesOf(const Tensor& tensor) {
  const Tensor whole = tensor.Materialize();
  std::vector<int8_t> bytes(static_cast<size_t>(whole.size()));
  std::memcpy(bytes.data(), whole.raw(), bytes.size());
  return bytes;
}

std::unique_ptr<FixedStep> MakeLookupStep(const FixedOperation& operation) {
  const FixedOperand& x = operation.inputs[0];
  const FixedOperand& table = operation.inputs[1];
  const DType type = NumberType(operation);
  Require(x.dtype == type && table.dtype == type,
          "it computes with other types than int8 or int16");
  Require(table.constant != nullptr, "its table is computed");
  if (type == DType::kInt16) {
    return std::make_unique<CurveStep>(ElementCount(x.dims),
                                       CurveOf(*table.constant));
  }
  int64_t outer = 1;
  int64_t channels = 1;
  int64_t inner = 1;
  const bool by_channel = operation.node.FindAttribute("axis") != nullptr;
  const auto axis = static_cast<size_t>(
      by_channel ? NormalizeAxis(operation.node.Int("axis", 0),
                                 static_cast<int>(x.dims.size()))
                 : 0);
  for (size_t i = 0; i < x.dims.size(); ++i) {
    (!by_channel || i > axis ? inner
     : i == axis             ? channels
                             : outer) *= x.dims[i];
  }
  return std::make_unique<LookupStep>(outer, channels, inner,
                                      BytesOf(*table.constant));
}

}  // namespace squint
