// The same elements under another shape: Reshape, Flatten, Squeeze,
// Unsqueeze. Also the operators that change nothing at inference (Identity,
// Dropout). Symbolic throughout: a -1 becomes a quotient of products.
#include <algorithm>
#include <random>

#include "squint/ops/dim_content.h"
#include "squint/ops/op.h"
#include "squint/ops/quant_rules.h"

namespace squint {
namespace {

// ---- Reshape

// What is left for -1: elements in total over the product of the others. An
// input dimension copied by 0 stands on both sides and cancels, so that it
// may be unknown.
Dim DeducedDim(const Shape& in, const DimList& wanted,
               const std::vector<bool>& copied) {
  if (!in.has_rank()) return Dim::Unknown();
  Dim total = 1;
  Dim others = 1;
  for (size_t i = 0; i < static_cast<size_t>(in.rank()); ++i) {
    if (i >= copied.size() || !copied[i]) total = total * in.dims()[i];
  }
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (!copied[i] && !wanted[i].is(-1)) others = others * wanted[i];
  }
  if (others.is(0)) {
    if (total.value() && !total.is(0)) {
      Fail(ErrorCode::kInvalidModel,
           "the dimension for -1 would be {} elements divided by 0",
           total.ToString());
    }
    return total.is(0) ? Dim(0) : Dim::Unknown();
  }
  return FloorDiv(total, others);
}

Shape ReshapedShape(const Shape& in, DimList wanted, bool allowzero) {
  std::vector<bool> copied(wanted.size(), false);
  int deduced = -1;
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i].is(0) && !allowzero) {
      copied[i] = true;
      if (in.has_rank() && static_cast<int>(i) >= in.rank()) {
        Fail(ErrorCode::kInvalidModel,
             "dimension {} of the shape is 0 (copy), but the input {} has no "
             "such axis",
             i, in.ToString());
      }
      wanted[i] = in.has_rank() ? in.dims()[i] : Dim::Unknown();
    } else if (wanted[i].is(-1)) {
      if (deduced >= 0) {
        Fail(ErrorCode::kInvalidModel, "two dimensions of the shape are -1");
      }
      deduced = static_cast<int>(i);
    }
  }
  if (deduced >= 0) {
    const auto at = static_cast<size_t>(deduced);
    wanted[at] = DeducedDim(in, wanted, copied);
  }
  const Shape out(std::move(wanted));
  const Dim before = in.count();
  const Dim after = out.count();
  if (before.value() && after.value() && !(before == after)) {
    Fail(ErrorCode::kInvalidModel, "cannot reshape {} to {}", in.ToString(),
         out.ToString());
  }
  return out;
}

void InferReshape(InferContext& context) {
  const bool allowzero = context.node().Int("allowzero", 0) != 0;
  Shape out;
  if (const DimTensor* wanted = context.dim_tensor(1)) {
    out = ReshapedShape(context.shape(0), wanted->elements, allowzero);
  } else if (const Shape& length = context.shape(1);
             length.has_rank() && length.rank() == 1 && length[0].value()) {
    // Only the rank is known.
    out = UnknownDims(*length[0].value());
  }
  context.SetOutput(0, context.dtype(0), out);
  PassContent(context, out);
}

void RunReshape(RunContext& context) {
  const std::vector<int64_t> wanted = context.in(1).ToInts();
  const Shape out = ReshapedShape(Shape::Of(context.in(0).dims()),
                                  DimList(wanted.begin(), wanted.end()),
                                  context.node.Int("allowzero", 0) != 0);
  const auto dims = out.values();
  if (!dims || ElementCount(*dims) != context.in(0).size()) {
    Fail(ErrorCode::kInvalidModel, "cannot reshape {} to {}",
         DimsToString(context.in(0).dims()), DimsToString(wanted));
  }
  context.outputs[0] = context.in(0).Reshaped(*dims);
}

// ---- Flatten

// [d0 ... d(axis-1)] x [d(axis) ...]; axis may equal the rank.
int FlattenAxis(const Node& node, int rank) {
  const int64_t axis = node.Int("axis", 1);
  return axis == rank ? rank : NormalizeAxis(axis, rank);
}

void InferFlatten(InferContext& context) {
  const Shape& in = context.shape(0);
  DimList out = {Dim::Unknown(), Dim::Unknown()};
  if (in.has_rank()) {
    const int axis = FlattenAxis(context.node(), in.rank());
    out = {1, 1};
    for (int i = 0; i < in.rank(); ++i) {
      Dim& side = out[i < axis ? 0 : 1];
      side = side * in[i];
    }
  }
  context.SetOutput(0, context.dtype(0), Shape(std::move(out)));
}

