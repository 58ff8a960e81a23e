#include "squint/ops/qlinear_prepare.h"

#include <algorithm>
#include <cstdlib>
#include <utility>
#include <vector>

#include "squint/kernels/qconv/qconv.h"
#include "squint/kernels/qelementwise/qelementwise.h"
#include "squint/kernels/qgemm/qgemm.h"
#include "squint/ops/batch_offsets.h"
#include "squint/ops/conv_shape.h"
#include "squint/ops/prepare.h"
#include "squint/ops/qlinear_form.h"

namespace squint {
namespace {

bool IsByte(DType dtype) {
  return dtype == DType::kUint8 || dtype == DType::kInt8;
}

const Tensor* ConstantAt(const PrepareContext& context,
                         std::optional<size_t> input) {
  return input && *input < context.constants.size() ? context.constants[*input]
                                                    : nullptr;
}

// Scales and zero points of an operand, one or one for each channel.
struct Grid {
  std::vector<float> scales;
  std::vector<int32_t> zeros;

  int64_t zero_step() const { return zeros.size() > 1 ? 1 : 0; }
};

// Nullopt unless both are constants of rank 1 at most, and the scales are
// positive numbers.
std::optional<Grid> GridOf(const PrepareContext& context,
                           std::optional<size_t> scale,
                           std::optional<size_t> zero_point) {
  const Tensor* scales = ConstantAt(context, scale);
  if (scales == nullptr || scales->rank() > 1 || scales->size() == 0) {
    return std::nullopt;
  }
  Grid grid{scales->ToFloats(), {0}};
  if (!std::ranges::all_of(grid.scales, [](float s) { return s > 0; })) {
    return std::nullopt;
  }
  if (!zero_point) return grid;
  const Tensor* zeros = ConstantAt(context, zero_point);
  if (zeros == nullptr || zeros->rank() > 1 || zeros->size() == 0) {
    return std::nullopt;
  }
  grid.zeros.clear();
  for (const int64_t zero : zeros->ToInts()) {
    grid.zeros.push_back(static_cast<int32_t>(zero));
  }
  return grid;
}

std::optional<Grid> GridOf(const PrepareContext& context,
                           const QLinearOperand& operand) {
  return GridOf(context, operand.scale, operand.zero_point);
}

// Of a tensor with one scale and zero point.
std::optional<ByteGrid> ByteGridOf(const PrepareContext& context,
                                   std::optional<size_t> scale,
                                   std::optional<size_t> zero_point,
                                   DType dtype) {
  const auto grid = GridOf(context, scale, zero_point);
  if (!grid || grid->scales.size() != 1 || grid->zeros.size() != 1 ||
      !IsByte(dtype)) {
    return std::nullopt;
  }
  return ByteGrid{grid->scales[0], grid->zeros[0], dtype == DType::kInt8};
}

std::optional<ByteGrid> ByteGridOf(const PrepareContext& context,
                                   const QLinearOperand& operand) {
  return ByteGridOf(context, operand.scale, operand.zero_point,
                    context.input_dtypes[operand.data]);
}

std::optional<ByteGrid> ResultGrid(const PrepareContext& context,
                                   const QLinearForm& form) {
  return ByteGridOf(context, form.scale, form.zero_point,
                    context.output_dtypes[0]);
}

// The form's operand 0, the weight and the result, where the kernels can
// take them.
struct Product {
  ByteGrid x;
  std::optional<ByteGrid> y;  // none: the result is float32
  Grid weight;
  bool weight_is_signed;
  std::vector<float> multipliers;  // one, or one for each channel
  std::vector<int32_t> bias;       // empty, or one for each channel
};

int64_t LargestOf(const std::vector<int32_t>& values) {
  int64_t largest = 0;
  for (const int64_t v : values) largest = std::max(largest, std::abs(v));
  return largest;
}

// Neither sums of `depth` products nor what the bias adds passes int32.
bool FitsInt32(const Product& p, int64_t depth) {
  const bool symmetric = p.weight_is_signed && LargestOf(p.weight.zeros) == 0;
  const int64_t largest = symmetric ? 128 : 255;
  return depth <= kMaxQuantizedDepth &&
         depth * 255 * largest + LargestOf(p.bias) < (int64_t{1} << 31);
}

bool ReadBias(const PrepareContext& context, const QLinearForm& form,
              int64_t channels, std::vector<int32_t>& bias) {
  if (form.inputs.size() < 3) return true;
  const Tensor* steps = ConstantAt(context, form.inputs[2].data);
  if (steps == nullptr || steps->dtype() != DType::kInt32 ||
      steps->size() != channels) {
    return false;
  }
  const auto values = steps->values<int32_t>();
  bias.assign(values.begin(), values.end());
  return true;
}

std::optional<Product> ReadProduct(const PrepareContext& context,
                                   const QLinearForm& form, int64_t channels,
                                   int64_t depth) {
  if (form.channels_last || form.added || form.inputs.size() < 2) {
    return std::nullopt;
  }
  const DType weight_type = context.input_dtypes[form.inputs[1].data];
  const auto x = ByteGridOf(context, form.inputs[0]);
  const auto y = ResultGrid(context, form);
  auto weight = GridOf(context, form.inputs[1]);
  if (!x || y.has_value() != form.scale.has_value() || !weight ||
      !IsByte(weight_type)) {
    return std::nullopt;
  }
  const auto one_each = [&](size_t count) {
    return count == 1 || static_cast<int64_t>(count) == channels;
  };
  Product product{*x, y, *std::move(weight), weight_type == DType::kInt8,
                  {}, {}};
  if (!one_each(product.weight.scales.size()) ||
      !one_each(product.weight.zeros.size()) ||
      !ReadBias(context, form, channels, product.bias) ||
      !FitsInt32(product, depth)) {
    return std::nullopt;
  }
  for (const float scale : product.weight.scales) {
    const float step = form.alpha * product.x.scale * scale;
    product.multipliers.push_back(y ? step / y->scale : step);
  }
  return product;
}

// The requantization of a product whose channels are rows or columns. It
// points into `p`.
Requantization RequantizationOf(const Product& p, bool channels_are_rows) {
  Requantization r;
  if (!p.bias.empty()) {
    r.bias = p.bias.data();
    (channels_are_rows ? r.bias_row : r.bias_column) = 1;
  }
  r.multiplier = p.multipliers.data();
  if (p.multipliers.size() > 1) {
    (channels_are_rows ? r.multiplier_row : r.multiplier_column) = 1;
  }
  r.is_real = !p.y;
  if (!p.y) return r;
  r.low = static_cast<float>(p.y->lowest() - p.y->zero);
  r.high = static_cast<float>(p.y->highest() - p.y->zero);
  r.zero = p.y->zero;
  r.is_signed = p.y->is_signed;
  return r;
}

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
  QConvStep(const ConvShape& shape, Product product, Weights weights)
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
  Product product_;
  Weights weights_;
  bool depthwise_;
};

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
            int64_t column_stride, Product product, Weights weights)
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
  Product product_;
  Weights weights_;
};

