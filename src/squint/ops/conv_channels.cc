#include "squint/ops/conv_channels.h"

#include <algorithm>
#include <utility>

#include "squint/kernels/copy/copy.h"
#include "squint/ops/channel_range.h"
#include "squint/ops/channels_last.h"
#include "squint/ops/conv_add.h"
#include "squint/ops/op.h"
#include "squint/ops/part.h"
#include "squint/ops/qlinear_form.h"
#include "squint/ops/quant_rules.h"

namespace squint {
namespace {

using At = ConvAddInputs;
constexpr size_t kWeights = 3;
constexpr size_t kInto = ConvChannelsInputs::kInto;

bool Adds(const Node& node) { return node.has_input(At::kAdded); }

// The input that is written into, which may be absent.
size_t IntoOf(const Node& node) {
  return node.Int("into_input", 0) != 0 ? 0 : kInto;
}

void InferConvChannels(InferContext& context) {
  const Node& node = context.node();
  if (node.Int("channels_last", 0) == 0) {
    Fail(ErrorCode::kInvalidModel, "its images are not channels-last");
  }
  RequireBytes(context.dtype(0));
  const auto read = ChannelsReadBy(node);
  const auto written = ChannelsWrittenBy(node);
  const Shape x = read ? ReadShape(context.shape(0), *read) : context.shape(0);
  Shape y = InferPart(context, ConvOfConvChannels(node), &x);
  const DType dtype = context.dtype(Adds(node) ? At::kSumZero : 7);
  RequireBytes(dtype);
  if (written) {
    y = WrittenShape(y, *written);
    CheckInto(context, IntoOf(node), y, dtype);
  }
  context.SetOutput(0, dtype, std::move(y));
}

void RunConvChannels(RunContext& context) {
  const Node& node = context.node;
  const Node conv = ConvOfConvChannels(node);
  std::vector<const Tensor*> inputs = context.inputs;
  inputs.resize(conv.inputs.size());
  Tensor part;
  if (const auto read = ChannelsReadBy(node)) {
    part = TakeChannels(context.in(0), *read);
    inputs[0] = &part;
  }
  Tensor y = RunPart(conv, std::move(inputs));
  if (const auto written = ChannelsWrittenBy(node)) {
    const size_t into = IntoOf(node);
    y = PutChannels(y, context.has(into) ? &context.in(into) : nullptr,
                    *written);
  }
  context.outputs[0] = std::move(y);
}

// A step on images that are channels of wider ones.
class ConvChannelsStep : public Step {
 public:
  // `bytes`: of the wide image that is written into, if there is one.
  ConvChannelsStep(std::unique_ptr<Step> conv, int64_t first_read,
                   int64_t first_written, size_t into, int64_t bytes)
      : conv_(std::move(conv)),
        first_read_(first_read),
        first_written_(first_written),
        into_(into),
        bytes_(bytes),
        copy_(Dims{bytes}, Dims{1}, Dims{1}) {}

  void Run(const StepArgs& args) const override {
    const auto* x = static_cast<const std::byte*>(args.inputs[0]);
    auto* y = static_cast<std::byte*>(args.outputs[0]);
    if (bytes_ > 0 && args.inputs[into_] != y) {
      Copy(copy_, 1, args.inputs[into_], y, args.pool);
    }
    const void* inputs[kInto];
    const size_t count = std::min(args.inputs.size(), kInto);
    std::copy_n(args.inputs.begin(), count, inputs);
    inputs[0] = x + first_read_;
    void* output = y + first_written_;
    conv_->Run({{inputs, count}, {&output, 1}, args.scratch, args.pool});
  }
  size_t scratch_bytes() const override { return conv_->scratch_bytes(); }
  bool can_run_in_place() const override { return bytes_ > 0; }
  size_t in_place_input() const override { return into_; }

 private:
  std::unique_ptr<Step> conv_;
  int64_t first_read_;
  int64_t first_written_;
  size_t into_;
  int64_t bytes_;
  CopyPlan copy_;
};

std::unique_ptr<Step> PrepareConvChannels(const PrepareContext& context) {
  const Node& node = context.node;
  const auto read = ChannelsReadBy(node);
  const auto written = ChannelsWrittenBy(node);
  PrepareContext narrow = context;
  PixelStrides strides;
  if (read) {
    strides.x = context.input_dims[0].back();
    narrow.input_dims[0].back() = read->count;
  }
  if (written) {
    strides.y = written->total;
    narrow.output_dims[0].back() = context.input_dims[kWeights][0];
  }
  std::unique_ptr<Step> conv;
  if (Adds(node)) {
    conv = PrepareConvAdd(narrow, strides);
  } else if (const auto form = QLinearFormOf(ConvOfConvChannels(node))) {
    conv = PrepareQConvLast(narrow, *form, {}, strides);
  }
  if (conv == nullptr) return nullptr;
  const size_t into = IntoOf(node);
  const bool fills = written && context.has(into);
  return std::make_unique<ConvChannelsStep>(
      std::move(conv), read ? read->first : 0, written ? written->first : 0,
      into, fills ? ElementCount(context.output_dims[0]) : 0);
}

}  // namespace

Node ConvOfConvChannels(const Node& node) {
  Node conv = node;
  conv.inputs.resize(Adds(node) ? At::kSumZero + 1 : At::kBias + 1, kNoValue);
  conv.op_type = Adds(node) ? "QLinearConvAdd" : "QLinearConv";
  conv.domain = Adds(node) ? "squint" : "com.microsoft";
  for (const std::string_view key :
       {kChannelsRead, kChannelsWritten, std::string_view("into_input")}) {
    if (const auto found = conv.attributes.find(key);
        found != conv.attributes.end()) {
      conv.attributes.erase(found);
    }
  }
  if (!Adds(node) && !node.has_input(At::kBias)) conv.inputs.pop_back();
  return conv;
}

std::vector<Dims> WrittenByConvChannels(const std::vector<Dims>& inputs,
                                        std::vector<Dims> outputs) {
  if (!outputs.empty() && !outputs[0].empty() && inputs.size() > kWeights &&
      !inputs[kWeights].empty()) {
    outputs[0].back() = inputs[kWeights][0];
  }
  return outputs;
}

extern constinit const OpDef kQLinearConvChannelsOp = {
    .type = "QLinearConvChannels",
    .domain = "squint",
    .infer = InferConvChannels,
    .reference = RunConvChannels,
    .quantize = StoredIntegersRule,
    .prepare = PrepareConvChannels,
};

}  // namespace squint
