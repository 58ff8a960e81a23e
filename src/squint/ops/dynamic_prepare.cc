// Steps of products whose left operand is quantized at run time:
// DynamicQuantizeLinear, and MatMulIntegerToFloat with its scale and zero
// point as inputs.
#include <algorithm>
#include <utility>
#include <vector>

#include "squint/kernels/qelementwise/qelementwise.h"
#include "squint/kernels/qgemm/qgemm.h"
#include "squint/kernels/qrows/qrows.h"
#include "squint/ops/operand_params.h"
#include "squint/ops/prepare.h"
#include "squint/ops/qlinear_operands.h"
#include "squint/ops/qlinear_prepare.h"
#include "squint/ops/row_operands.h"
#include "squint/ops/scratch.h"

namespace squint {
namespace {

class DynamicQuantizeStep : public Step {
 public:
  explicit DynamicQuantizeStep(int64_t count) : count_(count) {}

  void Run(const StepArgs& args) const override {
    const float* x = FloatInput(args, 0);
    const RealRange range = RangeOfReals(x, count_, args.pool);
    const ScaleZero chosen = DynamicScaleZero(range.low, range.high);
    QuantizeToBytes(x, count_, {chosen.scale, chosen.zero_point, false},
                    args.outputs[0], args.pool);
    if (Wants(args, 1)) *FloatOutput(args, 1) = chosen.scale;
    if (Wants(args, 2)) {
      *static_cast<uint8_t*>(args.outputs[2]) =
          static_cast<uint8_t>(chosen.zero_point);
    }
  }

 private:
  static bool Wants(const StepArgs& args, size_t output) {
    return output < args.outputs.size() && args.outputs[output] != nullptr;
  }

  int64_t count_;
};

// What the node says of a product, rows of A times a constant B:
//   float(sum) * (a_scale * b_scale) + bias.
struct DynamicProduct {
  int64_t rows = 0;
  int64_t columns = 0;
  int64_t depth = 0;
  QLinearForm form;
  bool a_is_signed = false;
  std::vector<float> scales;  // of B, one or one for each column
  std::optional<RealResult> bytes = {};

  int64_t size() const { return rows * depth; }  // of A
  const void* A(const StepArgs& args) const {
    return args.inputs[form.inputs[0].data];
  }
  int32_t Zero(const StepArgs& args) const {
    if (!form.inputs[0].zero_point) return 0;
    const void* zero = args.inputs[*form.inputs[0].zero_point];
    return a_is_signed ? *static_cast<const int8_t*>(zero)
                       : *static_cast<const uint8_t*>(zero);
  }
  // `multipliers` has room for as many numbers as `scales`.
  Requantization Requantize(const StepArgs& args, float* multipliers) const {
    const float scale = *FloatInput(args, *form.inputs[0].scale);
    std::ranges::transform(scales, multipliers,
                           [&](float own) { return scale * own; });
    Requantization r;
    r.multiplier = multipliers;
    r.multiplier_column = scales.size() > 1 ? 1 : 0;
    r.is_real = true;
    if (form.added) r.added = FloatInput(args, *form.added);
    if (!bytes) return r;
    r.function = bytes->function;
    if (bytes->factor) r.factor = FloatInput(args, *bytes->factor);
    r.step = bytes->grid.scale;
    SetResultGrid(bytes->grid, r);
    return r;
  }
};

// Rows by the kernel that reads uint8 as they lie; of int8 there is a copy.
class DynamicRowsStep : public Step {
 public:
  DynamicRowsStep(DynamicProduct product,
                  std::shared_ptr<const RowWeights> weights, int threads)
      : product_(std::move(product)),
        weights_(std::move(weights)),
        product_bytes_(
            Padded(RowProductScratch(product_.rows, weights_->shape, threads))),
        bias_bytes_(Padded(weights_->sums.size() * sizeof(int32_t))),
        multiplier_bytes_(Padded(product_.scales.size() * sizeof(float))) {}

  void Run(const StepArgs& args) const override {
    auto* scratch = static_cast<std::byte*>(args.scratch);
    auto* bias = reinterpret_cast<int32_t*>(scratch + product_bytes_);
    auto* multipliers =
        reinterpret_cast<float*>(scratch + product_bytes_ + bias_bytes_);
    int32_t zero = product_.Zero(args);
    const void* a = product_.A(args);
    if (product_.a_is_signed) {
      auto* copy = reinterpret_cast<uint8_t*>(scratch + product_bytes_ +
                                              bias_bytes_ + multiplier_bytes_);
      FlipSigns(static_cast<const uint8_t*>(a), product_.size(), copy,
                args.pool);
      a = copy;
      zero += kSignBit;
    }
    std::ranges::transform(weights_->sums, bias,
                           [&](int32_t sum) { return -zero * sum; });
    Requantization r = product_.Requantize(args, multipliers);
    r.bias = bias;
    r.bias_column = 1;
    RowProduct({.rows = product_.rows,
                .source = PlainRows(a, product_.depth),
                .weights = *weights_,
                .requantization = r,
                .out = args.outputs[0],
                .out_stride = product_.columns * r.result_bytes(),
                .scratch = args.scratch},
               args.pool);
  }
  size_t scratch_bytes() const override {
    const int64_t copied = product_.a_is_signed ? product_.size() : 0;
    return product_bytes_ + bias_bytes_ + multiplier_bytes_ +
           static_cast<size_t>(copied);
  }

