// Steps of QLinearConv, QLinearMatMul, QGemm and MatMulIntegerToFloat.
#include <algorithm>
#include <utility>
#include <vector>

#include "squint/kernels/qconv/qconv.h"
#include "squint/kernels/qgemm/qgemm.h"
#include "squint/ops/batch_offsets.h"
#include "squint/ops/conv_shape.h"
#include "squint/ops/qlinear_operands.h"
#include "squint/ops/qlinear_prepare.h"
#include "squint/ops/row_operands.h"

namespace squint {
namespace {

using Weights = std::shared_ptr<const WideMatrix>;

template <typename Make>
Weights Packed(const PrepareContext& context, Make&& make) {
  return context.packs.Get<WideMatrix>(context.pack_key + "/wide", [&] {
    return std::make_shared<const WideMatrix>(make());
  });
}

// ---- convolution

class QConvStep : public Step {
 public:
  QConvStep(const ConvShape& shape, QLinearProduct product, Weights weights)
      : plan_(shape),
        product_(std::move(product)),
        weights_(std::move(weights)),
        depthwise_(QuantizedDepthwiseFits(shape)) {}

  void Run(const StepArgs& args) const override {
    const QuantizedConvArgs conv{plan_,
                                 *weights_,
                                 RequantizationOf(product_, true),
                                 args.inputs[0],
                                 product_.x.is_signed,
                                 product_.x.zero,
                                 args.outputs[0],
                                 static_cast<int16_t*>(args.scratch)};
    if (depthwise_) {
      QuantizedDepthwise(conv, args.pool);
    } else {
      QuantizedConv(conv, args.pool);
    }
  }
  size_t scratch_bytes() const override {
    return depthwise_ ? 0 : QuantizedConvScratch(plan_);
  }

 private:
  ConvPlan plan_;
  QLinearProduct product_;
  Weights weights_;
  bool depthwise_;
};

// ---- matrices

struct ProductShape {
  int64_t m = 0;
  int64_t n = 0;
  int64_t k = 0;
};

// A of 8-bit rows times a constant: the rows are widened, then multiplied.
class QGemmStep : public Step {
 public:
  QGemmStep(const ProductShape& shape, int64_t row_stride,
            int64_t column_stride, QLinearProduct product, Weights weights)
      : shape_(shape),
        row_stride_(row_stride),
        column_stride_(column_stride),
        product_(std::move(product)),
        weights_(std::move(weights)) {}

  void Run(const StepArgs& args) const override {
    auto* rows = static_cast<int16_t*>(args.scratch);
    const Requantization requantization = RequantizationOf(product_, false);
    WidenRows(shape_.m, shape_.k,
              {args.inputs[0], product_.x.is_signed, row_stride_,
               column_stride_, &product_.x.zero, 0},
              rows, args.pool);
    QuantizedGemm({.m = shape_.m,
                   .n = shape_.n,
                   .k = shape_.k,
                   .a = rows,
                   .b = weights_->data.get(),
                   .c = args.outputs[0],
                   .c_stride = shape_.n * requantization.result_bytes(),
                   .requantization = requantization},
                  args.pool);
  }
  size_t scratch_bytes() const override {
    return static_cast<size_t>(WideRowsSize(shape_.m, shape_.k)) *
           sizeof(int16_t);
  }

 private:
  ProductShape shape_;
  int64_t row_stride_;
  int64_t column_stride_;
  QLinearProduct product_;
  Weights weights_;
};

// Stacks of matrices, both computed: both are widened, then multiplied.
class QBatchedStep : public Step {
 public:
  QBatchedStep(const ProductShape& shape, std::vector<int64_t> a_index,
               std::vector<int64_t> b_index, QLinearProduct product,
               size_t b_input)
      : shape_(shape),
        a_index_(std::move(a_index)),
        b_index_(std::move(b_index)),
        product_(std::move(product)),
        b_input_(b_input),
        a_count_(*std::ranges::max_element(a_index_) + 1),
        b_count_(*std::ranges::max_element(b_index_) + 1) {}

  void Run(const StepArgs& args) const override {
    auto* a = static_cast<int16_t*>(args.scratch);
    int16_t* b = a + a_count_ * a_size();
    // The rows of all matrices of A are rows of one.
    WidenRows(a_count_ * shape_.m, shape_.k,
              {args.inputs[0], product_.x.is_signed, shape_.k, 1,
               &product_.x.zero, 0},
              a, args.pool);
    const auto* bytes = static_cast<const uint8_t*>(args.inputs[b_input_]);
    for (int64_t i = 0; i < b_count_; ++i) {
      WidenPanels(shape_.k, shape_.n,
                  {bytes + i * shape_.k * shape_.n, product_.weight_is_signed,
                   shape_.n, 1, product_.weight.zeros.data(), 0},
                  b + i * b_size(), args.pool);
    }
    const Requantization requantization = RequantizationOf(product_, false);
    const int64_t row_bytes = shape_.n * requantization.result_bytes();
    QuantizedGemm({.m = shape_.m,
                   .n = shape_.n,
                   .k = shape_.k,
                   .a = a,
                   .b = b,
                   .c = args.outputs[0],
                   .c_stride = row_bytes,
                   .requantization = requantization,
                   .batch = static_cast<int64_t>(a_index_.size()),
                   .a_index = a_index_.data(),
                   .b_index = b_index_.data(),
                   .c_step = shape_.m * row_bytes},
                  args.pool);
  }
  size_t scratch_bytes() const override {
    return static_cast<size_t>(a_count_ * a_size() + b_count_ * b_size()) *
           sizeof(int16_t);
  }

