#include "squint/ops/channels_last.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "squint/base/threads.h"
#include "squint/kernels/qconv/depthwise_last.h"
#include "squint/kernels/qgemm/qgemm.h"
#include "squint/kernels/qrows/qrows.h"
#include "squint/ops/conv_shape.h"
#include "squint/ops/qlinear_operands.h"
#include "squint/ops/row_operands.h"

namespace squint {
namespace {

Dims Permuted(const Dims& dims, const std::vector<int64_t>& perm) {
  Dims result;
  for (const int64_t axis : perm) {
    result.push_back(dims[static_cast<size_t>(axis)]);
  }
  return result;
}

ConvShape ShapeOf(const PrepareContext& context, const QLinearForm& form) {
  const Dims& x = context.input_dims[form.inputs[0].data];
  const Dims& y = context.output_dims[0];
  const std::vector<int64_t> first = ChannelsFirst(static_cast<int>(x.size()));
  return ConvShapeOf(context.node, Permuted(x, first),
                     context.input_dims[form.inputs[1].data],
                     Permuted(y, first));
}

// The window over channels-last images, one tap after the other.
class WindowRows final : public RowSource {
 public:
  // `border`: what taps outside the image read.
  WindowRows(const PlaneWindow& window, const uint8_t* image, int64_t channels,
             const uint8_t* border)
      : window_(window), image_(image), channels_(channels), border_(border) {}

  void Find(int64_t begin, int64_t count,
            const uint8_t** places) const noexcept override {
    const PlaneWindow& w = window_;
    int64_t x = begin % w.out_w;
    int64_t y = begin / w.out_w % w.out_h;
    const uint8_t* image =
        image_ + begin / w.out_pixels() * w.in_pixels() * channels_;
    for (int64_t i = 0; i < count; ++i) {
      FindPixel(image, y, x, count, places + i);
      if (++x < w.out_w) continue;
      x = 0;
      if (++y < w.out_h) continue;
      y = 0;
      image += w.in_pixels() * channels_;
    }
  }

 private:
  void FindPixel(const uint8_t* image, int64_t y, int64_t x, int64_t stride,
                 const uint8_t** places) const {
    const PlaneWindow& w = window_;
    for (int64_t ky = 0; ky < w.kernel_h; ++ky) {
      const int64_t row = y * w.stride_h - w.pad_top + ky * w.dilation_h;
      const bool row_exists = row >= 0 && row < w.in_h;
      const uint8_t* start = image + row * w.in_w * channels_;
      for (int64_t kx = 0; kx < w.kernel_w; ++kx) {
        const int64_t column = x * w.stride_w - w.pad_left + kx * w.dilation_w;
        const bool exists = row_exists && column >= 0 && column < w.in_w;
        *places = exists ? start + column * channels_ : border_;
        places += stride;
      }
    }
  }

  PlaneWindow window_;
  const uint8_t* image_;
  int64_t channels_;
  const uint8_t* border_;
};

// ---- convolution by rows

// How a convolution's rows are read. Rows of whole quads are read where they
// lie, unless they are int8. Others are read from a copy with its border, which
// has room behind it; there the taps of a row of the window are one piece,
// unless they are apart.
struct RowPlan {
  bool copies = false;
  PlaneWindow window;       // over the copy, if any
  RowWeightsShape weights;  // of one group

  RowPlan(const ConvShape& s, bool is_signed) : window(s.window) {
    weights = {s.group_filters(), window.taps(), s.group_channels()};
    copies = is_signed || s.group_channels() % kRowQuad != 0;
    if (!copies) return;
    window.in_h = (window.out_h - 1) * window.stride_h + window.span_h();
    window.in_w = (window.out_w - 1) * window.stride_w + window.span_w();
    window.pad_top = 0;
    window.pad_left = 0;
    if (s.groups != 1 || window.dilation_w != 1) return;
    weights.taps = window.kernel_h;
    weights.depth = window.kernel_w * s.channels;
    window.kernel_w = 1;
  }

  int64_t copied_bytes(const ConvShape& s) const {
    constexpr int64_t kBehind = 64;
    return copies ? s.batch * window.in_pixels() * s.channels + kBehind : 0;
  }
};

class RowConvStep : public Step {
 public:
  struct Weights {
    std::vector<RowWeights> groups;
    std::vector<int32_t> sums;
  };

