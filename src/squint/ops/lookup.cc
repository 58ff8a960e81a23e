// squint::Lookup: any function of one 8-bit number by its table. Made when a
// network is lowered to integers; x: uint8 or int8, table: 256 results, the
// one of byte b (taken as unsigned) at place b; their type is the output's.
// With attribute `axis`: a table for each index of that axis, [channels, 256].
// With attribute `channels_read` (channel_range.h): of these of x's last axis.
// A number of 16 bits has 65,536 results; fixed-point steps are made of those,
// there is no kernel.
#include <cstring>

#include "squint/kernels/qelementwise/byte_lines.h"
#include "squint/kernels/qelementwise/qelementwise.h"
#include "squint/ops/channel_range.h"
#include "squint/ops/op.h"
#include "squint/ops/qlinear_operands.h"
#include "squint/ops/quant_rules.h"

namespace squint {
namespace {

// How what is looked up is cut by the axis that tables belong to.
struct Channels {
  int64_t outer = 1;
  int64_t count = 1;
  int64_t inner = 1;

  // `x`: of what is looked up. Without an axis all is one piece, or, where
  // pixels lie apart, each of them.
  Channels(const Node& node, const Dims& x, bool apart = false) {
    if (node.FindAttribute("axis") == nullptr) {
      inner = apart ? x.back() : ElementCount(x);
      outer = apart ? ElementCount(x) / inner : 1;
      return;
    }
    const int rank = static_cast<int>(x.size());
    const auto axis =
        static_cast<size_t>(NormalizeAxis(node.Int("axis", 0), rank));
    for (size_t i = 0; i < x.size(); ++i) {
      (i < axis ? outer : i == axis ? count : inner) *= x[i];
    }
  }
};

// Of a number of this type.
int64_t EntriesOf(DType dtype) { return int64_t{1} << BitsOf(dtype); }

// `x`: of what is looked up.
void CheckTable(const InferContext& context, const Shape& x) {
  const Shape& table = context.shape(1);
  const auto sizes = table.values();
  const bool by_channel = context.node().FindAttribute("axis") != nullptr;
  if (!sizes || context.dtype(0) == DType::kUndefined ||
      (by_channel && !x.has_rank())) {
    return;
  }
  Dims expected = {EntriesOf(context.dtype(0))};
  if (by_channel) {
    const auto count =
        x[NormalizeAxis(context.node().Int("axis", 0), x.rank())].value();
    if (!count) return;
    expected.insert(expected.begin(), *count);
  }
  if (*sizes == expected) return;
  Fail(ErrorCode::kInvalidModel, "the table has shape {}, expected {}",
       table.ToString(), DimsToString(expected));
}

void InferLookup(InferContext& context) {
  for (const size_t i : {size_t{0}, size_t{1}}) {
    const DType dtype = context.dtype(i);
    if (dtype != DType::kUndefined && !IsByteOrTwo(dtype)) {
      Fail(ErrorCode::kInvalidModel, "takes 8- or 16-bit integers, not {}",
           DTypeName(dtype));
    }
  }
  Shape x = context.shape(0);
  if (const auto read = ChannelsReadBy(context.node())) {
    RequireBytes(context.dtype(0));
    x = ReadShape(x, *read);
  }
  CheckTable(context, x);
  context.SetOutput(0, context.dtype(1), std::move(x));
}

const uint8_t* BytesOf(const Tensor& tensor) {
  return reinterpret_cast<const uint8_t*>(tensor.raw());
}

// Element i, taken as unsigned.
int64_t PlaceOf(const Tensor& x, int64_t i) {
  if (IsByte(x.dtype())) return BytesOf(x)[i];
  uint16_t place = 0;
  std::memcpy(&place, x.raw() + 2 * i, sizeof place);
  return place;
}

void RunLookup(RunContext& context) {
  const auto read = ChannelsReadBy(context.node);
  const Tensor x = read ? TakeChannels(context.in(0), *read) : context.in(0);
  const Tensor& table = context.in(1);
  const Channels channels(context.node, x.dims());
  const auto bytes = static_cast<size_t>(BitsOf(table.dtype()) / 8);
  Tensor y(table.dtype(), x.dims());
  for (int64_t i = 0; i < x.size(); ++i) {
    const int64_t channel = i / channels.inner % channels.count;
    const auto from =
        static_cast<size_t>(channel * EntriesOf(x.dtype()) + PlaceOf(x, i));
    std::memcpy(y.mutable_raw() + static_cast<size_t>(i) * bytes,
                table.raw() + from * bytes, bytes);
  }
  context.outputs[0] = std::move(y);
}

class LookupStep : public Step {
 public:
  // `lines`: what the tables are, if they are lines. The input begins `first`
  // bytes behind x, each index of outer `stride` behind the one before.
  LookupStep(const Channels& channels, int64_t first, int64_t stride,
             std::shared_ptr<const std::optional<ByteLines>> lines)
      : channels_(channels),
        first_(first),
        stride_(stride),
        lines_(std::move(lines)) {}
  void Run(const StepArgs& args) const override {
    const auto* x = static_cast<const uint8_t*>(args.inputs[0]) + first_;
    const auto* table = static_cast<const uint8_t*>(args.inputs[1]);
    const Channels& c = channels_;
    if (lines_ && *lines_) {
      ApplyByteLines(**lines_, table, x, stride_, c.outer, c.inner,
                     args.outputs[0], args.pool);
    } else if (c.count == 1 && !is_part()) {
      LookUp(table, x, c.outer * c.inner, args.outputs[0], args.pool);
    } else {
      LookUpChannels(table, x, stride_, c.outer, c.count, c.inner,
                     args.outputs[0], args.pool);
    }
  }
  bool can_run_in_place() const override { return !is_part(); }

 private:
  bool is_part() const { return stride_ != channels_.count * channels_.inner; }

  Channels channels_;
  int64_t first_;
  int64_t stride_;
  std::shared_ptr<const std::optional<ByteLines>> lines_;
};

std::unique_ptr<Step> PrepareLookup(const PrepareContext& context) {
  if (!IsByte(context.input_dtypes[0]) || !IsByte(context.output_dtypes[0])) {
    return nullptr;
  }
  Dims x = context.input_dims[0];
  const auto read = ChannelsReadBy(context.node);
  if (read) x.back() = read->count;
  const Channels channels(context.node, x, read.has_value());
  const int64_t length = channels.count * channels.inner;
  if (read && length != read->count) return nullptr;  // of another axis
  const int64_t stride = read ? context.input_dims[0].back() : length;
  const int64_t first = read ? read->first : 0;
  const Tensor* table = context.constants[1];
  if (table == nullptr) {
    return std::make_unique<LookupStep>(channels, first, stride, nullptr);
  }
  return std::make_unique<LookupStep>(
      channels, first, stride,
      context.packs.Get<std::optional<ByteLines>>(
          context.pack_key + "/lines", [&] {
            return std::make_shared<const std::optional<ByteLines>>(
                FitByteLines(BytesOf(*table), channels.count,
                             context.input_dtypes[0] == DType::kInt8,
                             table->dtype() == DType::kInt8));
          }));
}

}  // namespace

extern constinit const OpDef kLookupOp = {
    .type = "Lookup",
    .domain = "squint",
    .infer = InferLookup,
    .reference = RunLookup,
    .quantize = StoredIntegersRule,
    .prepare = PrepareLookup,
};

}  // namespace squint
