// squint::CopyChannels: an image as some of the channels of a wider one. Made
// when a network is lowered to integers.
//
// Inputs: x, [N, spatial ..., C], and the wide image that is written into, of
// the same 8-bit type. Attributes (channel_range.h): channels_written, whose
// total is that of the wide image, and channels_read, if not all of x are.
// Output: the wide image.
#include <utility>

#include "squint/kernels/copy/copy.h"
#include "squint/ops/channel_range.h"
#include "squint/ops/op.h"
#include "squint/ops/quant_rules.h"

namespace squint {
namespace {

constexpr size_t kInto = 1;

ChannelsWritten Written(const Node& node) {
  const auto written = ChannelsWrittenBy(node);
  if (!written) {
    Fail(ErrorCode::kInvalidModel, "has no attribute {}", kChannelsWritten);
  }
  return *written;
}

void InferCopyChannels(InferContext& context) {
  RequireBytes(context.dtype(0));
  const auto read = ChannelsReadBy(context.node());
  const Shape& x = context.shape(0);
  Shape wide =
      WrittenShape(read ? ReadShape(x, *read) : x, Written(context.node()));
  CheckInto(context, kInto, wide, context.dtype(0));
  context.SetOutput(0, context.dtype(0), std::move(wide));
}

void RunCopyChannels(RunContext& context) {
  const auto read = ChannelsReadBy(context.node);
  const Tensor x = read ? TakeChannels(context.in(0), *read) : context.in(0);
  context.outputs[0] =
      PutChannels(x, &context.in(kInto), Written(context.node));
}

class CopyChannelsStep : public Step {
 public:
  // `channels`: of x.
  CopyChannelsStep(int64_t pixels, int64_t channels, const ChannelsRead& read,
                   const ChannelsWritten& written)
      : first_read_(read.first),
        first_(written.first),
        part_(Dims{pixels, read.count}, Dims{channels, 1},
              Dims{written.total, 1}),
        all_(Dims{pixels * written.total}, Dims{1}, Dims{1}) {}

  void Run(const StepArgs& args) const override {
    auto* y = static_cast<std::byte*>(args.outputs[0]);
    if (args.inputs[kInto] != y) {
      Copy(all_, 1, args.inputs[kInto], y, args.pool);
    }
    const auto* x = static_cast<const std::byte*>(args.inputs[0]);
    Copy(part_, 1, x + first_read_, y + first_, args.pool);
  }
  bool can_run_in_place() const override { return true; }
  size_t in_place_input() const override { return kInto; }

 private:
  int64_t first_read_;
  int64_t first_;
  CopyPlan part_;
  CopyPlan all_;
};

std::unique_ptr<Step> PrepareCopyChannels(const PrepareContext& context) {
  const Dims& x = context.input_dims[0];
  if (ElementCount(x) == 0) return nullptr;
  const ChannelsRead all{0, x.back()};
  return std::make_unique<CopyChannelsStep>(
      ElementCount(x) / x.back(), x.back(),
      ChannelsReadBy(context.node).value_or(all), Written(context.node));
}

}  // namespace

extern constinit const OpDef kCopyChannelsOp = {
    .type = "CopyChannels",
    .domain = "squint",
    .infer = InferCopyChannels,
    .reference = RunCopyChannels,
    .quantize = StoredIntegersRule,
    .prepare = PrepareCopyChannels,
};

}  // namespace squint