  RowConvStep(const ConvShape& shape, QLinearProduct product,
              std::shared_ptr<const Weights> weights,
              const std::optional<AddedBytes>& added, int threads)
      : shape_(shape),
        plan_(shape, product.x.is_signed),
        product_(std::move(product)),
        weights_(std::move(weights)),
        added_(added),
        border_(static_cast<size_t>(shape.channels + kRowQuad),
                static_cast<uint8_t>(UnsignedZero(product_.x))),
        product_bytes_(RowProductScratch(rows(), plan_.weights, threads)) {
    product_.bias =
        BiasWithZero(product_.bias, weights_->sums, UnsignedZero(product_.x));
  }

  static std::shared_ptr<const Weights> Pack(
      const ConvShape& shape, bool is_signed,
      const std::vector<int8_t>& weights) {
    const RowPlan plan(shape, is_signed);
    Weights packed;
    const std::vector<int8_t> ordered = Ordered(shape, weights);
    const int64_t size = shape.group_filters() * shape.depth();
    for (int64_t g = 0; g < shape.groups; ++g) {
      packed.groups.push_back(
          PackRowWeights(plan.weights, ordered.data() + g * size));
      const std::vector<int32_t>& sums = packed.groups.back().sums;
      packed.sums.insert(packed.sums.end(), sums.begin(), sums.end());
    }
    return std::make_shared<const Weights>(std::move(packed));
  }

  void Run(const StepArgs& args) const override {
    const auto* image = static_cast<const uint8_t*>(args.inputs[0]);
    auto* scratch = static_cast<uint8_t*>(args.scratch);
    if (plan_.copies) {
      uint8_t* copy = scratch + product_bytes_;
      CopyWithBorder(image, copy, args.pool);
      image = copy;
    }
    for (int64_t g = 0; g < shape_.groups; ++g) {
      const WindowRows source(plan_.window, image + g * shape_.group_channels(),
                              shape_.channels, border_.data());
      RowProduct({.rows = rows(),
                  .source = source,
                  .weights = weights_->groups[static_cast<size_t>(g)],
                  .requantization = OfGroup(g, args),
                  .out = static_cast<uint8_t*>(args.outputs[0]) +
                         g * shape_.group_filters(),
                  .out_stride = shape_.filters,
                  .scratch = scratch},
                 args.pool);
    }
  }
  size_t scratch_bytes() const override {
    return product_bytes_ + static_cast<size_t>(plan_.copied_bytes(shape_));
  }

 private:
  int64_t rows() const { return shape_.batch * shape_.window.out_pixels(); }

  // [filter][channel][tap] as [filter][tap][channel].
  static std::vector<int8_t> Ordered(const ConvShape& s,
                                     const std::vector<int8_t>& weights) {
    const int64_t taps = s.window.taps();
    const int64_t channels = s.group_channels();
    if (taps == 1) return weights;
    std::vector<int8_t> ordered(weights.size());
    int8_t* out = ordered.data();
    for (int64_t filter = 0; filter < s.filters; ++filter) {
      const int8_t* in = weights.data() + filter * taps * channels;
      for (int64_t t = 0; t < taps; ++t) {
        for (int64_t c = 0; c < channels; ++c) *out++ = in[c * taps + t];
      }
    }
    return ordered;
  }

  Requantization OfGroup(int64_t group, const StepArgs& args) const {
    Requantization r = RequantizationOf(product_, false);
    const int64_t first = group * shape_.group_filters();
    r.bias += first;
    r.multiplier += first * r.multiplier_column;
    if (!added_) return r;
    r.addition =
        AdditionOf(*product_.y, added_->added, added_->sum, added_->conv_is_a);
    r.addition.added =
        static_cast<const uint8_t*>(args.inputs[added_->input]) + first;
    r.addition.row_stride = shape_.filters;
    return r;
  }