// Stacks of matrices, both computed: both are widened, then multiplied.
class QBatchedStep : public Step {
 public:
  QBatchedStep(const ProductShape& shape, std::vector<int64_t> a_index,
               std::vector<int64_t> b_index, Product product, size_t b_input)
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
  Product product_;
  size_t b_input_;
  int64_t a_count_;
  int64_t b_count_;
};

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

class QAverageStep : public Step {
 public:
  QAverageStep(int64_t planes, int64_t pixels, const ByteGrid& x,
               const ByteGrid& y)
      : planes_(planes), pixels_(pixels), x_(x), y_(y) {}
  void Run(const StepArgs& args) const override {
    AverageBytes(args.inputs[0], planes_, pixels_, x_, args.outputs[0], y_,
                 args.pool);
  }

 private:
  int64_t planes_;
  int64_t pixels_;
  ByteGrid x_;
  ByteGrid y_;
};

std::unique_ptr<Step> PrepareQAverage(const PrepareContext& context,
                                      const QLinearForm& form) {
  const Dims& x = context.input_dims[0];
  const auto x_grid = ByteGridOf(context, form.inputs[0]);
  const auto y_grid = ResultGrid(context, form);
  if (form.channels_last || !x_grid || !y_grid || ElementCount(x) == 0) {
    return nullptr;
  }
  const int64_t planes = x[0] * x[1];
  return std::make_unique<QAverageStep>(planes, ElementCount(x) / planes,
                                        *x_grid, *y_grid);
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
    return PrepareQConv(context, *form);
  }
  if (form->op_type == "Gemm") return PrepareQGemm(context, *form);
  if (form->op_type == "MatMul") return PrepareQMatMul(context, *form);
  if (form->op_type == "Add" || form->op_type == "Mul") {
    return PrepareQBinary(context, *form);
  }
  if (form->op_type == "GlobalAveragePool") {
    return PrepareQAverage(context, *form);
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