 private:
  DynamicProduct product_;
  std::shared_ptr<const RowWeights> weights_;
  size_t product_bytes_;
  size_t bias_bytes_;
  size_t multiplier_bytes_;
};

// Any rows, widened.
class DynamicWideStep : public Step {
 public:
  DynamicWideStep(DynamicProduct product,
                  std::shared_ptr<const WideMatrix> weights)
      : product_(std::move(product)), weights_(std::move(weights)) {}

  void Run(const StepArgs& args) const override {
    auto* rows = static_cast<int16_t*>(args.scratch);
    auto* multipliers = reinterpret_cast<float*>(
        static_cast<std::byte*>(args.scratch) + rows_bytes());
    const int32_t zero = product_.Zero(args);
    WidenRows(
        product_.rows, product_.depth,
        {product_.A(args), product_.a_is_signed, product_.depth, 1, &zero, 0},
        rows, args.pool);
    const Requantization r = product_.Requantize(args, multipliers);
    QuantizedGemm({.m = product_.rows,
                   .n = product_.columns,
                   .k = product_.depth,
                   .a = rows,
                   .b = weights_->data.get(),
                   .c = args.outputs[0],
                   .c_stride = product_.columns * r.result_bytes(),
                   .requantization = r},
                  args.pool);
  }
  size_t scratch_bytes() const override {
    return rows_bytes() + product_.scales.size() * sizeof(float);
  }

 private:
  size_t rows_bytes() const {
    return Padded(
        static_cast<size_t>(WideRowsSize(product_.rows, product_.depth)) *
        sizeof(int16_t));
  }

  DynamicProduct product_;
  std::shared_ptr<const WideMatrix> weights_;
};

bool IsOneNumber(const PrepareContext& context, std::optional<size_t> input) {
  return !input || ElementCount(context.input_dims[*input]) == 1;
}

// One number for each of n columns, added behind the product.
bool HasPlainBias(const PrepareContext& context, const QLinearForm& form,
                  int64_t n) {
  return !form.added || context.input_dims[*form.added] == Dims{n};
}

// One scale and zero point or one for each column, and sums within int32.
bool Fits(const Grid& weight, DType dtype, const DynamicProduct& product) {
  const auto one_each = [&](size_t count) {
    return count == 1 || static_cast<int64_t>(count) == product.columns;
  };
  QLinearProduct sums;
  sums.weight = weight;
  sums.weight_is_signed = dtype == DType::kInt8;
  return one_each(weight.scales.size()) && one_each(weight.zeros.size()) &&
         FitsInt32(sums, product.depth);
}

// Null where the kernel for rows does not fit.
std::shared_ptr<const RowWeights> RowWeightsOf(
    const PrepareContext& context, const DynamicProduct& product,
    const Tensor& weight, const std::vector<int32_t>& zeros) {
  if (product.depth % kRowQuad != 0) return nullptr;
  return context.packs.Get<RowWeights>(context.pack_key + "/rows", [&] {
    const auto centred = CentredWeights(
        weight, zeros, {product.columns, product.depth, 1, product.columns});
    if (!centred) return std::shared_ptr<const RowWeights>();
    return std::make_shared<const RowWeights>(
        PackRowWeights({product.columns, 1, product.depth}, centred->data()));
  });
}

std::shared_ptr<const WideMatrix> WideWeightsOf(const PrepareContext& context,
                                                const DynamicProduct& product,
                                                const Tensor& weight,
                                                const Grid& grid) {
  return context.packs.Get<WideMatrix>(context.pack_key + "/wide", [&] {
    return std::make_shared<const WideMatrix>(
        WidePanels(product.depth, product.columns,
                   {weight.raw(), weight.dtype() == DType::kInt8,
                    product.columns, 1, grid.zeros.data(), grid.zero_step()}));
  });
}

}  // namespace

std::unique_ptr<Step> PrepareDynamicQuantize(const PrepareContext& context) {
  if (context.input_dtypes[0] != DType::kFloat32) return nullptr;
  return std::make_unique<DynamicQuantizeStep>(
      ElementCount(context.input_dims[0]));
}

std::unique_ptr<Step> PrepareDynamicProduct(
    const PrepareContext& context, const QLinearForm& form,
    const std::optional<RealResult>& bytes) {
  const QLinearOperand& a = form.inputs[0];
  const QLinearOperand& b = form.inputs[1];
  const Tensor* constant = ConstantAt(context, b.data);
  auto weight = GridOf(context, b);
  if (constant == nullptr || constant->rank() != 2 || !weight || !a.scale ||
      !IsByte(context.input_dtypes[a.data]) || !IsByte(constant->dtype()) ||
      context.input_dims[a.data].empty() || !IsOneNumber(context, a.scale) ||
      !IsOneNumber(context, a.zero_point) ||
      ElementCount(context.output_dims[0]) == 0) {
    return nullptr;
  }
  DynamicProduct product;
  product.rows = ElementCount(context.input_dims[a.data]) / constant->dim(0);
  product.columns = constant->dim(1);
  product.depth = constant->dim(0);
  product.form = form;
  product.a_is_signed = context.input_dtypes[a.data] == DType::kInt8;
  product.scales = weight->scales;
  product.bytes = bytes;
  if (!Fits(*weight, constant->dtype(), product) ||
      !HasPlainBias(context, form, product.columns)) {
    return nullptr;
  }
  if (auto rows = RowWeightsOf(context, product, *constant, weight->zeros)) {
    return std::make_unique<DynamicRowsStep>(std::move(product),
                                             std::move(rows), context.threads);
  }
  auto wide = WideWeightsOf(context, product, *constant, *weight);
  return std::make_unique<DynamicWideStep>(std::move(product), std::move(wide));
}

}  // namespace squint