void RunFlatten(RunContext& context) {
  const Tensor& in = context.in(0);
  const int axis = FlattenAxis(context.node, in.rank());
  const auto split = in.dims().begin() + axis;
  context.outputs[0] = in.Reshaped({ElementCount({in.dims().begin(), split}),
                                    ElementCount({split, in.dims().end()})});
}

// ---- Squeeze, Unsqueeze

// Which axes (of `rank`) the list names.
std::vector<bool> NamedAxes(const std::vector<int64_t>& axes, int rank) {
  std::vector<bool> named(static_cast<size_t>(rank), false);
  for (const int64_t axis : axes) {
    const auto i = static_cast<size_t>(NormalizeAxis(axis, rank));
    if (i >= named.size() || named[i]) {
      Fail(ErrorCode::kInvalidModel, "axis {} is named twice or not there",
           axis);
    }
    named[i] = true;
  }
  return named;
}

// Without axes every dimension of size 1 goes; a symbol may turn out to be 1,
// so that needs known dimensions.
Shape SqueezedShape(const Shape& in,
                    const std::optional<std::vector<int64_t>>& axes) {
  DimList out;
  const std::vector<bool> named =
      NamedAxes(axes.value_or(std::vector<int64_t>()), in.rank());
  for (int i = 0; i < in.rank(); ++i) {
    const auto at = static_cast<size_t>(i);
    if (!axes && !in[i].value()) return Shape();
    if (axes && named[at] && in[i].value() && !in[i].is(1)) {
      Fail(ErrorCode::kInvalidModel, "cannot squeeze axis {} of {}", i,
           in.ToString());
    }
    if (axes ? !named[at] : !in[i].is(1)) out.push_back(in[i]);
  }
  return Shape(std::move(out));
}

Shape UnsqueezedShape(const Shape& in, const std::vector<int64_t>& axes) {
  const int rank = in.rank() + static_cast<int>(axes.size());
  const std::vector<bool> named = NamedAxes(axes, rank);
  DimList out;
  int next = 0;
  for (const bool added : named) out.push_back(added ? Dim(1) : in[next++]);
  return Shape(std::move(out));
}

void InferSqueeze(InferContext& context) {
  const Shape& in = context.shape(0);
  const auto axes = context.ints(1);
  Shape out;
  if (in.has_rank() && (axes || !context.has_input(1))) {
    out = SqueezedShape(in, axes);
  }
  context.SetOutput(0, context.dtype(0), out);
  PassContent(context, out);
}

void InferUnsqueeze(InferContext& context) {
  const auto axes = context.ints(1);
  Shape out;
  const Shape& in = context.shape(0);
  const Shape& list = context.shape(1);
  if (in.has_rank() && axes) {
    out = UnsqueezedShape(in, *axes);
  } else if (in.has_rank() && list.has_rank() && list.count().value()) {
    out = UnknownDims(in.rank() +
                      std::min(*list.count().value(), int64_t{1} << 31));
  }
  context.SetOutput(0, context.dtype(0), out);
  PassContent(context, out);
}

void RunSqueeze(RunContext& context) {
  std::optional<std::vector<int64_t>> axes;
  if (context.has(1)) axes = context.in(1).ToInts();
  const Shape out = SqueezedShape(Shape::Of(context.in(0).dims()), axes);
  context.outputs[0] = context.in(0).Reshaped(*out.values());
}

void RunUnsqueeze(RunContext& context) {
  const Shape out =
      UnsqueezedShape(Shape::Of(context.in(0).dims()), context.in(1).ToInts());
  context.outputs[0] = context.in(0).Reshaped(*out.values());
}

void UpgradeAxes(UpgradeContext& context) {
  if (context.from < 13) context.AttributeToInput("axes", 1);
}

// ---- Identity, Dropout

void InferIdentity(InferContext& context) {
  context.SameAsInput();
  PassContent(context, context.shape(0));
}

void RunIdentity(RunContext& context) { context.outputs[0] = context.in(0); }

void InferDropout(InferContext& context) {
  context.SameAsInput();
  context.SetOutput(1, DType::kBool, context.shape(0));
}