  void CopyWithBorder(const uint8_t* image, uint8_t* copy,
                      ThreadPool& pool) const {
    const PlaneWindow& from = shape_.window;
    const PlaneWindow& to = plan_.window;
    const int64_t c = shape_.channels;
    const int64_t first = std::clamp<int64_t>(from.pad_left, 0, to.in_w);
    const int64_t skipped = std::max<int64_t>(-from.pad_left, 0);
    const int64_t count =
        std::clamp<int64_t>(from.in_w - skipped, 0, to.in_w - first);
    const uint8_t flip = product_.x.is_signed ? kSignBit : 0;
    pool.ParallelFor(
        static_cast<size_t>(shape_.batch * to.in_h), 16,
        [&](size_t begin, size_t end) {
          for (auto i = static_cast<int64_t>(begin);
               i < static_cast<int64_t>(end); ++i) {
            uint8_t* out = copy + i * to.in_w * c;
            std::fill_n(out, to.in_w * c, border_[0]);
            const int64_t y = i % to.in_h - from.pad_top;
            if (y < 0 || y >= from.in_h) continue;
            const int64_t row = i / to.in_h * from.in_h + y;
            const uint8_t* in = image + (row * from.in_w + skipped) * c;
            std::transform(
                in, in + count * c, out + first * c,
                [flip](uint8_t b) { return static_cast<uint8_t>(b ^ flip); });
          }
        });
  }

  ConvShape shape_;
  RowPlan plan_;
  QLinearProduct product_;
  std::shared_ptr<const Weights> weights_;
  std::optional<AddedBytes> added_;
  std::vector<uint8_t> border_;
  size_t product_bytes_;
};

// ---- depthwise

bool IsDepthwise(const ConvShape& s) {
  return s.groups == s.channels && s.filters == s.channels &&
         s.window.taps() <= kMaxDepthwiseTaps;
}

class DepthwiseLastStep : public Step {
 public:
  DepthwiseLastStep(const ConvShape& shape, const QLinearProduct& product,
                    std::shared_ptr<const DepthwiseFilters> filters)
      : shape_(shape),
        filters_(std::move(filters)),
        x_is_signed_(product.x.is_signed),
        y_is_signed_(product.y->is_signed),
        zero_(UnsignedZero(*product.y)),
        border_(static_cast<size_t>(shape.channels),
                static_cast<uint8_t>(UnsignedZero(product.x))) {}

  static std::shared_ptr<const DepthwiseFilters> Pack(
      const ConvShape& s, const QLinearProduct& product,
      const std::vector<int8_t>& weights) {
    std::vector<int32_t> sums;
    std::vector<float> multipliers;
    for (int64_t c = 0; c < s.channels; ++c) {
      const auto begin = weights.begin() + c * s.depth();
      int32_t sum = 0;
      std::for_each(begin, begin + s.depth(), [&](int8_t w) { sum += w; });
      sums.push_back(sum);
      const bool one = product.multipliers.size() == 1;
      multipliers.push_back(
          product.multipliers[one ? 0 : static_cast<size_t>(c)]);
    }
    const std::vector<int32_t> bias =
        BiasWithZero(product.bias, sums, UnsignedZero(product.x));
    return std::make_shared<const DepthwiseFilters>(
        PackDepthwise(s.channels, s.depth(), weights.data(), bias.data(),
                      multipliers.data()));
  }

  void Run(const StepArgs& args) const override {
    const auto* input = static_cast<const uint8_t*>(args.inputs[0]);
    auto* output = static_cast<uint8_t*>(args.outputs[0]);
    if (x_is_signed_) {
      auto* copy = static_cast<uint8_t*>(args.scratch);
      FlipSigns(input, in_bytes(), copy, args.pool);
      input = copy;
    }
    DepthwiseLast({.shape = shape_,
                   .filters = *filters_,
                   .input = input,
                   .border = border_.data(),
                   .zero = zero_,
                   .output = output},
                  args.pool);
    if (!y_is_signed_) return;
    const int64_t count =
        shape_.batch * shape_.window.out_pixels() * shape_.channels;
    FlipSigns(output, count, output, args.pool);
  }
  size_t scratch_bytes() const override {
    return x_is_signed_ ? static_cast<size_t>(in_bytes()) : 0;
  }

 private:
  int64_t in_bytes() const {
    return shape_.batch * shape_.window.in_pixels() * shape_.channels;
  }

