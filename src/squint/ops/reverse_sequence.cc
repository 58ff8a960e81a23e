// ReverseSequence: the first elements of each sequence of a batch, as many as
// its length says, in the opposite order.
#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include "squint/ops/layout.h"
#include "squint/ops/op.h"
#include "squint/ops/quant_rules.h"

namespace squint {
namespace {

// True: axis 0 is time and axis 1 the batch; false: the other way round.
bool TimeIsFirst(const Node& node) {
  const int64_t time = node.Int("time_axis", 0);
  const int64_t batch = node.Int("batch_axis", 1);
  if ((time == 0 && batch == 1) || (time == 1 && batch == 0)) return time == 0;
  Fail(ErrorCode::kInvalidModel,
       "time_axis is {} and batch_axis {}, expected 0 and 1 or 1 and 0", time,
       batch);
}

void CheckLengths(const Node& node, const Shape& x, const Shape& lengths) {
  const bool time_first = TimeIsFirst(node);
  if (x.has_rank() && x.rank() < 2) {
    Fail(ErrorCode::kInvalidModel, "input {} has no time and batch axes",
         x.ToString());
  }
  if (!x.has_rank() || !lengths.has_rank()) return;
  const Dim& batch = x[time_first ? 1 : 0];
  const bool known = lengths.rank() == 1 && lengths[0].value() && batch.value();
  if (lengths.rank() != 1 || (known && !(lengths[0] == batch))) {
    Fail(ErrorCode::kInvalidModel,
         "sequence_lens is {}, expected one length for each of {} sequences",
         lengths.ToString(), batch.ToString());
  }
}

void InferReverseSequence(InferContext& context) {
  CheckLengths(context.node(), context.shape(0), context.shape(1));
  context.SameAsInput();
}

void RunReverseSequence(RunContext& context) {
  const Tensor& x = context.in(0);
  CheckLengths(context.node, Shape::Of(x.dims()),
               Shape::Of(context.in(1).dims()));
  const bool time_first = TimeIsFirst(context.node);
  const int64_t steps = x.dim(time_first ? 0 : 1);
  const int64_t sequences = x.dim(time_first ? 1 : 0);
  const std::vector<int64_t> lengths = context.in(1).ToInts();
  Tensor y(x.dtype(), x.dims());
  const size_t bytes = WholeBytes(x.dtype()) *
                       static_cast<size_t>(ElementCount(
                           std::span<const int64_t>(x.dims()).subspan(2)));
  for (int64_t b = 0; b < sequences; ++b) {
    const int64_t length = lengths[static_cast<size_t>(b)];
    if (length < 0 || length > steps) {
      Fail(ErrorCode::kInvalidModel, "sequence {} has length {} of {} steps", b,
           length, steps);
    }
    const auto at = [&](int64_t t) {
      return static_cast<size_t>(time_first ? t * sequences + b
                                            : b * steps + t) *
             bytes;
    };
    for (int64_t t = 0; t < steps; ++t) {
      const int64_t from = t < length ? length - 1 - t : t;
      std::memcpy(y.mutable_raw() + at(t), x.raw() + at(from), bytes);
    }
  }
  context.outputs[0] = std::move(y);
}

}  // namespace

extern constinit const OpDef kReverseSequenceOp = {
    .type = "ReverseSequence",
    .since = 10,
    .infer = InferReverseSequence,
    .reference = RunReverseSequence,
    .integer_reference = IntegerMovement<RunReverseSequence>,
    .quantize = MovementRule,
};

}  // namespace squint
