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
#include "squint/ops/row_conv.h"
#include "squint/ops/row_operands.h"

namespace squint {
namespace {

ConvShape ShapeOf(const PrepareContext& context, const QLinearForm& form) {
  const Dims& x = context.input_dims[form.inputs[0].data];
  const Dims& y = context.output_dims[0];
  const std::vector<int64_t> first = ChannelsFirst(static_cast<int>(x.size()));
  return ConvShapeOf(context.node, Permuted(x, first),
                     context.input_dims[form.inputs[1].data],
                     Permuted(y, first));
}

// ---- depthwise

bool IsDepthwise(const ConvShape& s) {
  return s.groups == s.channels && s.filters == s.channels &&
         FitsDepthwiseLast(s.window);
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
        border_(static_cast<uint8_t>(UnsignedZero(product.x))) {}

  // Null where the weights are no int8.
  static std::shared_ptr<const DepthwiseFilters> Pack(
      const ConvShape& s, const QLinearProduct& product, const Tensor& weight) {
    const auto weights = CentredWeights(weight, product.weight.zeros,
                                        {s.filters, s.depth(), s.depth()});
    if (!weights) return nullptr;
    const QLinearProduct by_output =
        ByOutput(product, SumWeights(weights->data(), s.channels, s.depth()));
    return std::make_shared<const DepthwiseFilters>(
        PackDepthwise(s, weights->data(), by_output.bias.data(),
                      by_output.multipliers.data()));
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
                   .border = border_,
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
  uint8_t border_;
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
      constant(form->scale) == nullptr || !IsByteOrTwo(zero->dtype()) ||
      !IsByteOrTwo(graph.value(node.input(0)).dtype) ||
      !IsByte(weight->dtype()) || weight->rank() < 3 || weight->rank() > 4 ||
      weight->size() == 0) {
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
         CentredFitInt8(*weight, zeros, weight->dim(0), terms);
}

std::unique_ptr<Step> PrepareQConvLast(const PrepareContext& context,
                                       const QLinearForm& form,
                                       const std::optional<AddedBytes>& added,
                                       const PixelStrides& strides) {
  const Tensor* weight = ConstantAt(context, form.inputs[1].data);
  const Dims& x = context.input_dims[form.inputs[0].data];
  if (weight == nullptr || x.size() < 3 || x.size() > 4 ||
      ElementCount(context.output_dims[0]) == 0) {
    return nullptr;
  }
  const ConvShape shape = ShapeOf(context, form);
  auto product = ReadProduct(context, form, shape.filters, shape.depth());
  if (!product || !product->y) return nullptr;
  const std::string& key = context.pack_key;
  if (IsDepthwise(shape)) {
    if (added || strides.x != 0 || strides.y != 0) return nullptr;
    auto filters = context.packs.Get<DepthwiseFilters>(key + "/taps", [&] {
      return DepthwiseLastStep::Pack(shape, *product, *weight);
    });
    if (filters == nullptr) return nullptr;
    return std::make_unique<DepthwiseLastStep>(shape, *product,
                                               std::move(filters));
  }
  return PrepareRowConv(context, shape, *std::move(product), *weight, added,
                        strides);
}

}  // namespace squint