  ConvShape shape_;
  std::shared_ptr<const DepthwiseFilters> filters_;
  bool x_is_signed_;
  bool y_is_signed_;
  int32_t zero_;
  std::vector<uint8_t> border_;
};

class AverageLastStep : public Step {
 public:
  AverageLastStep(int64_t images, int64_t pixels, int64_t channels,
                  const ByteGrid& x, const ByteGrid& y)
      : images_(images), pixels_(pixels), channels_(channels), x_(x), y_(y) {}
  void Run(const StepArgs& args) const override {
    AverageBytesLast(args.inputs[0], images_, pixels_, channels_, x_,
                     args.outputs[0], y_, args.pool);
  }

 private:
  int64_t images_;
  int64_t pixels_;
  int64_t channels_;
  ByteGrid x_;
  ByteGrid y_;
};

}  // namespace

bool HasChannelsLastKernel(const Graph& graph, const Node& node) {
  const auto form = QLinearFormOf(node);
  if (!form || form->op_type != "Conv" || !form->zero_point ||
      form->channels_last) {
    return false;
  }
  const auto constant = [&](std::optional<size_t> input) {
    return input ? graph.ConstantOf(node.input(*input)) : nullptr;
  };
  for (const QLinearOperand& operand : form->inputs) {
    if (operand.bias) {
      if (constant(operand.data) == nullptr) return false;
    } else if (constant(operand.scale) == nullptr ||
               constant(operand.zero_point) == nullptr) {
      return false;
    }
  }
  const Tensor* weight = constant(form->inputs[1].data);
  const Tensor* zero = constant(form->zero_point);
  if (weight == nullptr || zero == nullptr ||
      constant(form->scale) == nullptr || !IsByte(zero->dtype()) ||
      !IsByte(graph.value(node.input(0)).dtype) || !IsByte(weight->dtype()) ||
      weight->rank() < 3 || weight->rank() > 4 || weight->size() == 0) {
    return false;
  }
  std::vector<int32_t> zeros;
  for (const int64_t z : constant(form->inputs[1].zero_point)->ToInts()) {
    zeros.push_back(static_cast<int32_t>(z));
  }
  const int64_t terms = weight->size() / weight->dim(0);
  return (zeros.size() == 1 ||
          static_cast<int64_t>(zeros.size()) == weight->dim(0)) &&
         terms <= kMaxQuantizedDepth &&
         CentredWeights(weight->Materialize(), zeros,
                        {weight->dim(0), terms, terms});
}

std::unique_ptr<Step> PrepareQConvLast(const PrepareContext& context,
                                       const QLinearForm& form,
                                       const std::optional<AddedBytes>& added) {
  const Tensor* weight = ConstantAt(context, form.inputs[1].data);
  const Dims& x = context.input_dims[form.inputs[0].data];
  if (weight == nullptr || x.size() < 3 || x.size() > 4 ||
      ElementCount(context.output_dims[0]) == 0) {
    return nullptr;
  }
  const ConvShape shape = ShapeOf(context, form);
  auto product = ReadProduct(context, form, shape.filters, shape.depth());
  if (!product || !product->y) return nullptr;
  const auto weights =
      CentredWeights(*weight, product->weight.zeros,
                     {shape.filters, shape.depth(), shape.depth()});
  if (!weights) return nullptr;
  const std::string& key = context.pack_key;
  if (IsDepthwise(shape)) {
    if (added) return nullptr;
    auto filters = context.packs.Get<DepthwiseFilters>(key + "/taps", [&] {
      return DepthwiseLastStep::Pack(shape, *product, *weights);
    });
    return std::make_unique<DepthwiseLastStep>(shape, *product,
                                               std::move(filters));
  }
  auto packed = context.packs.Get<RowConvStep::Weights>(key + "/rows", [&] {
    return RowConvStep::Pack(shape, product->x.is_signed, *weights);
  });
  return std::make_unique<RowConvStep>(
      shape, *std::move(product), std::move(packed), added, context.threads);
}

std::unique_ptr<Step> PrepareQAverageLast(const PrepareContext& context,
                                          const QLinearForm& form) {
  const Dims& x = context.input_dims[0];
  const auto x_grid = ByteGridOf(context, form.inputs[0]);
  const auto y_grid = ResultGrid(context, form);
  if (!x_grid || !y_grid || ElementCount(x) == 0) return nullptr;
  const int64_t pixels = ElementCount(x) / (x.front() * x.back());
  return std::make_unique<AverageLastStep>(x.front(), pixels, x.back(), *x_grid,
                                           *y_grid);
}

}  // namespace squint
