#include "squint/api/session_buffers.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "squint/base/error.h"
#include "squint/ops/op.h"

namespace squint {
namespace {

bool IsElementType(DType dtype) {
  const bool whole_bytes = BitsOf(dtype) >= 8;
  return whole_bytes &&
         (IsInteger(dtype) || IsFloat(dtype) || dtype == DType::kBool);
}

// Bytes of an element, which is what its address is a multiple of.
size_t SizeOf(ElementType type) {
  return static_cast<size_t>(BitsOf(static_cast<DType>(type))) / 8;
}

bool IsAligned(const void* data, ElementType type) {
  return reinterpret_cast<uintptr_t>(data) % SizeOf(type) == 0;
}

std::string ShapeText(const TensorInfo& info) {
  if (!info.shape) return "of any size";
  std::vector<std::string> sizes;
  for (const int64_t size : *info.shape) {
    sizes.push_back(size < 0 ? "?" : std::to_string(size));
  }
  return fmt::format("[{}]", fmt::join(sizes, ","));
}

bool Fits(const TensorInfo& info, const TensorShape& shape) {
  const auto size_fits = [](int64_t declared, int64_t given) {
    return given >= 0 && (declared < 0 || declared == given);
  };
  return !info.shape || std::ranges::equal(*info.shape, shape, size_fits);
}

// What inputs and outputs have in common.
template <typename AnyBuffer>
void CheckBuffer(std::string_view role, const TensorInfo& info,
                 const AnyBuffer& buffer) {
  const auto dtype = static_cast<DType>(buffer.type);
  if (!IsElementType(dtype)) {
    Fail(ErrorCode::kInvalidArgument, "{} '{}' is {}, its buffer of no type",
         role, info.name, ElementTypeName(info.type));
  }
  CheckShape(role, info, buffer.shape);
  const size_t bytes = BytesOf(dtype, ElementCount(buffer.shape));
  if (buffer.bytes != bytes) {
    Fail(ErrorCode::kInvalidArgument,
         "{} '{}' takes {} bytes as {} {}, its buffer has {}", role, info.name,
         bytes, DTypeName(dtype), DimsToString(buffer.shape), buffer.bytes);
  }
  if (buffer.data == nullptr && bytes > 0) {
    Fail(ErrorCode::kInvalidArgument, "{} '{}' has no memory: data is null",
         role, info.name);
  }
}

struct Range {
  uintptr_t begin;
  uintptr_t end;
  std::string_view role;
  const std::string* name;
};

template <typename AnyBuffer>
Range RangeOf(std::string_view role, const TensorInfo& info,
              const AnyBuffer& buffer) {
  const auto begin = reinterpret_cast<uintptr_t>(buffer.data);
  return {begin, begin + buffer.bytes, role, &info.name};
}

bool IsReadByKernelsOnly(const Graph& graph, ValueId id) {
  for (const NodeId node_id : graph.order()) {
    const Node& node = graph.node(node_id);
    const bool reads = std::ranges::count(node.inputs, id) > 0 ||
                       std::ranges::count(node.captures, id) > 0;
    if (!reads) continue;
    const OpDef* op = FindOp(node.op_type, node.domain);
    if (op == nullptr || op->prepare == nullptr || node.has_graphs()) {
      return false;
    }
  }
  return true;
}

}  // namespace

TensorInfo TensorInfoOf(const Value& value) {
  if (!IsElementType(value.dtype)) {
    Fail(ErrorCode::kUnsupported,
         "'{}' is {}, which a session can neither take nor give", value.name,
         DTypeName(value.dtype));
  }
  TensorInfo info{value.name, static_cast<ElementType>(value.dtype), {}};
  if (!value.shape.has_rank()) return info;
  info.shape.emplace();
  for (const Dim& dim : value.shape.dims()) {
    info.shape->push_back(dim.value().value_or(-1));
  }
  return info;
}

std::vector<bool> LendableInputs(const Graph& graph) {
  std::vector<bool> lendable;
  for (const ValueId id : graph.inputs()) {
    const DType dtype = graph.value(id).dtype;
    const bool numbers = BitsOf(dtype) == 8 ? IsInteger(dtype) : IsFloat(dtype);
    lendable.push_back(numbers && IsReadByKernelsOnly(graph, id));
  }
  return lendable;
}

void CheckCount(std::string_view what, size_t got, size_t expected) {
  if (got == expected) return;
  Fail(ErrorCode::kInvalidArgument, "the network has {} {}, got {}", expected,
       what, got);
}

void CheckShape(std::string_view role, const TensorInfo& info,
                const TensorShape& shape) {
  if (Fits(info, shape)) return;
  Fail(ErrorCode::kInvalidArgument, "{} '{}' has shape {}, got {}", role,
       info.name, ShapeText(info), DimsToString(shape));
}

void CheckInputBuffers(const std::vector<TensorInfo>& infos,
                       std::span<const InputBuffer> inputs) {
  CheckCount("inputs", inputs.size(), infos.size());
  for (size_t i = 0; i < infos.size(); ++i) {
    CheckBuffer("input", infos[i], inputs[i]);
  }
}

void CheckOutputs(const std::vector<TensorInfo>& infos,
                  std::span<const OutputBuffer> outputs) {
  CheckCount("outputs", outputs.size(), infos.size());
  for (size_t i = 0; i < infos.size(); ++i) {
    CheckBuffer("output", infos[i], outputs[i]);
    if (outputs[i].type != infos[i].type) {
      Fail(ErrorCode::kInvalidArgument, "output '{}' is {}, its buffer is {}",
           infos[i].name, ElementTypeName(infos[i].type),
           ElementTypeName(outputs[i].type));
    }
    if (!IsAligned(outputs[i].data, outputs[i].type)) {
      Fail(ErrorCode::kInvalidArgument,
           "the buffer of output '{}' is not aligned to its elements of {} "
           "bytes",
           infos[i].name, SizeOf(outputs[i].type));
    }
  }
}

void CheckOverlap(const std::vector<TensorInfo>& input_infos,
                  std::span<const InputBuffer> inputs,
                  const std::vector<TensorInfo>& output_infos,
                  std::span<const OutputBuffer> outputs) {
  std::vector<Range> others;
  for (size_t i = 0; i < inputs.size(); ++i) {
    others.push_back(RangeOf("input", input_infos[i], inputs[i]));
  }
  for (size_t i = 0; i < outputs.size(); ++i) {
    const Range output = RangeOf("output", output_infos[i], outputs[i]);
    for (const Range& other : others) {
      const uintptr_t begin = std::max(output.begin, other.begin);
      if (begin >= std::min(output.end, other.end)) continue;
      Fail(ErrorCode::kInvalidArgument,
           "the buffer of output '{}' overlaps that of {} '{}'", *output.name,
           other.role, *other.name);
    }
    others.push_back(output);
  }
}

void CheckMade(const TensorInfo& info, const OutputBuffer& output, DType dtype,
               const Dims& dims) {
  if (static_cast<DType>(output.type) == dtype && output.shape == dims) return;
  Fail(ErrorCode::kInvalidArgument, "output '{}' is {} {}, its buffer is {} {}",
       info.name, DTypeName(dtype), DimsToString(dims),
       ElementTypeName(output.type), DimsToString(output.shape));
}

Tensor TensorOf(const InputBuffer& input, bool lendable) {
  const auto dtype = static_cast<DType>(input.type);
  if (lendable && IsAligned(input.data, input.type) && input.bytes > 0) {
    const auto* bytes = static_cast<const std::byte*>(input.data);
    return Tensor(dtype, input.shape,
                  Buffer::Borrow({bytes, input.bytes}, nullptr));
  }
  Tensor copy(dtype, input.shape);
  if (dtype == DType::kBool) {
    const auto* bytes = static_cast<const uint8_t*>(input.data);
    std::transform(bytes, bytes + input.bytes, copy.mutable_data<bool>(),
                   [](uint8_t byte) { return byte != 0; });
  } else if (input.bytes > 0) {
    std::memcpy(copy.mutable_raw(), input.data, input.bytes);
  }
  return copy;
}

}  // namespace squint
