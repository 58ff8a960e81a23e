// The step of QLinearAveragePool: means of 8-bit numbers over windows.
#include <memory>
#include <utility>

#include "squint/kernels/pool/byte_pool.h"
#include "squint/ops/channels_last.h"
#include "squint/ops/conv_shape.h"
#include "squint/ops/layout.h"
#include "squint/ops/qlinear_operands.h"

namespace squint {
namespace {

class QAveragePoolStep : public Step {
 public:
  QAveragePoolStep(const ByteMeans& means, int64_t images, int64_t channels,
                   std::vector<float> rows, std::vector<float> columns)
      : means_(means),
        images_(images),
        channels_(channels),
        rows_(std::move(rows)),
        columns_(std::move(columns)) {
    means_.rows = rows_.data();
    means_.columns = columns_.data();
  }
  void Run(const StepArgs& args) const override {
    AveragePoolBytesLast(means_, images_, channels_, args.inputs[0],
                         args.outputs[0], args.pool);
  }

 private:
  ByteMeans means_;
  int64_t images_;
  int64_t channels_;
  std::vector<float> rows_;
  std::vector<float> columns_;
};

Dims ChannelsFirstDims(const Dims& dims, bool is_last) {
  return is_last ? Permuted(dims, ChannelsFirst(static_cast<int>(dims.size())))
                 : dims;
}

}  // namespace

std::unique_ptr<Step> PrepareQAveragePool(const PrepareContext& context,
                                          const QLinearForm& form) {
  const Dims& dims = context.input_dims[0];
  const auto x_grid = ByteGridOf(context, form.inputs[0]);
  const auto y_grid = ResultGrid(context, form);
  if (!x_grid || !y_grid || dims.size() < 3 || dims.size() > 4 ||
      ElementCount(dims) == 0 || ElementCount(context.output_dims[0]) == 0) {
    return nullptr;
  }
  const Dims x = ChannelsFirstDims(dims, form.channels_last);
  const Dims y = ChannelsFirstDims(context.output_dims[0], form.channels_last);
  const Window window =
      ResolvePads(ReadWindow(context.node, context.node.Ints("kernel_shape")),
                  std::span(x).subspan(2), true);
  const PlaneWindow plane = PlaneWindowOf(window, x, y);
  if (plane.taps() > kMeanTaps || plane.pad_top < 0 || plane.pad_left < 0) {
    return nullptr;
  }
  const bool include_pads = context.node.Int("count_include_pad", 0) != 0;
  const size_t last = window.rank() - 1;
  std::vector<float> rows(1, 1.0f);
  if (last > 0) {
    rows = TapCounts(window, 0, plane.in_h, plane.out_h, include_pads);
  }
  // Planes are images of one channel.
  return std::make_unique<QAveragePoolStep>(
      ByteMeans{.window = plane,
                .rows = nullptr,
                .columns = nullptr,
                .x = *x_grid,
                .y = *y_grid},
      form.channels_last ? x[0] : x[0] * x[1], form.channels_last ? x[1] : 1,
      std::move(rows),
      TapCounts(window, last, plane.in_w, plane.out_w, include_pads));
}

}  // namespace squint
