// Scan: a body once for each slice of its inputs, with state that goes round.
// Opset 8 had a batch around it: that is a Scan over the batch, whose body
// is the Scan over the sequence.
#include <cstring>
#include <optional>
#include <utility>

#include "squint/base/context.h"
#include "squint/ops/bodies.h"

namespace squint {
namespace {

constexpr std::string_view kBody = "body";

// Which inputs and outputs are state, which are scanned.
struct Counts {
  size_t states = 0;
  size_t scanned = 0;  // inputs
  size_t stacked = 0;  // outputs
};

Counts CountsOf(const Node& node) {
  const int64_t scanned = node.Int("num_scan_inputs", 0);
  const size_t inputs = node.inputs.size();
  if (scanned < 1 || static_cast<size_t>(scanned) > inputs) {
    Fail(ErrorCode::kInvalidModel, "num_scan_inputs is {} of {} inputs",
         scanned, inputs);
  }
  Counts counts;
  counts.scanned = static_cast<size_t>(scanned);
  counts.states = inputs - counts.scanned;
  if (node.outputs.size() < counts.states) {
    Fail(ErrorCode::kInvalidModel, "has {} states but {} outputs",
         counts.states, node.outputs.size());
  }
  counts.stacked = node.outputs.size() - counts.states;
  RequireInputs(node, 0);
  const Graph& body = BodyOf(node, kBody);
  CheckBodyInputs(body, kBody, inputs);
  CheckBodyOutputs(body, kBody, node.outputs.size());
  return counts;
}

// Entry `i` of a list attribute that may be left out.
int64_t Entry(const Node& node, std::string_view key, size_t i, size_t count) {
  const std::vector<int64_t> list = node.Ints(key);
  if (list.empty()) return 0;
  if (list.size() != count) {
    Fail(ErrorCode::kInvalidModel, "{} has {} entries, expected {}", key,
         list.size(), count);
  }
  return list[i];
}

bool IsReverse(const Node& node, std::string_view key, size_t i, size_t count) {
  return Entry(node, key, i, count) != 0;
}

// ---- inference

// Takes `axis` out of a shape; `length` is what it had, or agrees with it.
Shape WithoutAxis(const Shape& shape, int64_t axis, Dim& length) {
  if (!shape.has_rank()) return Shape();
  DimList dims = shape.dims();
  const auto at = dims.begin() + NormalizeAxis(axis, shape.rank());
  if (shape.rank() == 0) {
    Fail(ErrorCode::kInvalidModel, "a scalar cannot be scanned");
  }
  if (at->value() && length.value() && !(*at == length)) {
    Fail(ErrorCode::kInvalidModel, "scans inputs of {} and of {} slices",
         length.ToString(), at->ToString());
  }
  if (!length.value() && !at->is_unknown()) length = *at;
  dims.erase(at);
  return Shape(std::move(dims));
}

std::vector<ValueType> BodyInputTypes(const InferContext& context,
                                      const Counts& counts, Dim& length) {
  const Node& node = context.node();
  std::vector<ValueType> types;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    ValueType type = TypeOf(context.graph(), node.inputs[i]);
    if (i >= counts.states) {
      const size_t s = i - counts.states;
      type.shape = WithoutAxis(
          type.shape, Entry(node, "scan_input_axes", s, counts.scanned),
          length);
    }
    types.push_back(std::move(type));
  }
  return types;
}

void InferScanBody(const InferContext& context, Node& node,
                   const InferBody& infer) {
  const Counts counts = CountsOf(node);
  Dim length = Dim::Unknown();
  InferWithFeedback(BodyOf(node, kBody), kBody,
                    BodyInputTypes(context, counts, length),
                    {0, 0, counts.states}, infer);
}

void InferScan(InferContext& context) {
  const Node& node = context.node();
  const Counts counts = CountsOf(node);
  const Graph& body = BodyOf(node, kBody);
  Dim length = Dim::Unknown();
  BodyInputTypes(context, counts, length);
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    const ValueType made = TypeOf(body, body.outputs()[i]);
    if (i < counts.states) {  // what goes in covers what comes back
      context.SetOutput(i, made.dtype, body.value(body.inputs()[i]).shape);
    } else if (made.shape.has_rank()) {
      const int64_t axis =
          Entry(node, "scan_output_axes", i - counts.states, counts.stacked);
      DimList dims = made.shape.dims();
      dims.insert(dims.begin() + NormalizeAxis(axis, made.shape.rank() + 1),
                  length);
      context.SetOutput(i, made.dtype, Shape(std::move(dims)));
    } else {
      context.SetOutput(i, made.dtype, Shape());
    }
  }
}

// ---- reference

// One input that is taken slice by slice.
class Slices {
 public:
  Slices(const Tensor& tensor, int64_t axis, bool reverse)
      : tensor_(tensor.Materialize()), reverse_(reverse) {
    if (tensor.rank() == 0) {
      Fail(ErrorCode::kInvalidModel, "a scalar cannot be scanned");
    }
    if (BitsOf(tensor.dtype()) < 8) {
      Fail(ErrorCode::kUnsupported, "tensors of {} cannot be scanned",
           DTypeName(tensor.dtype()));
    }
    const int at = NormalizeAxis(axis, tensor.rank());
    dims_ = tensor.dims();
    length_ = dims_[static_cast<size_t>(at)];
    outer_ = static_cast<size_t>(
        ElementCount(std::span(dims_).first(static_cast<size_t>(at))));
    dims_.erase(dims_.begin() + at);
  }
  int64_t length() const { return length_; }

