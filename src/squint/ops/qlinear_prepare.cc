#include "squint/ops/qlinear_prepare.h"

#include <utility>

#include "squint/kernels/qelementwise/qelementwise.h"
#include "squint/ops/channels_last.h"
#include "squint/ops/global_mean.h"
#include "squint/ops/prepare.h"
#include "squint/ops/qlinear_operands.h"

namespace squint {
namespace {

// ---- element by element

class QBinaryStep : public Step {
 public:
  QBinaryStep(bool multiply, const BroadcastPlan& plan, size_t b_input,
              const ByteGrid& a, const ByteGrid& b, const ByteGrid& y,
              bool in_place)
      : multiply_(multiply),
        plan_(plan),
        b_input_(b_input),
        a_(a),
        b_(b),
        y_(y),
        in_place_(in_place) {}

  void Run(const StepArgs& args) const override {
    (multiply_ ? MultiplyBytes : AddBytes)(plan_, args.inputs[0], a_,
                                           args.inputs[b_input_], b_,
                                           args.outputs[0], y_, args.pool);
  }
  bool can_run_in_place() const override { return in_place_; }

 private:
  bool multiply_;
  BroadcastPlan plan_;
  size_t b_input_;
  ByteGrid a_, b_, y_;
  bool in_place_;
};

std::unique_ptr<Step> PrepareQBinary(const PrepareContext& context,
                                     const QLinearForm& form) {
  const auto a = ByteGridOf(context, form.inputs[0]);
  const auto b = ByteGridOf(context, form.inputs[1]);
  const auto y = ResultGrid(context, form);
  const size_t b_input = form.inputs[1].data;
  const Dims& out = context.output_dims[0];
  const BroadcastPlan plan(out, context.input_dims[0],
                           context.input_dims[b_input]);
  if (!a || !b || !y || !plan.valid || ElementCount(out) == 0) return nullptr;
  return std::make_unique<QBinaryStep>(form.op_type == "Mul", plan, b_input, *a,
                                       *b, *y, context.input_dims[0] == out);
}

class ConversionStep : public Step {
 public:
  ConversionStep(bool to_bytes, int64_t count, const ByteGrid& grid)
      : to_bytes_(to_bytes), count_(count), grid_(grid) {}
  void Run(const StepArgs& args) const override {
    if (to_bytes_) {
      QuantizeToBytes(FloatInput(args, 0), count_, grid_, args.outputs[0],
                      args.pool);
    } else {
      DequantizeBytes(args.inputs[0], count_, grid_, FloatOutput(args),
                      args.pool);
    }
  }

 private:
  bool to_bytes_;
  int64_t count_;
  ByteGrid grid_;
};

// Between float32 `real` and 8-bit `stored`, one scale for all.
std::unique_ptr<Step> PrepareConversion(const PrepareContext& context,
                                        bool to_bytes) {
  const DType real =
      to_bytes ? context.input_dtypes[0] : context.output_dtypes[0];
  const DType stored =
      to_bytes ? context.output_dtypes[0] : context.input_dtypes[0];
  std::optional<size_t> zero_point;
  if (context.has(2)) zero_point = 2;
  const auto grid = ByteGridOf(context, 1, zero_point, stored);
  if (!grid || real != DType::kFloat32 ||
      context.node.Int("block_size", 0) != 0) {
    return nullptr;
  }
  return std::make_unique<ConversionStep>(
      to_bytes, ElementCount(context.output_dims[0]), *grid);
}

}  // namespace

std::unique_ptr<Step> PrepareQLinear(const PrepareContext& context) {
  const auto form = QLinearFormOf(context.node);
  if (!form || form->inputs.empty()) return nullptr;
  if (form->op_type == "Conv" && form->scale) {
    return form->channels_last ? PrepareQConvLast(context, *form)
                               : PrepareQConv(context, *form);
  }
  if (form->op_type == "Gemm") return PrepareQGemm(context, *form);
  if (form->op_type == "MatMul") {
    const bool computed =
        ConstantAt(context, form->inputs[0].scale) == nullptr || form->added;
    return computed && !form->scale ? PrepareDynamicProduct(context, *form)
                                    : PrepareQMatMul(context, *form);
  }
  if (form->op_type == "Add" || form->op_type == "Mul") {
    return PrepareQBinary(context, *form);
  }
  if (form->op_type == "AveragePool") {
    return PrepareQAveragePool(context, *form);
  }
  if (form->op_type == "GlobalAveragePool") {
    return PrepareQGlobalMean(context, *form);
  }
  return nullptr;
}

std::unique_ptr<Step> PrepareQuantizeLinear(const PrepareContext& context) {
  return PrepareConversion(context, true);
}

std::unique_ptr<Step> PrepareDequantizeLinear(const PrepareContext& context) {
  return PrepareConversion(context, false);
}

}  // namespace squint
