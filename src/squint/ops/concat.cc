// Joining tensors along an axis and cutting them apart: Concat and Split.
#include <cmath>
#include <cstring>

#include "squint/ops/dim_content.h"
#include "squint/ops/layout.h"
#include "squint/ops/op.h"
#include "squint/ops/prepare.h"
#include "squint/ops/quant_rules.h"

namespace squint {
namespace {

// ---- Concat

int ConcatAxis(const Node& node, int rank) {
  if (node.FindAttribute("axis") == nullptr) {
    Fail(ErrorCode::kInvalidModel, "attribute 'axis' is missing");
  }
  return NormalizeAxis(node.Int("axis", 0), rank);
}

void JoinContents(InferContext& context) {
  DimTensor joint;
  for (size_t i = 0; i < context.num_inputs(); ++i) {
    const DimTensor* part = context.dim_tensor(i);
    if (part == nullptr || part->scalar) return;
    joint.elements.insert(joint.elements.end(), part->elements.begin(),
                          part->elements.end());
  }
  context.SetDimTensor(0, std::move(joint));
}

// Of two statements about one dimension the more definite; sizes that
// contradict each other are an error.
Dim Agree(const Dim& a, const Dim& b, const InferContext& context, size_t i) {
  if (a.value() && b.value() && !(a == b)) {
    Fail(ErrorCode::kInvalidModel,
         "input {} has shape {}, which does not fit {}", i,
         context.shape(i).ToString(), context.shape(0).ToString());
  }
  return a.is_unknown() || b.value() ? b : a;
}

void InferConcat(InferContext& context) {
  JoinContents(context);
  Shape out;
  for (size_t i = 0; i < context.num_inputs(); ++i) {
    const Shape& in = context.shape(i);
    if (!in.has_rank()) {
      out = Shape();
      break;
    }
    const int axis = ConcatAxis(context.node(), in.rank());
    if (i == 0) {
      out = in;
      continue;
    }
    if (in.rank() != out.rank()) {
      Fail(ErrorCode::kInvalidModel, "inputs have ranks {} and {}", out.rank(),
           in.rank());
    }
    DimList dims = out.dims();
    for (int k = 0; k < in.rank(); ++k) {
      Dim& dim = dims[static_cast<size_t>(k)];
      dim = k == axis ? dim + in[k] : Agree(dim, in[k], context, i);
    }
    out = Shape(std::move(dims));
  }
  context.SetOutput(0, context.dtype(0), out);
}

// Copies [outer, axis * inner] rows of every part behind each other.
Tensor Join(const std::vector<Tensor>& parts, int axis) {
  Dims dims = parts[0].dims();
  const auto at = static_cast<size_t>(axis);
  dims[at] = 0;
  for (const Tensor& part : parts) dims[at] += part.dim(axis);
  const DType dtype = parts[0].dtype();
  const size_t element = static_cast<size_t>(BitsOf(dtype)) / 8;
  Tensor out(dtype, dims);
  const int64_t outer = ElementCount({dims.begin(), dims.begin() + axis});
  const size_t row = outer == 0 ? 0 : out.bytes() / static_cast<size_t>(outer);
  size_t start = 0;
  for (const Tensor& part : parts) {
    const size_t length =
        outer == 0 ? 0 : static_cast<size_t>(part.size() / outer) * element;
    for (size_t o = 0; length > 0 && o < static_cast<size_t>(outer); ++o) {
      std::memcpy(out.mutable_raw() + o * row + start, part.raw() + o * length,
                  length);
    }
    start += length;
  }
  return out;
}

void RequireJoinable(const std::vector<Tensor>& parts, int axis) {
  for (const Tensor& part : parts) {
    Dims expected = parts[0].dims();
    if (part.rank() == parts[0].rank()) {
      expected[static_cast<size_t>(axis)] = part.dim(axis);
    }
    if (part.dims() != expected || part.dtype() != parts[0].dtype()) {
      Fail(ErrorCode::kInvalidModel, "cannot concatenate {} {} and {} {}",
           DTypeName(parts[0].dtype()), DimsToString(parts[0].dims()),
           DTypeName(part.dtype()), DimsToString(part.dims()));
    }
  }
}

void RunConcat(RunContext& context) {
  std::vector<Tensor> parts;
  for (size_t i = 0; i < context.inputs.size(); ++i) {
    parts.push_back(context.in(i));
  }
  const int axis = ConcatAxis(context.node, parts[0].rank());
  RequireJoinable(parts, axis);
  context.outputs[0] = Join(parts, axis);
}

// A part with the output's parameters is copied; another goes through
// q' = sat(round((q - zi) si / so) + zo), one table per input.
void RunConcatInteger(RunContext& context) {
  const QuantParams* out = context.output_quant[0];
  bool all = out != nullptr && out->per_tensor();
  for (const QuantParams* in : context.input_quant) {
    all = all && in != nullptr && in->per_tensor();
  }
  if (!all) return RunDequantized(context, RunConcat);
  std::vector<Tensor> parts;
  for (size_t i = 0; i < context.inputs.size(); ++i) {
    const QuantParams& in = *context.input_quant[i];
    parts.push_back(
        in == *out ? context.in(i)
                   : QuantizeTensor(DequantizeTensor(context.in(i), in), *out));
  }
  const int axis = ConcatAxis(context.node, parts[0].rank());
  RequireJoinable(parts, axis);
  context.outputs[0] = Join(parts, axis);
}

QuantSpec ConcatRule(const QuantizeQuery& query) {
  QuantSpec spec = AllActivationRule(query);
  if (!spec.reason.empty()) return spec;
  spec.prefer_same = true;
  for (size_t i = 0; i < query.node.inputs.size(); ++i) {
    spec.same.emplace_back(static_cast<int>(i), 0);
  }
  return spec;
}

// ---- Split

// Sizes of the parts of an axis of `dim`: from the input, or equal chunks,
// the last one smaller. Unknown dimensions give unknown parts.
DimList PartSizes(const Node& node, size_t outputs, const Dim& dim,
                  const std::optional<std::vector<int64_t>>& sizes) {
  if (sizes) {
    if (sizes->size() != outputs) {
      Fail(ErrorCode::kInvalidModel, "split has {} sizes for {} outputs",
           sizes->size(), outputs);
    }
    return {sizes->begin(), sizes->end()};
  }
  const auto parts = node.Int("num_outputs", static_cast<int64_t>(outputs));
  if (parts != static_cast<int64_t>(outputs)) {
    Fail(ErrorCode::kInvalidModel, "num_outputs is {}, but there are {}", parts,
         outputs);
  }
  const Dim chunk = CeilDiv(dim, parts);
  DimList result(outputs, chunk);
  if (dim.value()) result.back() = dim - chunk * Dim(parts - 1);
  return result;
}

void InferSplit(InferContext& context) {
  const Shape& in = context.shape(0);
  const auto sizes = context.ints(1);
  for (size_t j = 0; j < context.num_outputs(); ++j) {
    Shape out;
    if (in.has_rank()) {
      DimList dims = in.dims();
      const auto axis = static_cast<size_t>(
          NormalizeAxis(context.node().Int("axis", 0), in.rank()));
      dims[axis] = context.has_input(1) && !sizes
                       ? Dim::Unknown()
                       : PartSizes(context.node(), context.num_outputs(),
                                   dims[axis], sizes)[j];
      out = Shape(std::move(dims));
    }
    context.SetOutput(j, context.dtype(0), out);
  }
}

void RunSplit(RunContext& context) {
  const Tensor& x = context.in(0);
  const int axis = NormalizeAxis(context.node.Int("axis", 0), x.rank());
  std::optional<std::vector<int64_t>> sizes;
  if (context.has(1)) sizes = context.in(1).ToInts();
  const DimList parts =
      PartSizes(context.node, context.outputs.size(), x.dim(axis), sizes);
  int64_t start = 0;
  for (size_t j = 0; j < parts.size(); ++j) {
    const int64_t length = *parts[j].value();
    if (length < 0 || length > x.dim(axis) - start) {
      Fail(ErrorCode::kInvalidModel, "parts do not fit axis {} of {}", axis,
           DimsToString(x.dims()));
    }
    AxisMaps maps = IdentityMaps(x.dims());
    auto& map = maps[static_cast<size_t>(axis)];
    map = {map.begin() + start, map.begin() + start + length};
    context.outputs[j] = CopyByMaps(x, maps);
    start += length;
  }
  if (start != x.dim(axis)) {
    Fail(ErrorCode::kInvalidModel, "parts cover {} of {} along axis {}", start,
         x.dim(axis), axis);
  }
}

// Until opset 12 the sizes were an attribute; until 17 the number of equal
// parts was that of the outputs, without being said.
void UpgradeSplit(UpgradeContext& context) {
  if (context.from < 13) context.AttributeToInput("split", 1);
  Node& node = context.node();
  if (context.from < 18 && !node.has_input(1)) {
    node.Set("num_outputs", static_cast<int64_t>(node.outputs.size()));
  }
}

}  // namespace

extern constinit const OpDef kConcatOp = {
    .type = "Concat",
    .since = 4,
    .infer = InferConcat,
    .reference = RunConcat,
    .integer_reference = RunConcatInteger,
    .quantize = ConcatRule,
    .prepare = PrepareConcat,
};
extern constinit const OpDef kSplitOp = {
    .type = "Split",
    .since = 18,
    .infer = InferSplit,
    .reference = RunSplit,
    .integer_reference = IntegerMovement<RunSplit>,
    .quantize = MovementRule,
    .prepare = PrepareSplit,
    .upgrade = UpgradeSplit,
};

}  // namespace squint
