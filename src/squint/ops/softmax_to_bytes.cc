// squint::SoftmaxToBytes: what is added to scores (a mask), their Softmax over
// the last axis and the QuantizeLinear behind it in one node. Made when a
// network is lowered to integers.
//
// Inputs: x, what is added (or absent; broadcast to x, but for the last axis),
// scale and zero point of the result, per tensor. The numbers are those of the
// operators.
#include <optional>
#include <utility>
#include <vector>

#include "squint/kernels/rows/rows.h"
#include "squint/ops/batch_offsets.h"
#include "squint/ops/infer.h"
#include "squint/ops/op.h"
#include "squint/ops/operand_params.h"
#include "squint/ops/part.h"
#include "squint/ops/prepare.h"
#include "squint/ops/qlinear_operands.h"
#include "squint/ops/quant_rules.h"

namespace squint {
namespace {

void InferSoftmaxToBytes(InferContext& context) {
  context.SetOutput(0, context.dtype(3), context.shape(0));
}

void RunSoftmaxToBytes(RunContext& context) {
  Tensor x = context.in(0);
  if (context.has(1))
    x = RunPart(PartOf("Add"), {&context.in(0), &context.in(1)});
  if (x.dims() != context.in(0).dims()) {
    Fail(ErrorCode::kInvalidModel, "what is added makes {} of {}",
         DimsToString(x.dims()), DimsToString(context.in(0).dims()));
  }
  context.outputs[0] = QuantizeTensor(
      RunPart(PartOf("Softmax"), {&x}),
      OperandParams(context.in(3), &context.in(2), &context.in(3), -1));
}

class SoftmaxToBytesStep : public Step {
 public:
  // added_offset: of each row, empty where nothing is added.
  SoftmaxToBytesStep(int64_t rows, int64_t length,
                     std::vector<int64_t> added_offset, const ByteGrid& grid,
                     int threads)
      : rows_(rows),
        length_(length),
        added_offset_(std::move(added_offset)),
        grid_(grid),
        scratch_(RowBytesScratch(rows, length, threads)) {}

  void Run(const StepArgs& args) const override {
    const bool adds = !added_offset_.empty();
    SoftmaxToBytes({.rows = rows_,
                    .length = length_,
                    .x = FloatInput(args, 0),
                    .added = adds ? FloatInput(args, 1) : nullptr,
                    .added_offset = adds ? added_offset_.data() : nullptr,
                    .grid = grid_,
                    .y = args.outputs[0],
                    .scratch = static_cast<float*>(args.scratch)},
                   args.pool);
  }
  size_t scratch_bytes() const override {
    return static_cast<size_t>(scratch_) * sizeof(float);
  }

 private:
  int64_t rows_;
  int64_t length_;
  std::vector<int64_t> added_offset_;
  ByteGrid grid_;
  int64_t scratch_;
};

// Nullopt where it is broadcast along rows, or to more than x has.
std::optional<std::vector<int64_t>> AddedOffsets(const Dims& x,
                                                 const Dims& added) {
  if (added.empty() || added.size() > x.size() || added.back() != x.back()) {
    return std::nullopt;
  }
  const Dims rows(x.begin(), x.end() - 1);
  const Dims own(added.begin(), added.end() - 1);
  if (BroadcastBatch(rows, own) != rows) return std::nullopt;
  return BatchOffsets(own, rows, x.back());
}

std::unique_ptr<Step> PrepareSoftmaxToBytes(const PrepareContext& context) {
  const Dims& x = context.input_dims[0];
  const auto grid = ByteGridOf(context, 2, 3, context.output_dtypes[0]);
  const bool adds = context.has(1);
  if (!grid || context.input_dtypes[0] != DType::kFloat32 || x.empty() ||
      ElementCount(x) == 0 ||
      (adds && context.input_dtypes[1] != DType::kFloat32)) {
    return nullptr;
  }
  std::vector<int64_t> offsets;
  if (adds) {
    auto found = AddedOffsets(x, context.input_dims[1]);
    if (!found) return nullptr;
    offsets = *std::move(found);
  }
  return std::make_unique<SoftmaxToBytesStep>(ElementCount(x) / x.back(),
                                              x.back(), std::move(offsets),
                                              *grid, context.threads);
}

}  // namespace

extern constinit const OpDef kSoftmaxToBytesOp = {
    .type = "SoftmaxToBytes",
    .domain = "squint",
    .infer = InferSoftmaxToBytes,
    .reference = RunSoftmaxToBytes,
    .quantize = StoredIntegersRule,
    .prepare = PrepareSoftmaxToBytes,
};

}  // namespace squint
