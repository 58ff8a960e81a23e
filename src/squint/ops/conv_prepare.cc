// Conv on the float kernels: one or two spatial axes, constant weights.
#include "squint/kernels/conv/conv.h"
#include "squint/kernels/conv/winograd.h"
#include "squint/kernels/depthwise/depthwise.h"
#include "squint/ops/conv_shape.h"
#include "squint/ops/prepare.h"
#include "squint/ops/products.h"

namespace squint {
namespace {

template <class Plan, void (*kConv)(const PlannedConv<Plan>&, ThreadPool&)>
class ConvStep : public Step {
 public:
  ConvStep(const ConvShape& shape, std::shared_ptr<const PackedMatrix> weights,
           std::pair<float, float> clamp)
      : plan_(shape), weights_(std::move(weights)), clamp_(clamp) {}

  void Run(const StepArgs& args) const override {
    kConv({plan_, *weights_, FloatInput(args, 2), clamp_.first, clamp_.second,
           FloatInput(args, 0), FloatOutput(args),
           static_cast<float*>(args.scratch)},
          args.pool);
  }
  size_t scratch_bytes() const override { return plan_.scratch_bytes; }

 private:
  Plan plan_;
  std::shared_ptr<const PackedMatrix> weights_;
  std::pair<float, float> clamp_;
};

// `pack`: of the shape and the weights as stored, kept under this name.
template <class ConvStep>
std::unique_ptr<Step> Packed(const PrepareContext& context,
                             const ConvShape& shape, const char* name,
                             PackedMatrix (*pack)(const ConvShape&,
                                                  const float*)) {
  auto packed = context.packs.Get<PackedMatrix>(context.pack_key + name, [&] {
    return std::make_shared<const PackedMatrix>(
        pack(shape, context.constants[1]->data<float>()));
  });
  return std::make_unique<ConvStep>(shape, std::move(packed),
                                    ClampOrNone(context));
}

class DepthwiseStep : public Step {
 public:
  DepthwiseStep(const ConvShape& shape, std::pair<float, float> clamp)
      : shape_(shape), clamp_(clamp) {}

  void Run(const StepArgs& args) const override {
    Depthwise({shape_, FloatInput(args, 1), FloatInput(args, 2), clamp_.first,
               clamp_.second, FloatInput(args, 0), FloatOutput(args)},
              args.pool);
  }

 private:
  ConvShape shape_;
  std::pair<float, float> clamp_;
};

}  // namespace

std::unique_ptr<Step> PrepareConv(const PrepareContext& context) {
  const size_t rank = context.input_dims[0].size();
  if (!AllFloat(context) || (rank != 3 && rank != 4)) return nullptr;
  const ConvShape shape =
      ConvShapeOf(context.node, context.input_dims[0], context.input_dims[1],
                  context.output_dims[0]);
  if (DepthwiseFits(shape)) {
    return std::make_unique<DepthwiseStep>(shape, ClampOrNone(context));
  }
  if (context.constants[1] == nullptr) return nullptr;
  if (ProductsOf(context.node) == Products::kBf16) {
    return Packed<ConvStep<ConvPlan, Conv>>(context, shape, "/bf16",
                                            PackConvBf16);
  }
  if (WinogradPays(shape)) {
    return Packed<ConvStep<WinogradPlan, WinogradConv>>(
        context, shape, "/winograd", PackWinogradWeights);
  }
  return Packed<ConvStep<ConvPlan, Conv>>(context, shape, "/conv",
                                          PackConvWeights);
}

}  // namespace squint