// Which elements stay: all, but in training. There the generator and its
// order are those of the ONNX reference (numpy's legacy Mersenne twister, 53
// bits a number), so that a seed gives the same mask; without one it is 0.
std::vector<bool> KeptElements(const Node& node, int64_t count, double ratio) {
  std::mt19937 generator(static_cast<uint32_t>(node.Int("seed", 0)));
  std::vector<bool> kept(static_cast<size_t>(count));
  for (size_t i = 0; i < kept.size(); ++i) {
    const auto high = static_cast<uint32_t>(generator() >> 5);
    const auto low = static_cast<uint32_t>(generator() >> 6);
    kept[i] = (high * 0x1p26 + low) * 0x1p-53 >= ratio;
  }
  return kept;
}

double RatioOf(const RunContext& context) {
  const bool training =
      context.has(2) && context.in(2).size() > 0 && context.in(2).ToInts()[0];
  if (!training) return 0;
  const double ratio =
      context.has(1) ? context.in(1).CastTo(DType::kFloat64).data<double>()[0]
                     : 0.5;
  if (!(ratio >= 0 && ratio < 1)) {
    Fail(ErrorCode::kInvalidModel, "ratio is {}, expected [0, 1)", ratio);
  }
  return ratio;
}

// Those that stay in training are divided by their share.
Tensor Scaled(const Tensor& x, const std::vector<bool>& kept, double ratio) {
  Tensor y = x.CastTo(DType::kFloat64);
  if (x.dtype() == DType::kFloat64) y = x.Clone();
  double* values = y.mutable_data<double>();
  for (size_t i = 0; i < kept.size(); ++i) {
    values[i] = kept[i] ? values[i] / (1 - ratio) : 0.0;
  }
  return y.CastTo(x.dtype());
}

void RunDropout(RunContext& context) {
  const Tensor& x = context.in(0);
  const double ratio = RatioOf(context);
  std::vector<bool> kept(static_cast<size_t>(x.size()), true);
  if (ratio > 0) kept = KeptElements(context.node, x.size(), ratio);
  context.outputs[0] = ratio > 0 ? Scaled(x, kept, ratio) : x;
  if (context.outputs.size() > 1) {
    Tensor mask(DType::kBool, x.dims());
    std::copy(kept.begin(), kept.end(), mask.mutable_data<bool>());
    context.outputs[1] = std::move(mask);
  }
}

QuantSpec DropoutRule(const QuantizeQuery& query) {
  QuantSpec spec = MovementRule(query);
  if (spec.outputs.size() > 1) {
    spec.outputs[1].role = Role::kFloat;
    spec.same.resize(1);
  }
  return spec;
}

// Opset 7 to 11: the ratio was an attribute; without training it has no
// effect on the result.
void UpgradeDropout(UpgradeContext& context) {
  if (context.from >= 12) return;
  const float ratio = context.node().Float("ratio", 0.5f);
  context.graph.ReplaceInput(
      context.node_id, 1,
      context.graph.AddConstant(fmt::format("{}_ratio", context.node().name),
                                Tensor::Scalar<float>(ratio)));
  context.node().attributes.erase("ratio");
}

}  // namespace

extern constinit const OpDef kDropoutOp = {
    .type = "Dropout",
    .since = 12,
    .infer = InferDropout,
    .reference = RunDropout,
    .integer_reference = IntegerMovement<RunDropout>,
    .quantize = DropoutRule,
    .upgrade = UpgradeDropout,
};
extern constinit const OpDef kFlattenOp = {
    .type = "Flatten",
    .since = 11,
    .infer = InferFlatten,
    .reference = RunFlatten,
    .integer_reference = IntegerMovement<RunFlatten>,
    .quantize = MovementRule,
};
extern constinit const OpDef kIdentityOp = {
    .type = "Identity",
    .since = 1,
    .infer = InferIdentity,
    .reference = RunIdentity,
    .integer_reference = IntegerMovement<RunIdentity>,
    .quantize = MovementRule,
};
extern constinit const OpDef kReshapeOp = {
    .type = "Reshape",
    .since = 14,
    .infer = InferReshape,
    .reference = RunReshape,
    .integer_reference = IntegerMovement<RunReshape>,
    .quantize = MovementRule,
};
extern constinit const OpDef kSqueezeOp = {
    .type = "Squeeze",
    .since = 13,
    .infer = InferSqueeze,
    .reference = RunSqueeze,
    .integer_reference = IntegerMovement<RunSqueeze>,
    .quantize = MovementRule,
    .upgrade = UpgradeAxes,
};
extern constinit const OpDef kUnsqueezeOp = {
    .type = "Unsqueeze",
    .since = 13,
    .infer = InferUnsqueeze,
    .reference = RunUnsqueeze,
    .integer_reference = IntegerMovement<RunUnsqueeze>,
    .quantize = MovementRule,
    .upgrade = UpgradeAxes,
};

}  // namespace squint