  Tensor At(int64_t trip) const {
    Tensor slice(tensor_.dtype(), dims_);
    if (slice.bytes() == 0) return slice;
    const size_t run = slice.bytes() / outer_;
    const auto index =
        static_cast<size_t>(reverse_ ? length_ - 1 - trip : trip);
    for (size_t o = 0; o < outer_; ++o) {
      const size_t from = (o * static_cast<size_t>(length_) + index) * run;
      std::memcpy(slice.mutable_raw() + o * run, tensor_.raw() + from, run);
    }
    return slice;
  }

 private:
  Tensor tensor_;
  bool reverse_;
  Dims dims_;  // of a slice
  int64_t length_ = 0;
  size_t outer_ = 1;
};

std::vector<Slices> SlicesOf(const RunContext& context, const Counts& counts) {
  std::vector<Slices> slices;
  for (size_t i = 0; i < counts.scanned; ++i) {
    const Node& node = context.node;
    slices.emplace_back(
        context.in(counts.states + i),
        Entry(node, "scan_input_axes", i, counts.scanned),
        IsReverse(node, "scan_input_directions", i, counts.scanned));
    if (slices[i].length() != slices[0].length()) {
      Fail(ErrorCode::kInvalidModel, "scans inputs of {} and of {} slices",
           slices[0].length(), slices[i].length());
    }
  }
  return slices;
}

void RunScan(RunContext& context) {
  CheckInternal(context.bodies != nullptr, "Scan: run without its body");
  const Node& node = context.node;
  const Counts counts = CountsOf(node);
  const Graph& body = BodyOf(node, kBody);
  CheckBodyCarriesTensors(body, kBody);
  const Context& limits = context.bodies->context();
  const std::vector<Slices> slices = SlicesOf(context, counts);
  std::vector<Tensor> state;
  for (size_t i = 0; i < counts.states; ++i) state.push_back(context.in(i));
  std::vector<Stack> stacks;
  for (size_t i = 0; i < counts.stacked; ++i) {
    stacks.emplace_back(body.value(body.outputs()[counts.states + i]),
                        limits.memory_limit);
  }
  for (int64_t trip = 0; trip < slices[0].length(); ++trip) {
    limits.ThrowIfCancelled();
    std::vector<Tensor> inputs = std::move(state);
    for (const Slices& input : slices) inputs.push_back(input.At(trip));
    std::vector<Tensor> made = context.bodies->Run(kBody, inputs);
    for (size_t i = 0; i < counts.stacked; ++i) {
      stacks[i].Add(std::move(made[counts.states + i]));
    }
    made.resize(counts.states);
    state = std::move(made);
  }
  for (size_t i = 0; i < counts.states; ++i) {
    context.outputs[i] = std::move(state[i]);
  }
  for (size_t i = 0; i < counts.stacked; ++i) {
    context.outputs[counts.states + i] = stacks[i].Finish(
        Entry(node, "scan_output_axes", i, counts.stacked),
        IsReverse(node, "scan_output_directions", i, counts.stacked));
  }
}

// ---- upgrade

// The Scan over the sequence, in a body that has one sample of everything.
Graph SampleBody(const Graph& graph, const Node& scan) {
  Graph sample;
  sample.name = BodyOf(scan, kBody).name + "_sample";
  sample.opset = graph.opset;
  sample.ir_version = graph.ir_version;
  Node inner = scan;
  inner.inputs.clear();
  inner.outputs.clear();
  inner.captures.clear();
  const Graph& body = BodyOf(scan, kBody);
  for (const ValueId id : body.inputs()) {
    inner.inputs.push_back(
        sample.AddInput(body.value(id).name, body.value(id).dtype, Shape()));
  }
  for (const ValueId id : body.captures()) {
    inner.captures.push_back(sample.AddCapture(body.value(id).name));
  }
  for (const ValueId id : body.outputs()) {
    inner.outputs.push_back(sample.AddValue(body.value(id).name));
    sample.AddOutput(inner.outputs.back());
  }
  const size_t scanned = static_cast<size_t>(scan.Int("num_scan_inputs", 0));
  inner.Set("scan_input_directions",
            scan.Ints("directions", std::vector<int64_t>(scanned, 0)));
  // Says also that this one is upgraded.
  inner.Set("scan_input_axes", std::vector<int64_t>(scanned, 0));
  inner.attributes.erase("directions");
  sample.AddNode(std::move(inner));
  return sample;
}

void UpgradeScan(UpgradeContext& context) {
  constexpr int64_t kWithoutBatch = 9;
  if (context.from >= kWithoutBatch ||
      context.node().FindAttribute("scan_input_axes") != nullptr) {
    return;
  }
  Node& node = context.node();
  if (node.has_input(0)) {
    Fail(ErrorCode::kUnsupported,
         "sequence lengths of Scan 8 are not supported: raise the model's "
         "opset to 9 or later");
  }
  if (!node.inputs.empty()) node.inputs.erase(node.inputs.begin());
  CountsOf(node);
  GraphBox sample(SampleBody(context.graph, node));
  node.attributes.clear();
  node.Set("body", std::move(sample));
  node.Set("num_scan_inputs", static_cast<int64_t>(node.inputs.size()));
  node.Set("scan_input_axes", std::vector<int64_t>(node.inputs.size(), 0));
}

}  // namespace

extern constinit const OpDef kScanOp = {
    .type = "Scan",
    .since = 9,
    .infer = InferScan,
    .infer_bodies = InferScanBody,
    .reference = RunScan,
    .quantize = BodyRule,
    .upgrade = UpgradeScan,
};

}  // namespace squint
