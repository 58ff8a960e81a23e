// squint::Lookup: any function of one 8-bit number by its table. Made when a
// network is lowered to integers; x: uint8 or int8, table: 256 results, the
// one of byte b (taken as unsigned) at place b; their type is the output's.
#include "squint/kernels/qelementwise/qelementwise.h"
#include "squint/ops/op.h"
#include "squint/ops/qlinear_operands.h"

namespace squint {
namespace {

constexpr int64_t kEntries = 256;

void InferLookup(InferContext& context) {
  const Shape& table = context.shape(1);
  const Dim entries = table.count();
  if (entries.value() && !entries.is(kEntries)) {
    Fail(ErrorCode::kInvalidModel, "the table has shape {}, expected 256",
         table.ToString());
  }
  for (const size_t i : {size_t{0}, size_t{1}}) {
    const DType dtype = context.dtype(i);
    if (dtype != DType::kUndefined && !IsByte(dtype)) {
      Fail(ErrorCode::kInvalidModel, "takes 8-bit integers, not {}",
           DTypeName(dtype));
    }
  }
  context.SetOutput(0, context.dtype(1), context.shape(0));
}

const uint8_t* BytesOf(const Tensor& tensor) {
  return reinterpret_cast<const uint8_t*>(tensor.raw());
}

void RunLookup(RunContext& context) {
  const Tensor& x = context.in(0);
  const Tensor& table = context.in(1);
  Tensor y(table.dtype(), x.dims());
  for (int64_t i = 0; i < x.size(); ++i) {
    y.mutable_raw()[i] = static_cast<std::byte>(BytesOf(table)[BytesOf(x)[i]]);
  }
  context.outputs[0] = std::move(y);
}

class LookupStep : public Step {
 public:
  explicit LookupStep(int64_t count) : count_(count) {}
  void Run(const StepArgs& args) const override {
    LookUp(static_cast<const uint8_t*>(args.inputs[1]), args.inputs[0], count_,
           args.outputs[0], args.pool);
  }
  bool can_run_in_place() const override { return true; }

 private:
  int64_t count_;
};

std::unique_ptr<Step> PrepareLookup(const PrepareContext& context) {
  return std::make_unique<LookupStep>(ElementCount(context.output_dims[0]));
}

QuantSpec LookupRule(const QuantizeQuery&) {
  return QuantSpec::Float("it computes with integers already");
}

}  // namespace

extern constinit const OpDef kLookupOp = {
    .type = "Lookup",
    .domain = "squint",
    .infer = InferLookup,
    .reference = RunLookup,
    .quantize = LookupRule,
    .prepare = PrepareLookup,
};

}  // namespace squint
