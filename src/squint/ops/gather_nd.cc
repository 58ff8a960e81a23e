// GatherND: slices picked by tuples of indices, below shared batch axes.
#include <numeric>

#include "squint/ops/index.h"
#include "squint/ops/layout.h"
#include "squint/ops/op.h"
#include "squint/ops/quant_rules.h"

namespace squint {
namespace {

int64_t BatchDims(const Node& node) { return node.Int("batch_dims", 0); }

void InferGatherNd(InferContext& context) {
  context.SetOutput(0, context.dtype(0),
                    SlicesShape(context.shape(0), context.shape(1),
                                BatchDims(context.node())));
}

void RunGatherNd(RunContext& context) {
  const Tensor& data = context.in(0);
  const Tensor& indices = context.in(1);
  const int64_t batch_dims = BatchDims(context.node);
  IndexedSlices slices = SlicesOf(data.dims(), indices, batch_dims);
  std::vector<int64_t> within(static_cast<size_t>(slices.size));
  std::iota(within.begin(), within.end(), int64_t{0});
  const Shape shape = SlicesShape(Shape::Of(data.dims()),
                                  Shape::Of(indices.dims()), batch_dims);
  context.outputs[0] =
      CopyByMaps(data, {std::move(slices.offsets), std::move(within)})
          .Reshaped(*shape.values());
}

}  // namespace

extern constinit const OpDef kGatherNDOp = {
    .type = "GatherND",
    .since = 12,
    .infer = InferGatherNd,
    .reference = RunGatherNd,
    .integer_reference = IntegerMovement<RunGatherNd>,
    .quantize = MovementRule,
};

}  // namespace squint
