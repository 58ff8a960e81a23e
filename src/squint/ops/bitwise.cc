// Operators on the bits of integers: BitShift, BitwiseAnd, BitwiseOr,
// BitwiseXor, BitwiseNot.
#include <cstdint>
#include <functional>
#include <string>
#include <type_traits>
#include <utility>

#include "squint/ops/binary.h"
#include "squint/ops/op.h"

namespace squint {
namespace {

// Floats have no bits to work on here; CheckIntegers keeps them out.
template <typename Function>
struct Bitwise {
  template <typename T>
  T operator()(T a, T b) const {
    if constexpr (std::is_integral_v<T>)
      return static_cast<T>(Function{}(a, b));
    return a;
  }
};
// By as many bits as there are or more, nothing is left.
struct LeftFunction {
  template <typename T>
  T operator()(T a, T b) const {
    if constexpr (std::is_unsigned_v<T>) {
      if (b >= sizeof(T) * 8) return 0;
      return static_cast<T>(static_cast<uint64_t>(a) << b);
    }
    return a;
  }
};
struct RightFunction {
  template <typename T>
  T operator()(T a, T b) const {
    if constexpr (std::is_unsigned_v<T>) {
      if (b >= sizeof(T) * 8) return 0;
      return static_cast<T>(a >> b);
    }
    return a;
  }
};

void CheckIntegers(const Tensor& x, bool is_unsigned) {
  if (IsInteger(x.dtype()) && !(is_unsigned && IsSigned(x.dtype()))) return;
  Fail(ErrorCode::kInvalidModel, "works on {}integers, not on {}",
       is_unsigned ? "unsigned " : "", DTypeName(x.dtype()));
}

template <typename Function>
void RunOnIntegers(RunContext& context) {
  CheckIntegers(context.in(0), false);
  RunBinary<Bitwise<Function>>(context);
}

bool ShiftsLeft(const Node& node) {
  const std::string direction = node.String("direction", "");
  if (direction == "LEFT") return true;
  if (direction == "RIGHT") return false;
  Fail(ErrorCode::kInvalidModel, "direction is '{}', expected LEFT or RIGHT",
       direction);
}

void InferBitShift(InferContext& context) {
  ShiftsLeft(context.node());
  InferBroadcast(context, nullptr);
}

void RunBitShift(RunContext& context) {
  CheckIntegers(context.in(0), true);
  if (ShiftsLeft(context.node)) return RunBinary<LeftFunction>(context);
  RunBinary<RightFunction>(context);
}

void InferBitwiseNot(InferContext& context) { context.SameAsInput(); }

void RunBitwiseNot(RunContext& context) {
  const Tensor& x = context.in(0);
  CheckIntegers(x, false);
  Tensor y(x.dtype(), x.dims());
  for (size_t i = 0; i < x.bytes(); ++i) y.mutable_raw()[i] = ~x.raw()[i];
  context.outputs[0] = std::move(y);
}

QuantSpec BitsRule(const QuantizeQuery&) {
  return QuantSpec::Float("works on the bits of integers, not on real numbers");
}

}  // namespace

extern constinit const OpDef kBitShiftOp = {
    .type = "BitShift",
    .since = 11,
    .infer = InferBitShift,
    .reference = RunBitShift,
    .quantize = BitsRule,
};
extern constinit const OpDef kBitwiseAndOp = {
    .type = "BitwiseAnd",
    .since = 18,
    .infer = InferBinary<nullptr>,
    .reference = RunOnIntegers<std::bit_and<>>,
    .quantize = BitsRule,
};
extern constinit const OpDef kBitwiseNotOp = {
    .type = "BitwiseNot",
    .since = 18,
    .infer = InferBitwiseNot,
    .reference = RunBitwiseNot,
    .quantize = BitsRule,
};
extern constinit const OpDef kBitwiseOrOp = {
    .type = "BitwiseOr",
    .since = 18,
    .infer = InferBinary<nullptr>,
    .reference = RunOnIntegers<std::bit_or<>>,
    .quantize = BitsRule,
};
extern constinit const OpDef kBitwiseXorOp = {
    .type = "BitwiseXor",
    .since = 18,
    .infer = InferBinary<nullptr>,
    .reference = RunOnIntegers<std::bit_xor<>>,
    .quantize = BitsRule,
};

}  // namespace squint