 private:
  int64_t a_size() const { return WideRowsSize(shape_.m, shape_.k); }
  int64_t b_size() const { return WidePanelsSize(shape_.k, shape_.n); }

  ProductShape shape_;
  std::vector<int64_t> a_index_;
  std::vector<int64_t> b_index_;
  QLinearProduct product_;
  size_t b_input_;
  int64_t a_count_;
  int64_t b_count_;
};

}  // namespace

std::unique_ptr<Step> PrepareQConv(const PrepareContext& context,
                                   const QLinearForm& form) {
  const Dims& x = context.input_dims[form.inputs[0].data];
  const size_t weight = form.inputs[1].data;
  const Dims& w = context.input_dims[weight];
  const Tensor* constant = ConstantAt(context, weight);
  if ((x.size() != 3 && x.size() != 4) || constant == nullptr ||
      ElementCount(context.output_dims[0]) == 0) {
    return nullptr;
  }
  const ConvShape shape =
      ConvShapeOf(context.node, x, w, context.output_dims[0]);
  auto product = ReadProduct(context, form, shape.filters, shape.depth());
  if (!product) return nullptr;
  Weights weights = Packed(context, [&] {
    return WidenConvWeights(shape, constant->raw(), product->weight_is_signed,
                            product->weight.zeros.data(),
                            product->weight.zero_step());
  });
  return std::make_unique<QConvStep>(shape, *std::move(product),
                                     std::move(weights));
}

std::unique_ptr<Step> PrepareQGemm(const PrepareContext& context,
                                   const QLinearForm& form) {
  const size_t weight = form.inputs[1].data;
  const Dims& a = context.input_dims[form.inputs[0].data];
  const Dims& b = context.input_dims[weight];
  const Tensor* constant = ConstantAt(context, weight);
  if (constant == nullptr || ElementCount(context.output_dims[0]) == 0) {
    return nullptr;
  }
  const bool trans_a = context.node.Int("transA", 0) != 0;
  const bool trans_b = context.node.Int("transB", 0) != 0;
  const ProductShape shape{context.output_dims[0][0], context.output_dims[0][1],
                           a[trans_a ? 0 : 1]};
  auto product = ReadProduct(context, form, shape.n, shape.k);
  if (!product) return nullptr;
  if (!trans_a) {
    auto step = PrepareRowProduct(
        context, shape.m, *product, *constant,
        {shape.n, shape.k, trans_b ? b[1] : 1, trans_b ? 1 : b[1]});
    if (step) return step;
  }
  Weights weights = Packed(context, [&] {
    return WidePanels(
        shape.k, shape.n,
        {constant->raw(), product->weight_is_signed, trans_b ? 1 : b[1],
         trans_b ? b[1] : 1, product->weight.zeros.data(),
         product->weight.zero_step()});
  });
  return std::make_unique<QGemmStep>(shape, trans_a ? 1 : a[1],
                                     trans_a ? a[1] : 1, *std::move(product),
                                     std::move(weights));
}

std::unique_ptr<Step> PrepareQMatMul(const PrepareContext& context,
                                     const QLinearForm& form) {
  const size_t weight = form.inputs[1].data;
  Dims a = context.input_dims[form.inputs[0].data];
  Dims b = context.input_dims[weight];
  if (a.size() == 1) a.insert(a.begin(), 1);
  if (b.size() == 1) b.push_back(1);
  if (a.size() < 2 || b.size() < 2 ||
      ElementCount(context.output_dims[0]) == 0) {
    return nullptr;
  }
  ProductShape shape{a[a.size() - 2], b.back(), a.back()};
  auto product = ReadProduct(context, form, shape.n, shape.k);
  if (!product) return nullptr;
  const Dims a_batch(a.begin(), a.end() - 2);
  const Dims b_batch(b.begin(), b.end() - 2);
  const Tensor* constant = ConstantAt(context, weight);
  if (constant != nullptr && ElementCount(b_batch) == 1) {
    shape.m *= ElementCount(a_batch);
    auto step = PrepareRowProduct(context, shape.m, *product, *constant,
                                  {shape.n, shape.k, 1, shape.n});
    if (step) return step;
    Weights weights = Packed(context, [&] {
      return WidePanels(
          shape.k, shape.n,
          {constant->raw(), product->weight_is_signed, shape.n, 1,
           product->weight.zeros.data(), product->weight.zero_step()});
    });
    return std::make_unique<QGemmStep>(shape, shape.k, 1, *std::move(product),
                                       std::move(weights));
  }
  if (product->weight.zeros.size() != 1) return nullptr;
  const Dims batch = BroadcastBatch(a_batch, b_batch);
  return std::make_unique<QBatchedStep>(shape, BatchOffsets(a_batch, batch, 1),
                                        BatchOffsets(b_batch, batch, 1),
                                        *std::move(product), weight);
}

}  // namespace squint
