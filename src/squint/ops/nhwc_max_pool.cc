// com.microsoft::NhwcMaxPool: MaxPool of 8-bit images [N, spatial ..., C]. In
// lowered graphs it may have an attribute channels_read (channel_range.h).
#include <map>
#include <memory>
#include <utility>

#include "squint/kernels/pool/byte_pool.h"
#include "squint/ops/channel_range.h"
#include "squint/ops/conv_shape.h"
#include "squint/ops/infer.h"
#include "squint/ops/layout.h"
#include "squint/ops/op.h"
#include "squint/ops/qlinear_form.h"
#include "squint/ops/qlinear_operands.h"

namespace squint {
namespace {

Node MaxPoolOf(const Node& node) {
  Node pool;
  pool.op_type = "MaxPool";
  pool.name = node.name;
  pool.attributes = node.attributes;
  return pool;
}

void InferNhwcMaxPool(InferContext& context) {
  const auto read = ChannelsReadBy(context.node());
  if (read) RequireBytes(context.dtype(0));
  const Shape x = read ? ReadShape(context.shape(0), *read) : context.shape(0);
  Graph graph;
  Node pool = MaxPoolOf(context.node());
  pool.inputs = {graph.AddInput(
      "x", context.dtype(0),
      x.has_rank() ? Permuted(x, ChannelsFirst(x.rank())) : Shape())};
  pool.outputs = {graph.AddValue("y")};
  const NodeId id = graph.AddNode(std::move(pool));
  const std::map<ValueId, DimTensor> contents;
  InferContext inner(graph, graph.node(id), contents);
  InferChecked(*FindOp("MaxPool"), inner);
  const Shape& y = inner.results()[0].shape;
  context.SetOutput(
      0, context.dtype(0),
      y.has_rank() ? Permuted(y, ChannelsLast(y.rank())) : Shape());
}

void RunNhwcMaxPool(RunContext& context) {
  const auto read = ChannelsReadBy(context.node);
  const Tensor x = read ? TakeChannels(context.in(0), *read) : context.in(0);
  const Tensor first = TransposeTensor(x, ChannelsFirst(x.rank()));
  Node pool = MaxPoolOf(context.node);
  pool.outputs = {0};
  RunContext inner{pool, {&first}, {}, {}, {}};
  inner.outputs.resize(1);
  FindOp("MaxPool")->reference(inner);
  context.outputs[0] =
      TransposeTensor(inner.outputs[0], ChannelsLast(x.rank()));
}

class NhwcMaxPoolStep : public Step {
 public:
  // `stride`: channels of x.
  NhwcMaxPoolStep(const PlaneWindow& window, int64_t images,
                  const ChannelsRead& read, int64_t stride, bool is_signed)
      : window_(window),
        images_(images),
        read_(read),
        stride_(stride),
        is_signed_(is_signed) {}
  void Run(const StepArgs& args) const override {
    MaxPoolBytesLast(
        window_, images_, read_.count, is_signed_,
        static_cast<const std::byte*>(args.inputs[0]) + read_.first, stride_,
        args.outputs[0], args.pool);
  }

 private:
  PlaneWindow window_;
  int64_t images_;
  ChannelsRead read_;
  int64_t stride_;
  bool is_signed_;
};

std::unique_ptr<Step> PrepareNhwcMaxPool(const PrepareContext& context) {
  const Dims& last = context.input_dims[0];
  const auto rank = static_cast<int>(last.size());
  const DType dtype = context.input_dtypes[0];
  if (rank < 3 || rank > 4 || !IsByte(dtype) || ElementCount(last) == 0 ||
      ElementCount(context.output_dims[0]) == 0) {
    return nullptr;
  }
  const Dims x = Permuted(last, ChannelsFirst(rank));
  const Window window =
      ResolvePads(ReadWindow(context.node, context.node.Ints("kernel_shape")),
                  std::span(x).subspan(2), true);
  return std::make_unique<NhwcMaxPoolStep>(
      PlaneWindowOf(window, x,
                    Permuted(context.output_dims[0], ChannelsFirst(rank))),
      x[0], ChannelsReadBy(context.node).value_or(ChannelsRead{0, x[1]}), x[1],
      dtype == DType::kInt8);
}

QuantSpec NhwcMaxPoolRule(const QuantizeQuery&) {
  return QuantSpec::Float("it takes 8-bit integers already");
}

}  // namespace

extern constinit const OpDef kNhwcMaxPoolOp = {
    .type = "NhwcMaxPool",
    .domain = "com.microsoft",
    .infer = InferNhwcMaxPool,
    .reference = RunNhwcMaxPool,
    .quantize = NhwcMaxPoolRule,
    .prepare = PrepareNhwcMaxPool,
};

}  // namespace squint
