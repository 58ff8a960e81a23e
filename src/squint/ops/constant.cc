// Tensors that come from nowhere or from shapes: Constant, ConstantOfShape,
// EyeLike, Range, Shape, Size.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "squint/ops/dim_content.h"
#include "squint/ops/element_types.h"
#include "squint/ops/op.h"
#include "squint/ops/quant_rules.h"

namespace squint {
namespace {

// ---- Constant

// The one attribute that holds the value, whatever its kind.
Tensor ConstantValue(const Node& node) {
  if (const Attribute* value = node.FindAttribute("value")) {
    if (const auto* tensor = std::get_if<Tensor>(value)) {
      return tensor->Materialize();
    }
    Fail(ErrorCode::kInvalidModel, "attribute 'value' is not a tensor");
  }
  if (node.FindAttribute("value_float")) {
    return Tensor::Scalar<float>(node.Float("value_float", 0));
  }
  if (node.FindAttribute("value_int")) {
    return Tensor::Scalar<int64_t>(node.Int("value_int", 0));
  }
  if (node.FindAttribute("value_ints")) {
    const std::vector<int64_t> values = node.Ints("value_ints");
    return Tensor::Of<int64_t>({static_cast<int64_t>(values.size())}, values);
  }
  if (const Attribute* value = node.FindAttribute("value_floats")) {
    if (const auto* list = std::get_if<std::vector<float>>(value)) {
      return Tensor::Of<float>({static_cast<int64_t>(list->size())}, *list);
    }
    Fail(ErrorCode::kInvalidModel, "'value_floats' is not a list of floats");
  }
  Fail(ErrorCode::kUnsupported,
       "only dense numeric constants are supported, not strings and sparse "
       "tensors");
}

void InferConstant(InferContext& context) {
  // Strings and sparse tensors stay unknown.
  if (context.node().FindAttribute("value_string") ||
      context.node().FindAttribute("value_strings") ||
      context.node().FindAttribute("sparse_value")) {
    return;
  }
  const Tensor value = ConstantValue(context.node());
  context.SetOutput(0, value.dtype(), Shape::Of(value.dims()));
  if (value.rank() <= 1 &&
      (value.dtype() == DType::kInt64 || value.dtype() == DType::kInt32)) {
    const std::vector<int64_t> ints = value.ToInts();
    context.SetDimTensor(0, {{ints.begin(), ints.end()}, value.rank() == 0});
  }
}

void RunConstant(RunContext& context) {
  context.outputs[0] = ConstantValue(context.node);
}

// ---- ConstantOfShape

// One element; float32 zero unless given.
Tensor FillElement(const Node& node) {
  const Attribute* value = node.FindAttribute("value");
  if (value == nullptr) return Tensor::Scalar<float>(0.0f);
  const auto* tensor = std::get_if<Tensor>(value);
  if (tensor == nullptr || tensor->size() != 1) {
    Fail(ErrorCode::kInvalidModel,
         "attribute 'value' is not a tensor of one element");
  }
  return tensor->Materialize();
}

void InferConstantOfShape(InferContext& context) {
  const Tensor fill = FillElement(context.node());
  const DimTensor* dims = context.dim_tensor(0);
  if (dims == nullptr) {
    const Shape& length = context.shape(0);
    Shape out;
    if (length.has_rank() && length.rank() == 1 && length[0].value()) {
      out = UnknownDims(*length[0].value());
    }
    return context.SetOutput(0, fill.dtype(), std::move(out));
  }
  const Shape out(dims->elements);
  for (const Dim& dim : out.dims()) {
    if (dim.value().value_or(0) >= 0) continue;
    Fail(ErrorCode::kInvalidModel, "the shape has the dimension {}",
         *dim.value());
  }
  context.SetOutput(0, fill.dtype(), out);
  // The vector of ones in exporters' Expand idiom.
  if ((fill.dtype() == DType::kInt64 || fill.dtype() == DType::kInt32) &&
      out.rank() <= 1 && out.count().value() && *out.count().value() <= 1024) {
    const auto count = static_cast<size_t>(*out.count().value());
    context.SetDimTensor(
        0, {DimList(count, Dim(fill.ToInts()[0])), out.rank() == 0});
  }
}

void RunConstantOfShape(RunContext& context) {
  const Tensor fill = FillElement(context.node).Reshaped({});
  const Dims dims = context.in(0).ToInts();
  Tensor out(fill.dtype(), dims);  // zeros, and untouched pages of them
  const bool packed = BitsOf(fill.dtype()) < 8;
  const size_t size = packed ? 1 : fill.bytes();
  std::vector<std::byte> element(fill.raw(), fill.raw() + size);
  if (packed) {
    // The element in every place of one byte.
    const int value = ReadPacked(fill.raw(), fill.dtype(), 0);
    for (int i = 0; i < 8 / BitsOf(fill.dtype()); ++i) {
      WritePacked(element.data(), fill.dtype(), i, value);
    }
  }
  if (element != std::vector<std::byte>(size)) {
    for (size_t at = 0; at < out.bytes(); at += size) {
      std::memcpy(out.mutable_raw() + at, element.data(), size);
    }
  }
  context.outputs[0] = std::move(out);
}

// ---- EyeLike

DType EyeType(const Node& node, DType input) {
  const auto dtype =
      static_cast<DType>(node.Int("dtype", static_cast<int64_t>(input)));
  if (IsFloat(dtype) || IsInteger(dtype) || dtype == DType::kBool) return dtype;
  Fail(ErrorCode::kInvalidModel, "there is no identity matrix of {}",
       DTypeName(dtype));
}

void InferEyeLike(InferContext& context) {
  const Shape& in = context.shape(0);
  if (in.has_rank() && in.rank() != 2) {
    Fail(ErrorCode::kInvalidModel, "input {} is no matrix", in.ToString());
  }
  const bool known = context.dtype(0) != DType::kUndefined ||
                     context.node().FindAttribute("dtype") != nullptr;
  context.SetOutput(
      0, known ? EyeType(context.node(), context.dtype(0)) : DType::kUndefined,
      in);
}

void RunEyeLike(RunContext& context) {
  const Tensor& in = context.in(0);
  if (in.rank() != 2) {
    Fail(ErrorCode::kInvalidModel, "input {} is no matrix",
         DimsToString(in.dims()));
  }
  Tensor eye(DType::kUint8, in.dims());
  const int64_t k = context.node.Int("k", 0);
  // Column row + k exists from this row on; k may be any integer.
  const int64_t first = k < 0 ? -std::max(k, -in.dim(0)) : 0;
  for (int64_t row = first; row < in.dim(0) && k < in.dim(1) - row; ++row) {
    eye.mutable_data<uint8_t>()[row * in.dim(1) + row + k] = 1;
  }
  context.outputs[0] = eye.CastTo(EyeType(context.node, in.dtype()));
}

// ---- Range

// Numbers from start towards limit, excluding it.
template <typename T>
int64_t RangeCount(T start, T limit, T delta) {
  if (delta == 0) Fail(ErrorCode::kInvalidModel, "delta is 0");
  const double steps =
      std::ceil((static_cast<double>(limit) - static_cast<double>(start)) /
                static_cast<double>(delta));
  if (!(steps < 0x1p31)) Fail(ErrorCode::kInvalidModel, "absurdly long range");
  return steps > 0 ? static_cast<int64_t>(steps) : 0;
}

std::optional<Dim> ScalarContent(const InferContext& context, size_t i) {
  const DimTensor* content = context.dim_tensor(i);
  if (content == nullptr || content->elements.size() != 1) return {};
  return content->elements[0];
}

void InferIntegerRange(InferContext& context, const Dim& start,
                       const Dim& limit, int64_t delta) {
  if (!start.value() || !limit.value()) {
    // Sizes: limit >= start is taken for granted.
    const Dim count =
        delta > 0 ? CeilDiv(limit - start, delta) : Dim::Unknown();
    return context.SetOutput(0, context.dtype(0), Shape({count}));
  }
  const int64_t count = RangeCount(*start.value(), *limit.value(), delta);
  context.SetOutput(0, context.dtype(0), Shape::Of({count}));
  if (count > 1024) return;
  DimTensor content;
  for (int64_t i = 0; i < count; ++i) {
    content.elements.push_back(WrapAdd(*start.value(), WrapMul(i, delta)));
  }
  context.SetDimTensor(0, std::move(content));
}

void InferRange(InferContext& context) {
  const auto start = ScalarContent(context, 0);
  const auto limit = ScalarContent(context, 1);
  const auto delta = ScalarContent(context, 2);
  if (start && limit && delta && delta->value()) {
    return InferIntegerRange(context, *start, *limit, *delta->value());
  }
  const Tensor* a = context.constant(0);
  const Tensor* b = context.constant(1);
  const Tensor* d = context.constant(2);
  Dim count = Dim::Unknown();
  const auto is_number = [](const Tensor* tensor) {
    return tensor != nullptr && tensor->size() == 1;
  };
  if (is_number(a) && is_number(b) && is_number(d)) {
    count = RangeCount(a->ToFloats()[0], b->ToFloats()[0], d->ToFloats()[0]);
  }
  context.SetOutput(0, context.dtype(0), Shape({count}));
}

void RunRange(RunContext& context) {
  for (size_t i = 0; i < 3; ++i) {
    if (context.in(i).size() != 1) {
      Fail(ErrorCode::kInvalidModel, "input {} is {}, expected one number", i,
           DimsToString(context.in(i).dims()));
    }
  }
  const DType dtype = context.in(0).dtype();
  const Tensor start = InComputeType(context.in(0));
  const Tensor limit = InComputeType(context.in(1));
  const Tensor delta = InComputeType(context.in(2));
  WithArithmeticType(start.dtype(), [&](auto type) {
    using T = decltype(type);
    const T first = start.template data<T>()[0];
    const T step = delta.template data<T>()[0];
    const int64_t count = RangeCount(first, limit.template data<T>()[0], step);
    Tensor out(start.dtype(), {count});
    for (int64_t i = 0; i < count; ++i) {
      out.mutable_data<T>()[i] =
          WrapAdd(first, WrapMul(static_cast<T>(i), step));
    }
    context.outputs[0] = FromComputeType(std::move(out), dtype);
  });
}

// ---- Shape, Size

struct AxisSpan {
  int begin = 0;
  int end = 0;
};

// start and end: negative from the end, clamped to the rank.
AxisSpan ShapeSpan(const Node& node, int rank) {
  const auto clamp = [&](int64_t axis) {
    return static_cast<int>(
        std::clamp<int64_t>(axis < 0 ? axis + rank : axis, 0, rank));
  };
  const int begin = clamp(node.Int("start", 0));
  return {begin, std::max(begin, clamp(node.Int("end", rank)))};
}

void InferShape(InferContext& context) {
  const Shape& in = context.shape(0);
  if (!in.has_rank()) {
    return context.SetOutput(0, DType::kInt64, Shape({Dim::Unknown()}));
  }
  const AxisSpan span = ShapeSpan(context.node(), in.rank());
  context.SetOutput(0, DType::kInt64, Shape::Of({span.end - span.begin}));
  context.SetDimTensor(
      0,
      {{in.dims().begin() + span.begin, in.dims().begin() + span.end}, false});
}

void RunShape(RunContext& context) {
  const Dims& dims = context.in(0).dims();
  const AxisSpan span = ShapeSpan(context.node, context.in(0).rank());
  context.outputs[0] = Tensor::Of<int64_t>(
      {span.end - span.begin}, std::span<const int64_t>(dims).subspan(
                                   static_cast<size_t>(span.begin),
                                   static_cast<size_t>(span.end - span.begin)));
}

void InferSize(InferContext& context) {
  context.SetOutput(0, DType::kInt64, Shape(DimList{}));
  context.SetDimTensor(0, {{context.shape(0).count()}, true});
}

void RunSize(RunContext& context) {
  context.outputs[0] = Tensor::Scalar<int64_t>(context.in(0).size());
}

// ---- rules

QuantSpec NoNumbersRule(const QuantizeQuery&) {
  return QuantSpec::Float("reads only the shape of its input");
}
QuantSpec NoInputRule(const QuantizeQuery&) {
  return QuantSpec::Float("makes numbers that depend on no activation");
}

}  // namespace

extern constinit const OpDef kConstantOp = {
    .type = "Constant",
    .since = 1,
    .infer = InferConstant,
    .reference = RunConstant,
    .quantize = NoInputRule,
};
extern constinit const OpDef kConstantOfShapeOp = {
    .type = "ConstantOfShape",
    .since = 9,
    .infer = InferConstantOfShape,
    .reference = RunConstantOfShape,
    .quantize = NoInputRule,
};
extern constinit const OpDef kEyeLikeOp = {
    .type = "EyeLike",
    .since = 9,
    .infer = InferEyeLike,
    .reference = RunEyeLike,
    .quantize = NoNumbersRule,
};
extern constinit const OpDef kRangeOp = {
    .type = "Range",
    .since = 11,
    .infer = InferRange,
    .reference = RunRange,
    .quantize = NoInputRule,
};
extern constinit const OpDef kShapeOp = {
    .type = "Shape",
    .since = 15,
    .infer = InferShape,
    .reference = RunShape,
    .quantize = NoNumbersRule,
};
extern constinit const OpDef kSizeOp = {
    .type = "Size",
    .since = 1,
    .infer = InferSize,
    .reference = RunSize,
    .quantize = NoNumbersRule,
};

}  // namespace squint
